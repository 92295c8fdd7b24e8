import CareEpisode
import TestSupport
import Testing

@testable import Ledger

@Suite("Import job")
struct ImportJobTests {
    /// Bytes that are handed out in pieces, and what is told of their lines.
    private struct Transcript {
        private(set) var rest: ArraySlice<UInt8>
        private(set) var told: [ImportJob.Line] = []
        /// The lines that were handed out whole.
        private(set) var linesRead = 0
        private(set) var bytesRead = 0

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        mutating func read(_ count: Int) -> [UInt8]? {
            guard !rest.isEmpty else { return nil }
            let piece = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            linesRead += piece.count { $0 == 0x0A }
            bytesRead += piece.count
            return piece
        }

        mutating func tell(_ lines: [ImportJob.Line]) { told += lines }
    }

    /// Imports bytes in pieces of some length.
    private func run(
        _ bytes: [UInt8],
        pieces: Int,
        to sequencer: Sequencer
    ) async throws -> [ImportJob.Line] {
        var transcript = Transcript(bytes)
        var job = ImportJob(sequencer, recordedBy: "cli:test")
        try await job.run {
            transcript.read(pieces)
        } telling: {
            transcript.tell($0)
        }
        return transcript.told
    }

    private func bytes(_ lines: [String]) -> [UInt8] { Array(lines.joined(separator: "\n").utf8) }

    private func line(_ episode: EpisodeID, _ event: EventDraft) -> String {
        String(decoding: event.importLine(episodeID: episode), as: UTF8.self)
    }

    /// An admission and so many sessions less one.
    private func lines(_ count: Int) -> [String] {
        let episode = EpisodeID.fresh
        return [line(episode, SampleEvent.admitted())]
            + (1..<count).map { line(episode, SampleEvent.session(day: Int64($0 % 50))) }
    }

    private func name(_ outcome: AppendOutcome) -> String {
        switch outcome {
        case .appended: "appended"
        case .duplicate: "duplicate"
        default: outcome.decline?.code ?? ""
        }
    }

    @Test(
        "However the bytes are cut, each line has its number and its result, and empty ones none",
        arguments: [1, 2, 7, 100, 1 << 20]
    )
    func cut(_ pieces: Int) async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let some = lines(3)
            let text = bytes(
                ["", some[0] + "\r", "  \t\r", "words", some[1], "", some[0], "  " + some[2], ""]
            )
            let told = try await run(text, pieces: pieces, to: sequencer)
            #expect(told.map(\.number) == [2, 4, 5, 7, 8])
            #expect(
                told.map { name($0.outcome) }
                    == ["appended", "refused", "appended", "duplicate", "appended"]
            )
            // The last line without its newline.
            let again = try await run(text.dropLast(), pieces: pieces, to: sequencer)
            #expect(again.map(\.number) == [2, 4, 5, 7, 8])
            #expect(try await audit(database, sequencer.ledger).count == 3)
        }
    }

    @Test("A line that is too long is refused, is not kept, and spoils no other")
    func longLine() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let some = lines(3)
            let limit = ImportJob.lineLimit
            // White space counts as part of the line, and a line of the limit is not too long.
            let padded = some[1] + String(repeating: " ", count: limit - some[1].utf8.count)
            let text = bytes([some[0], padded, padded + " ", some[2]])
            let told = try await run(text, pieces: 1 << 16, to: sequencer)
            #expect(
                told.map { $0.outcome.decline?.errors.map(\.description) } == [
                    nil, nil, ["the event is in a line of more than 1048576 bytes"], nil,
                ]
            )
            #expect(try await audit(database, sequencer.ledger).count == 3)
        }
    }

    @Test("Only so many lines are under way, and their results are told many at a time")
    func window() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let count = 10_000
            var transcript = Transcript(bytes(lines(count)))
            var (most, calls) = (0, 0)
            var job = ImportJob(sequencer, recordedBy: "cli:test")
            try await job.run {
                most = max(most, transcript.linesRead - transcript.told.count)
                return transcript.read(300)
            } telling: {
                calls += 1
                transcript.tell($0)
            }
            #expect(transcript.told.map(\.number) == Array(1...count))
            #expect((512...2_048).contains(most))
            #expect(calls < count / 2)
            let reader = EventReader(database, ledger: sequencer.ledger)
            #expect(try await reader.head().position == Position(Int64(count)))
        }
    }

    @Test("Only so many bytes are under way, however few lines they are")
    func byteWindow() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let narrative = String(repeating: "a", count: 60_000)
            let episode = EpisodeID.fresh
            let changes = (0..<600).map { number in
                let change = ProgramChanged(rationale: narrative, program: "p-\(number)")
                return line(
                    episode,
                    SampleEvent.event(at: SampleEvent.admissionTime, .programChanged(change))
                )
            }
            let text = bytes([line(episode, SampleEvent.admitted())] + changes)
            var transcript = Transcript(text)
            var most = 0
            var job = ImportJob(sequencer, recordedBy: "cli:test")
            try await job.run {
                most = max(most, transcript.linesRead - transcript.told.count)
                return transcript.read(1 << 16)
            } telling: {
                transcript.tell($0)
            }
            #expect(text.count > 1 << 25)
            #expect(most * 60_000 <= 1 << 24)
            #expect(transcript.told.count == 601)
            #expect(transcript.told.allSatisfy { $0.outcome.decline == nil })
        }
    }

    @Test("While the queue is full the import waits, and loses nothing")
    func overloaded() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let limits = SequencerQueue.Limits(queuedEvents: 4, batchEvents: 2)
            let sequencer = Sequencer(database, ledger: ledger, limits: limits)
            // Others have filled it, before anybody serves it.
            let others = try (0..<4).map { _ in
                try sequencer.submit(request(.fresh, SampleEvent.admitted()))
            }
            #expect(throws: AppendError.overloaded) {
                try sequencer.submit(request(.fresh, SampleEvent.admitted()))
            }
            let text = bytes(lines(100))
            let imported = Task { try await run(text, pieces: 1_000, to: sequencer) }
            let told = try await running(sequencer) {
                for result in await outcomes(of: others) {
                    #expect(try result.get().appended?.count == 1)
                }
                return try await imported.value
            }
            #expect(told.map(\.number) == Array(1...100))
            #expect(try await audit(database, ledger).count == 104)
        }
    }

    @Test("What fails ends the import after the results before it were told")
    func failure() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let some = lines(20)
            var transcript = Transcript(bytes(some))
            var job = ImportJob(sequencer, recordedBy: "cli:test")
            await #expect(throws: AppendError.stopped) {
                try await job.run {
                    if transcript.linesRead >= 10 { sequencer.stop() }
                    return transcript.read(200)
                } telling: {
                    transcript.tell($0)
                }
            }
            let rows = try await storedRows(database, sequencer.ledger)
            #expect((9..<20).contains(rows.count))
            #expect(
                transcript.told.flatMap { $0.outcome.receipts.map(\.eventID) }
                    == rows.map(\.eventID)
            )
        }
    }
}
