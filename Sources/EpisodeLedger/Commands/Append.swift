import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime

struct Append: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Append one event, or a list of events all or none, from standard input.",
        discussion: """
            Reads one JSON event or an array of events, and prints what the ledger added: \
            {"events":[{"event_id","version","position","recorded_at","leaf_hash","duplicate"}]}. \
            Repeating it appends nothing and prints the same.
            """
    )

    @Option(help: "The episode's id.")
    var episode: EpisodeID

    @Option(
        help: """
            Append only if the episode is at this version; 0 for a new episode. Without it, \
            wherever the episode stands.
            """
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
            let events = try EventParser.parseRequest(input, from: .writer)
            let ledger = try await session.ledger()
            let request = AppendRequest(
                episodeID: episode,
                events: events,
                expectedVersion: expected,
                recordedBy: Session.principal,
                isList: input.first { !$0.isJSONSpace } == UInt8(ascii: "[")
            )
            let outcome = try await Sequencer.with(session.database, ledger: ledger) { sequencer in
                try await sequencer.append(request)
            }
            try Self.tell(outcome, session.format)
        }
    }

    /// All of standard input, up to what a request may hold.
    private static func readInput() async throws -> [UInt8] {
        let limit = AppendRequest.eventLimit * (1 << 18)
        var reader = try LineReader(path: "-")
        var input: [UInt8] = []
        while let line = try await reader.next() {
            guard let bytes = line.bytes, input.count + bytes.count <= limit else {
                throw Failure.failed("standard input is longer than a request may be")
            }
            input += bytes
            input.append(0x0A)
        }
        return input
    }

    private static func tell(_ outcome: AppendOutcome, _ format: OutputFormat) throws {
        switch outcome {
        case .appended(let receipts), .duplicate(let receipts):
            switch format {
            case .json:
                let answer: AnswerJSON = ["events": .array(receipts.map(\.json))]
                Console.print(answer.bytes)
            case .text:
                for receipt in receipts {
                    Console.print(
                        "\(receipt.duplicate ? "Was recorded" : "Recorded") as version "
                            + "\(receipt.version) at position \(receipt.position), "
                            + "\(receipt.recordedAt)."
                    )
                }
            }
        case .refused(let refusal):
            throw refusal
        case .conflict(let current):
            throw Failure.failed(
                "the episode is at version \(current), not at the expected one; nothing was written"
            )
        case .eventIDReused(let id):
            throw Failure.failed(
                "event id \(id) is recorded already with other content; nothing was written"
            )
        case .partlyRecorded:
            throw Failure.failed(
                "some of the events are recorded already and some are not, or an id is named "
                    + "twice; nothing was written"
            )
        }
    }
}

extension UInt8 {
    fileprivate var isJSONSpace: Bool { [0x20, 0x09, 0x0A, 0x0D].contains(self) }
}

extension AppendReceipt {
    /// What the ledger added to an event.
    var json: AnswerJSON {
        [
            "event_id": .string(eventID.description),
            "version": .integer(version.rawValue),
            "position": .integer(position.rawValue),
            "recorded_at": .instant(recordedAt),
            "leaf_hash": .string(hexadecimal(leafHash)),
            "duplicate": .bool(duplicate),
        ]
    }
}

/// Lower-case hex.
func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
}
