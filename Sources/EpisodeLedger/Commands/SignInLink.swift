import ArgumentParser
import CareEpisode
import FoundationEssentials
import Glibc
import Ledger
import ProjectionRuntime
import Server

struct SignInLink: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign-in-link",
        abstract: "Print a link that signs you in to the pages, once.",
        usage: "episode-ledger sign-in-link [<options>]",
        discussion: """
            For a service on this computer that has no identity provider. The link is good for ten \
            minutes and until a newer one is made; who is signed in stays so. It makes its user \
            clinician, auditor and administrator of every ledger of the database.
            """
    )

    @OptionGroup var pages: PageOptions

    @OptionGroup var options: LedgerOptions

    func validate() throws {
        _ = try pages.origin()
        guard Setting.oidcIssuer.value == nil else {
            throw ValidationError(
                "links do not sign in where an identity provider does: "
                    + "\(Setting.oidcIssuer.place) names one"
            )
        }
    }

    func run() async throws {
        let command = self
        try await Session.run(options) { session in
            let link = try await command.pages.newLink(session)
            if session.format == .json {
                let answer: AnswerJSON = [
                    "link": .string(link),
                    "expires_in": .integer(Int64(SignIns.linkMinutes) * 60),
                ]
                Console.print(answer.bytes)
            } else {
                Console.print(link)
            }
        }
    }
}

/// Where the pages are.
struct PageOptions: ParsableArguments {
    @Option(help: "The address to listen on. (EPISODE_LEDGER_HOST)")
    var host: String?

    @Option(help: "The port to listen on, 0 for any that is free. (EPISODE_LEDGER_PORT)")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            """
            Where browsers find the service, such as https://ledger.example.org: the only host \
            that its pages answer, besides this computer's own. (EPISODE_LEDGER_PUBLIC_URL)
            """,
            valueName: "url"
        )
    )
    var publicURL: String?

    /// The address to listen on.
    var address: String { host ?? Setting.host.value ?? "127.0.0.1" }

    /// The port to listen on; nil where it is none.
    var portNumber: Int? {
        let number = port ?? Setting.port.value.map { Int($0) } ?? 8_080
        return number.flatMap { (0...65_535).contains($0) ? $0 : nil }
    }

    /// Where browsers find the service; nil where nothing says so.
    func origin() throws -> PublicOrigin? {
        guard portNumber != nil else {
            let source = port == nil ? Setting.port.place : "--port"
            throw ValidationError("\(source) must be from 0 to 65535")
        }
        guard let text = publicURL ?? Setting.publicURL.value else { return nil }
        guard let origin = PublicOrigin(text) else {
            let source = publicURL == nil ? Setting.publicURL.place : "--public-url"
            throw ValidationError(
                "\(source) must be an https address without a path, such as "
                    + "https://ledger.example.org; http is for this computer alone"
            )
        }
        return origin
    }

    /// Whether only this computer's own browsers find the service, so that links sign in.
    func takesLinks() throws -> Bool {
        try origin()?.isThisComputer ?? PublicOrigin.isThisComputer(address)
    }

    /// Makes a link.
    ///
    /// - Parameters:
    ///   - session: where the sessions are.
    ///   - port: that the service listens on; nil for the one that is set.
    ///   - scheme: `http` or `https`.
    func newLink(
        _ session: Session,
        port: Int? = nil,
        scheme: String = "http"
    ) async throws -> String {
        guard try takesLinks() else {
            throw Failure.failed(
                "links sign in only where the service is for this computer alone: it listens on "
                    + "\(address)"
            )
        }
        let secret = try await SignIns(session.database).newLink(
            for: "local:\(Session.user)",
            roles: ["clinician", "auditor", "administrator"]
        )
        let place = address.contains(":") ? "[\(address)]" : address
        let origin =
            try origin()?.description
            ?? "\(scheme)://\(place):\(port ?? portNumber ?? 8_080)"
        return "\(origin)/sign-in/once/\(secret)"
    }

    /// Shows a link to who looks at a terminal; else puts it into a file that only this user reads.
    static func announce(_ link: String, dataDirectory: String) throws {
        guard isatty(STDERR_FILENO) == 0 else {
            Console.note("open this link to sign in, once, within ten minutes:\n\n    \(link)\n")
            return
        }
        let path = "\(dataDirectory)/sign-in-link"
        try FileManager.default.createDirectory(
            atPath: dataDirectory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        unlink(path)
        let file = open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure.failed("\(path): the link cannot be written") }
        defer { close(file) }
        let bytes = Array("\(link)\n".utf8)
        guard write(file, bytes, bytes.count) == bytes.count else {
            throw Failure.failed("\(path): the link cannot be written")
        }
        Console.note("the link to sign in with is in \(path)")
    }
}
