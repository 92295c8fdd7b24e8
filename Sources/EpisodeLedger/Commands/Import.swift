import ArgumentParser
import CareEpisode
import Documents
import Ledger

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
            let input = try InputFile(path: file)
            defer { input.close() }
            let ledger = try await session.ledger()
            let tally = try await Sequencer.with(session.database, ledger: ledger) { sequencer in
                try await Self.append(input, of: file, to: sequencer)
            }
            let head = try await EventReader(session.database, ledger: ledger).head().position
            tally.print(head: head, session.format)
            if let error = tally.error { throw error }
            if tally.refused > 0 { throw Failure.refused }
        }
    }

    private static func append(
        _ input: InputFile,
        of path: String,
        to sequencer: Sequencer
    ) async throws -> ImportTally {
        var job = ImportJob(sequencer, recordedBy: Session.principal)
        var tally = ImportTally()
        let progress = ProgressBar("Importing", unit: "lines")
        do {
            try await job.run {
                let chunk = try await input.read()
                return chunk.isEmpty ? nil : chunk
            } telling: { lines in
                for line in lines {
                    tally.add(line, of: path)
                    progress.update(Int64(line.number))
                }
            }
        } catch let error as AppendError {
            tally.error = .failed("\(error)")
        } catch let error as CancellationError {
            Console.note("stopped: run the import again to append the rest")
            throw error
        }
        progress.finish()
        return tally
    }
}

/// What an import did.
struct ImportTally: Sendable {
    var appended: Int64 = 0
    var duplicates: Int64 = 0
    var refused: Int64 = 0
    /// What stopped it before the end of the file.
    var error: Failure?

    /// Counts a line, and says why it is refused.
    mutating func add(_ line: ImportJob.Line, of path: String) {
        switch line.outcome {
        case .appended: appended += 1
        case .duplicate: duplicates += 1
        case .refused, .conflict, .eventIDReused, .partlyRecorded: refused += 1
        }
        if let decline = line.outcome.decline {
            let reasons = decline.errors.map(\.description).joined(separator: "; ")
            Console.note("\(path):\(line.number): \(reasons)")
        }
    }

    func print(head: Position, _ format: OutputFormat) {
        format.print([
            "appended": .integer(appended),
            "duplicates": .integer(duplicates),
            "refused": .integer(refused),
            "head": .integer(head.rawValue),
        ]) {
            [
                "Appended \(Words.grouped(appended)) events, \(Words.grouped(duplicates)) duplicates, "
                    + "\(Words.grouped(refused)) refused; the head is at \(Words.grouped(head.rawValue))."
            ]
        }
    }
}
