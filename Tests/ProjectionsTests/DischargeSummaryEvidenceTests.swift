import CareEpisode
import ProjectionTestSupport
import Testing

@testable import Projections

@Suite("The evidence of a discharge summary")
struct DischargeSummaryEvidenceTests {
    /// One episode's summaries with any of its events left out.
    private struct Case {
        let episode: EpisodeID
        let events: [HistoryEvent]
        let calendar: LocalCalendar

        func summary(without left: EventID...) throws -> DischargeSummary? {
            let events = events.filter { !left.contains($0.eventID) }
            return try DischargeSummary.fold(
                episode,
                try EffectiveHistory(events),
                calendar: calendar,
                effectiveAt: nil
            )
        }

        /// Whether a value rests on an event once another, that says the same, is away.
        func matters(_ event: EventID, onceWithoutAnyOther events: [EventID]) throws -> Bool {
            try events.contains { other in
                try summary(without: other)?.values != summary(without: other, event)?.values
            }
        }
    }

    private func cases(_ seed: UInt64) throws -> [Case] {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        var histories = RandomHistories(
            seed: seed,
            calendar: calendar,
            days: 20,
            medications: true
        )
        return recorded(histories.events(500, episodes: 16)).map {
            Case(episode: $0.key, events: $0.value, calendar: calendar)
        }
    }

    @Test(
        "Without any one event, either a value is another or no element names the event",
        arguments: 61...66 as ClosedRange<UInt64>
    )
    func everyEventCounts(_ seed: UInt64) throws {
        var (named, doubled, unnamed) = (0, 0, 0)
        for history in try cases(seed) {
            guard let summary = try history.summary() else { continue }
            let values = summary.values
            let evidence = summary.namedEvents
            #expect(evidence.isSubset(of: history.events.map(\.eventID)), "seed \(seed)")
            for event in history.events {
                guard evidence.contains(event.eventID) else {
                    unnamed += 1
                    continue
                }
                named += 1
                if try history.summary(without: event.eventID)?.values != values { continue }
                // Two entries say the same, as of two equal records of one session: each stands in
                // for the other, and without both the value is another.
                doubled += 1
                #expect(
                    try history.matters(
                        event.eventID,
                        onceWithoutAnyOther: history.events.map(\.eventID).filter {
                            $0 != event.eventID
                        }
                    ),
                    "seed \(seed), \(event.type), position \(event.position)"
                )
            }
        }
        #expect(named > 0 && unnamed > 0 && doubled * 20 < named, "seed \(seed)")
    }
}
