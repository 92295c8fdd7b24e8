import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

/// The questions about one episode, asked of its first versions.
@Suite("An episode as its first versions make it", .serialized)
struct VersionReplayTests {
    private func histories(_ seed: UInt64) throws -> RandomHistories {
        RandomHistories(
            seed: seed,
            calendar: try LocalCalendar(timeZone: "America/New_York"),
            medications: true
        )
    }

    /// What a question answers, or why it does not; how far behind the head that is, left out.
    private func answer<Asked: Question>(
        _ question: Asked.Type,
        _ values: [String: String],
        _ context: LedgerContext
    ) async throws -> String {
        let asked = try Asked.read(Arguments(values.mapValues { [$0] }), at: context.moment)
        do {
            let json = String(decoding: try await asked.answer(context).json.bytes, as: UTF8.self)
            return json.replacing(/"lag":[0-9]+/, with: "")
        } catch {
            return "\(error)"
        }
    }

    /// The four questions.
    private func answers(
        _ values: [String: String],
        _ context: LedgerContext
    ) async throws -> [String] {
        [
            try await answer(ReplayQuestion.self, values, context),
            try await answer(AttendanceQuestion.self, values, context),
            try await answer(MedicationReviewQuestion.self, values, context),
            try await answer(
                DischargeSummaryQuestion.self,
                values.merging(["interim": "true"]) { $1 },
                context
            ),
        ]
    }

    @Test(
        "Every state n is what the ledger answered when it held the first n events",
        arguments: [11, 12] as [UInt64]
    )
    func states(_ seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            var random = try histories(seed)
            let events = random.events(40, episodes: 3)
            let now = try #require(Instant(rfc3339: "2030-01-01T00:00:00Z"))
            var told: [(values: [String: String], answers: [String])] = []
            for event in events {
                try await fixture.append([event])
                let context = try await LedgerContext(fixture.database, fixture.ledger, now: now)
                let newest = try #require(
                    try await context.reader.events(of: event.episodeID).last?.history
                )
                let episode = event.episodeID.description
                let known = min(newest.knownAt, now).description
                told.append(
                    (
                        ["episode": episode, "version": newest.version.description],
                        try await answers(["episode": episode, "effective_at": known], context)
                    )
                )
            }
            let context = try await LedgerContext(fixture.database, fixture.ledger, now: now)
            for (values, then) in told {
                #expect(try await answers(values, context) == then, "seed \(seed), \(values)")
            }
            #expect(told.contains { $0.answers.allSatisfy { $0.hasPrefix("{") } })
        }
    }

    @Test(
        "What a version changed is what differs between the answers with and without it",
        arguments: [21, 22] as [UInt64]
    )
    func changes(_ seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            var random = try histories(seed)
            try await fixture.append(random.events(60, episodes: 3))
            let now = try #require(Instant(rfc3339: "2030-01-01T00:00:00Z"))
            let context = try await LedgerContext(fixture.database, fixture.ledger, now: now)
            let page = try await context.reader.page(after: .zero, limit: 100)
            let all = Dictionary(grouping: page.events, by: \.episodeID)
            let (episode, events) = try #require(all.max { $0.value.count < $1.value.count })
            var changed = 0
            for event in events.map(\.history) {
                let known = min(event.knownAt, now).description
                func items(_ version: Version) async throws -> [String: [UInt8]] {
                    guard version > .zero else { return [:] }
                    let asked = try AttendanceQuestion.read(
                        Arguments([
                            "episode": [episode.description], "effective_at": [known],
                            "version": [version.description],
                        ]),
                        at: context.moment
                    )
                    do {
                        guard case .episode(let found) = try await asked.answer(context).value
                        else { return [:] }
                        let items = found.items
                        return Dictionary(
                            uniqueKeysWithValues: items.map { ($0.name, $0.value.bytes) }
                        )
                    } catch AttendanceError.notAdmitted { return [:] }
                }
                let before = try await items(Version(event.version.rawValue - 1))
                let after = try await items(event.version)
                let differing = Set(before.keys).union(after.keys).filter {
                    before[$0] != after[$0]
                }
                let asked = try AttendanceQuestion.read(
                    Arguments([
                        "episode": [episode.description], "version": [event.version.description],
                    ]),
                    at: context.moment
                )
                let changes = try await asked.changes(context)
                #expect(
                    Set(changes.map(\.item)) == Set(differing),
                    "seed \(seed), \(event.version)"
                )
                #expect(changes.allSatisfy { $0.because == [event.eventID] })
                changed += changes.isEmpty ? 0 : 1
            }
            #expect(changed > 3)
        }
    }

    @Test("A version goes with no knowledge time, with one episode alone, and must be there")
    func refusals() async throws {
        try await ProjectionFixture.with { fixture in
            var random = try histories(31)
            try await fixture.append(random.events(2, episodes: 1))
            let context = try await LedgerContext(fixture.database, fixture.ledger)
            let page = try await context.reader.page(after: .zero, limit: 1)
            let episode = try #require(page.events.first).episodeID.description
            func reasons<Asked: Question>(
                _ question: Asked.Type,
                _ values: [String: String]
            ) -> [String] {
                do {
                    _ = try Asked.read(Arguments(values.mapValues { [$0] }), at: context.moment)
                    return []
                } catch {
                    return error.reasons.map { "\($0.parameter) \($0.code.rawValue)" }
                }
            }
            let one = ["episode": episode, "version": "2"]
            #expect(reasons(ReplayQuestion.self, one) == [])
            #expect(
                reasons(ReplayQuestion.self, one.merging(["known_at": "2025-12-01"]) { $1 })
                    == ["version conflict"]
            )
            #expect(
                reasons(
                    DischargeSummaryQuestion.self,
                    one.merging(["diff": "2025-12-01,2025-12-02"]) { $1 }
                ) == ["version conflict"]
            )
            #expect(
                reasons(AttendanceQuestion.self, ["episode": episode, "version": "0"])
                    == ["version invalid"]
            )
            #expect(
                reasons(MedicationReviewQuestion.self, ["program": "iop", "version": "2"])
                    == ["version conflict"]
            )
            #expect(
                try await answer(
                    ReplayQuestion.self,
                    ["episode": episode, "version": "3"],
                    context
                ) == "episode \(episode) has no such version: its newest is 2"
            )
        }
    }
}
