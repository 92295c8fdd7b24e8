import ArgumentParser
import CareEpisode
import Ledger

struct Append: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Append one event, or an array of events all or none, from standard input.",
        usage: "episode-ledger append --episode <id> [<options>] < event.json",
        discussion: """
            Reads one JSON event or an array of events, such as
              {"event_id":"9f1c…","type":"admitted","occurred_at":"2025-01-06T09:00:00Z",
               "author":{"id":"n-17","role":"nurse"},
               "data":{"client_id":"C-1","program":"iop-day",
                       "level_of_care":"intensive_outpatient"}}
            and prints what the ledger added to each:
              {"events":[{"event_id","version","position","recorded_at","leaf_hash",
                          "duplicate"}]}
            Repeating it with the same event ids appends nothing: "duplicate" is then true.
            """
    )

    @Option(help: ArgumentHelp("The episode's id, a UUID.", valueName: "id"))
    var episode: EpisodeID

    @Option(
        help: ArgumentHelp(
            """
            Append only if the episode is at this version; 0 for a new episode. Without it, \
            wherever the episode stands.
            """,
            valueName: "version"
        )
    )
    var expectedVersion: Int64?

    @OptionGroup var options: LedgerOptions

    func validate() throws {
        if let expectedVersion, expectedVersion < 0 {
            throw ValidationError("--expected-version must be 0 or more")
        }
    }

    func run() async throws {
        let (episode, expected) = (episode, expectedVersion.map { Version(rawValue: $0) })
        try await Session.run(options) { session in
            let input = try await Self.readInput()
            let sent = try EventParser.parseRequest(input, from: .writer)
            let ledger = try await session.ledger()
            let request = AppendRequest(
                episodeID: episode,
                events: sent.events,
                expectedVersion: expected,
                recordedBy: Session.principal,
                isList: sent.isList
            )
            let outcome = try await Sequencer.with(session.database, ledger: ledger) { sequencer in
                try await sequencer.append(request)
            }
            try Self.tell(outcome, session.format)
        }
    }

    /// All of standard input, up to what a request may hold: its events and as much again between
    /// them.
    private static func readInput() async throws -> [UInt8] {
        let limit = 2 * AppendRequest.eventLimit * (1 << 18)
        let file = try InputFile(path: "-")
        var input: [UInt8] = []
        while true {
            let chunk = try await file.read()
            if chunk.isEmpty { return input }
            input += chunk
            guard input.count <= limit else {
                Console.note("error: standard input is longer than \(limit) bytes")
                throw Failure.refused
            }
        }
    }

    private static func tell(_ outcome: AppendOutcome, _ format: OutputFormat) throws {
        if case .refused(let refusal) = outcome { throw refusal }
        if let decline = outcome.decline {
            if decline.isConflict { throw Failure.failed(decline.detail) }
            Console.note("error: \(decline.detail)")
            throw Failure.refused
        }
        format.print(["events": outcome.receipts.json]) {
            outcome.receipts.map { receipt in
                "\(receipt.duplicate ? "Was recorded" : "Recorded") as version "
                    + "\(receipt.version) at position \(receipt.position), \(receipt.recordedAt)."
            }
        }
    }
}
