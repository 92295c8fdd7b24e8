public import ArgumentParser
import CareEpisode
public import Server

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a bearer token for the service, signed with the local key.",
        usage: "episode-ledger token --role <role> [<options>]",
        discussion: """
            For the embedded default, where there is no identity provider. The key is made when it \
            is first needed; a service that was told of another issuer's keys takes no such token. \
            The token is printed by itself, also into a pipe; --format json prints it as a member \
            of an object.
            """
    )

    @Option(
        help: ArgumentHelp(
            "What the bearer may be; may be given several times.",
            valueName: "role"
        )
    )
    var role: [Role]

    @Option(
        help: ArgumentHelp("Who the bearer is: recorded_by of what he appends.", valueName: "name")
    )
    var subject: String?

    @Option(
        help: ArgumentHelp("For how long, such as 12h, 30m or 7d; at most 30d.", valueName: "time")
    )
    var expires = Validity(seconds: 12 * 3_600)

    @Flag(help: "For every ledger, not only --ledger.")
    var allLedgers = false

    @OptionGroup var tokens: TokenOptions

    @OptionGroup var options: LedgerOptions

    func validate() throws {
        guard !role.isEmpty else { throw ValidationError("--role is required") }
        if let subject, !LocalTokens.isSubject(subject) {
            throw ValidationError(
                "--subject must be 1 to 255 bytes, without control characters or marks that turn "
                    + "the direction of writing"
            )
        }
    }

    func run() async throws {
        let command = self
        try await Session.runOffline(options) { _ in
            let name = try command.options.ledgerName
            let local = try command.tokens.local(command.options.dataDirectory)
            let subject = command.subject ?? Session.principal
            let token = try await local.token(
                subject: subject,
                roles: command.role,
                ledgers: command.allLedgers ? ["*"] : [name.description],
                validFor: command.expires.seconds
            )
            if command.options.format == .json {
                let answer: AnswerJSON = [
                    "token": .string(token),
                    "subject": .string(subject),
                    "expires_in": .integer(Int64(command.expires.seconds)),
                ]
                Console.print(answer.bytes)
            } else {
                Console.print(token)
            }
        }
    }
}

/// Where the key for local tokens is.
struct TokenOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The file with the key that signs local tokens. (EPISODE_LEDGER_TOKEN_KEY; default: \
            tokens/token.key in the data folder)
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    var tokenKey: String?

    /// The key, made where there is none.
    func local(_ dataDirectory: String) throws -> LocalTokens {
        try LocalTokens(
            keyFile: tokenKey ?? Setting.tokenKey.value
                ?? "\(dataDirectory)/tokens/token.key"
        )
    }
}

/// A time such as 12h.
struct Validity: ExpressibleByArgument {
    let seconds: Int

    init(seconds: Int) {
        self.seconds = seconds
    }

    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }),
            let number = Int(argument.dropLast()),
            number > 0, number <= LocalTokens.longestValidity / unit
        else { return nil }
        seconds = number * unit
    }

    var defaultValueDescription: String { "\(seconds / 3_600)h" }
}

extension Role: ExpressibleByArgument {
    /// A role that a token may have.
    public init?(argument: String) {
        guard let role = Role.ofTokens.first(where: { $0.rawValue == argument }) else { return nil }
        self = role
    }

    /// What a token may be.
    public static var allValueStrings: [String] { Role.ofTokens.map(\.rawValue) }
}
