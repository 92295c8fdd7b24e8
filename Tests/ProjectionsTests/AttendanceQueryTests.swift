import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Attendance of a ledger's episodes", .serialized)
struct AttendanceQueryTests {
    private static let episode = EpisodeID(bits: 77)

    /// A ledger with one episode, of which one session became known later.
    private func withEpisode(
        _ body: (ProjectionFixture, AttendanceQuery, _ late: EventID) async throws -> Void
    ) async throws {
        try await ProjectionFixture.with(timeZone: "America/New_York") { fixture in
            var story = try AttendanceStory(timeZone: "America/New_York")
            story.admit(planned: 9, "2026-01-05 15:00")
            story.attend("s-1", minutes: 240, "2026-01-06 15:00")
            story.miss(.noShow, id: "s-2", "2026-01-07 15:00")
            let late = story.attend("s-3", minutes: 300, "2026-01-08 15:00")
            try await fixture.append(
                story.events.map { event in
                    RandomEvent(
                        episodeID: Self.episode,
                        draft: EventDraft(
                            eventID: event.eventID,
                            occurredAt: event.occurredAt,
                            author: Author(id: "a", role: .other),
                            sourceRecordedAt: event.eventID == late
                                ? moment("2026-01-20") : event.occurredAt,
                            data: try EventData.decode(
                                event.type,
                                schemaVersion: 1,
                                payload: event.payload
                            )
                        )
                    )
                }
            )
            let query = try AttendanceQuery(fixture.database, ledger: fixture.ledger)
            try await body(fixture, query, late)
        }
    }

    @Test("The answer is what was known then of what had happened then")
    func twoClocks() async throws {
        try await withEpisode { fixture, query, _ in
            let effectiveAt = moment("2026-01-12 05:00")
            let (now, basis) = try await query.episode(Self.episode, effectiveAt: effectiveAt)
            #expect(now.weeks.map(\.hours) == [9, 0])
            #expect(now.weeks.flatMap(\.flags).isEmpty)
            let head = try await fixture.head()
            #expect(basis.knownAt == nil && basis.position == head)
            let knowledge = Knowledge(at: moment("2026-01-19"))
            let (then, known) = try await query.episode(
                Self.episode,
                effectiveAt: effectiveAt,
                knowledge: knowledge
            )
            #expect(then.weeks.map(\.hours) == [4, 0] && then.rate == 0.5)
            #expect(then.weeks[0].flags.map(\.flag) == [.belowWeeklyHours])
            #expect(known.knownAt == knowledge.at)
            let (early, _) = try await query.episode(
                Self.episode,
                effectiveAt: moment("2026-01-07 15:00")
            )
            #expect(early.weeks.map(\.attended) == [1] && early.missed == [.noShow: 1])
        }
    }

    @Test("An episode of which nothing is recorded is unknown, and one not yet admitted is told")
    func errors() async throws {
        try await withEpisode { _, query, _ in
            let unknown = try await error(LedgerError.self) {
                _ = try await query.episode(EpisodeID(bits: 78), effectiveAt: moment("2026-01-12"))
            }
            #expect("\(unknown)" == "\(LedgerError.unknownEpisode(EpisodeID(bits: 78)))")
            for (effectiveAt, knowledge) in [
                (moment("2026-01-05"), nil),
                (moment("2026-01-12"), Knowledge(at: moment("2026-01-05"))),
            ] {
                let refusal = try await error(AttendanceError.self) {
                    _ = try await query.episode(
                        Self.episode,
                        effectiveAt: effectiveAt,
                        knowledge: knowledge
                    )
                }
                #expect(refusal == .notAdmitted(Self.episode, effectiveAt: effectiveAt))
            }
        }
    }

    @Test("An episode that cannot be read has no answer")
    func unreadable() async throws {
        try await withEpisode { fixture, query, _ in
            try await fixture.superuser(
                EventTable.insertNext(
                    after: 4,
                    type: "completed",
                    payload: #"{"last_contact_at":7}"#
                )
            )
            let refusal = try await error(AttendanceError.self) {
                _ = try await query.episode(Self.episode, effectiveAt: moment("2026-01-12"))
            }
            #expect(refusal == .unreadable(Self.episode))
        }
    }

    @Test("A comparison of two knowledge times names the weeks that differ, and why")
    func difference() async throws {
        try await withEpisode { fixture, query, late in
            let difference = try await HistoryFold(fixture.database, ledger: fixture.ledger)
                .difference(
                    of: [Self.episode],
                    from: moment("2026-01-19"),
                    to: moment("2026-01-21"),
                    by: .source,
                    fold: query.fold(effectiveAt: moment("2026-01-14")),
                    items: { $0.flatMap(\.items) }
                )
            #expect(difference.changes.map(\.item) == ["weeks/2026-W02", "rate"])
            #expect(difference.changes.allSatisfy { $0.because == [late] })
        }
    }

    @Test("The answer has the members that are documented")
    func json() async throws {
        try await withEpisode { fixture, query, _ in
            let effectiveAt = moment("2026-01-07 16:00")
            let (attendance, basis) = try await query.episode(
                Self.episode,
                effectiveAt: effectiveAt
            )
            let json = attendance.json(
                Self.episode,
                fixture.ledger,
                effectiveAt: effectiveAt,
                basis
            )
            #expect(
                String(decoding: json.bytes, as: UTF8.self)
                    == #"{"episode_id":"\#(Self.episode)","ledger":"clinic","#
                    + #""effective_at":"2026-01-07T16:00:00.000000Z","position":4,"lag":0,"#
                    + #""known_at":null,"known_by":null,"settings":[],"#
                    + #""weeks":[{"week":"2026-W02","attended":1,"#
                    + #""missed":{"no_show":1},"hours":4,"planned_hours":9,"threshold":null,"#
                    + #""not_judged":"not_over","flags":[]}],"#
                    + #""missed_after_end":{},"rate":0.5,"flags":[],"parked":[]}"#
            )
        }
    }
}
