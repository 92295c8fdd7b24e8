import ArgumentParser
import CareEpisode
import DequeModule
import Ledger
import ProjectionRuntime

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Append the events of an NDJSON file, in its order.",
        usage: "episode-ledger import <file> [<options>]",
        discussion: """
            One event a line, as in `export --as-import`. Refused lines are reported on standard \
            error as FILE:LINE: reason; the others are appended all the same. Running the import \
            again appends nothing. Prints {"appended":n,"duplicates":n,"refused":n,"head":p}.
            """
    )

    @Argument(help: "The file, or - for standard input.", completion: .file())
    var file: String

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        let file = file
        try await Session.run(options) { session in
            let reader = try LineReader(path: file)
            defer { reader.close() }
            let ledger = try await session.ledger()
            let tally = try await Sequencer.with(session.database, ledger: ledger) { sequencer in
                var job = ImportJob(path: file, reader: reader, sequencer: sequencer)
                return try await job.run()
            }
            let head = try await EventReader(session.database, ledger: ledger).head().position
            tally.print(head: head, session.format)
            if let error = tally.error { throw error }
            if tally.refused > 0 { throw Failure.refused }
        }
    }
}

/// What an import did.
struct ImportTally: Sendable {
    var appended: Int64 = 0
    var duplicates: Int64 = 0
    var refused: Int64 = 0
    /// What stopped it before the end of the file.
    var error: Failure?

    func print(head: Position, _ format: OutputFormat) {
        switch format {
        case .json:
            let answer: AnswerJSON = [
                "appended": .integer(appended),
                "duplicates": .integer(duplicates),
                "refused": .integer(refused),
                "head": .integer(head.rawValue),
            ]
            Console.print(answer.bytes)
        case .text:
            Console.print(
                "Appended \(grouped(appended)) events, \(grouped(duplicates)) duplicates, "
                    + "\(grouped(refused)) refused; the head is at \(grouped(head.rawValue))."
            )
        }
    }
}

/// Reads lines ahead of their outcomes, and tells the outcomes in the order of the lines.
private struct ImportJob {
    /// How many lines are under way at most.
    private static let window = 4_096

    private let path: String
    private let sequencer: Sequencer
    private var reader: LineReader
    private var underWay: Deque<(line: Int, ticket: AppendTicket)> = []
    private var tally = ImportTally()
    private let progress = ProgressBar("Importing", unit: "lines")

    init(path: String, reader: LineReader, sequencer: Sequencer) {
        self.path = path
        self.reader = reader
        self.sequencer = sequencer
    }

    mutating func run() async throws -> ImportTally {
        do {
            while let line = try await reader.next() {
                if underWay.count >= Self.window { try await tellFirst() }
                try await submit(line)
                progress.update(Int64(line.number))
            }
            while !underWay.isEmpty { try await tellFirst() }
        } catch let error as AppendError {
            tally.error = .failed("\(error)")
        } catch let error as CancellationError {
            Console.note("stopped: run the import again to append the rest")
            throw error
        }
        progress.finish()
        return tally
    }

    private mutating func submit(_ line: LineReader.Line) async throws {
        guard let bytes = line.bytes else {
            try await tellAll()
            return refuse(line.number, ["is longer than \(LineReader.lineLimit) bytes"])
        }
        // An empty line separates nothing and means nothing.
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return }
        do {
            let (episode, draft) = try EventParser.parseLine(bytes)
            let request = AppendRequest(
                episodeID: episode,
                events: [draft],
                recordedBy: Session.principal
            )
            underWay.append((line.number, try sequencer.submit(request)))
        } catch let refusal as Refusal {
            // Lines are told in their order.
            try await tellAll()
            refuse(line.number, refusal.errors.map(\.description))
        }
    }

    private mutating func tellAll() async throws {
        while !underWay.isEmpty { try await tellFirst() }
    }

    private mutating func tellFirst() async throws {
        guard let (line, ticket) = underWay.popFirst() else { return }
        switch try await ticket.outcome() {
        case .appended: tally.appended += 1
        case .duplicate: tally.duplicates += 1
        case .refused(let refusal): refuse(line, refusal.errors.map(\.description))
        case .eventIDReused: refuse(line, ["/event_id is recorded already with other content"])
        case .partlyRecorded, .conflict: refuse(line, ["/event_id is recorded already"])
        }
    }

    private mutating func refuse(_ line: Int, _ reasons: [String]) {
        tally.refused += 1
        Console.note("\(path):\(line): \(reasons.joined(separator: "; "))")
    }
}
