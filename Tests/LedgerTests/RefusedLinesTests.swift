import CareEpisode
import TestSupport
import Testing

@testable import Ledger

@Suite("Refused lines")
struct RefusedLinesTests {
    @Test("Every line of the refusal table is refused with its errors, and nothing is written")
    func refusesAll() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            // The episode that the lines name is open, so that only their shape is against them.
            let named = try #require(EpisodeID("0192f0c1-7a00-7000-8000-00000000e001"))
            try await sequencer.appended(request(named, SampleEvent.admitted()))
            let before = try await storedRows(database, sequencer.ledger)
            #expect(RefusalTable.cases.count >= 120)
            for refusal in RefusalTable.cases {
                let errors = try await importLine(refusal.line, sequencer)
                #expect(errors == refusal.errors, "\(refusal.name)")
            }
            // Had one been accepted, it would be recorded by now: requests are served in order.
            try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            let after = try await audit(database, sequencer.ledger)
            #expect(after.count == before.count + 1)
            #expect(after.first?.eventID == before.first?.eventID)
        }
    }

    /// What an import does with a line; the errors, where it is refused.
    private func importLine(_ line: [UInt8], _ sequencer: Sequencer) async throws -> [String]? {
        let parsed: (episodeID: EpisodeID, draft: EventDraft)
        do throws(Refusal) {
            parsed = try EventParser.parseLine(line)
        } catch {
            return error.errors.map(\.description)
        }
        return try await sequencer.append(request(parsed.episodeID, parsed.draft)).refusal
    }
}
