import ArgumentParser
import CareEpisode
import Ledger
import Postgres

/// What every command takes that prints health information.
struct DisclosureOptions: ParsableArguments {
    @Flag(
        help: """
            Go on where the access log cannot be written, as on a replica; who looked is then kept \
            nowhere. Where it can be written, it is.
            """
    )
    var unlogged = false
}

/// Health information that is about to be printed.
struct Disclosure: Sendable {
    /// The request, by the name that it has over HTTP.
    var operation: String
    /// The episode that it is about.
    var episode: EpisodeID?
    /// What was asked for and is given: positions and numbers.
    var detail: String
}

extension Session {
    /// How long the entry in the access log may take.
    static let accessTimeout: Duration = .seconds(30)

    /// Keeps in the ledger's access log who is shown health information, before it is printed.
    ///
    /// - Throws: ``Failure`` where that cannot be kept, unless the options say to go on all the same.
    func disclose(
        _ disclosure: Disclosure,
        of ledger: LedgerDescription,
        _ options: DisclosureOptions
    ) async throws {
        let decision = AccessDecision(
            subject: Self.principal,
            roles: ["command-line"],
            operation: disclosure.operation,
            isAllowed: true,
            episodeID: disclosure.episode,
            detail: disclosure.detail,
            requestID: "cli-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        )
        do {
            let unwritten = try await AccessDecision.write(
                [decision],
                to: ledger,
                on: database.writer,
                deadline: .now + Self.accessTimeout
            )
            if !unwritten.isEmpty { throw Failure.failed("the database refuses the entry") }
        } catch  where !Task.isCancelled {
            let reason = "the access log cannot be written: \(error)"
            guard options.unlogged else {
                throw Failure.failed(
                    "\(reason). Nothing is shown that is not kept there: ask the primary, or as a user "
                        + "with the role ledger_writer, or give --unlogged"
                )
            }
            Console.note("warning: \(reason). Nobody is told who has seen this")
        }
    }
}
