import CareEpisode
import ProjectionRuntime

@testable import Projections

extension Story {
    /// The events, each end with an envelope, as a ledger records them.
    var recordedEvents: [HistoryEvent] { events.map(withEnvelope) }

    /// The summary as it stood at a time; nil without an admission.
    func summary(at time: String? = nil, without event: EventID? = nil) throws -> DischargeSummary?
    {
        let events = recordedEvents.filter { $0.eventID != event }
        return try DischargeSummary.fold(
            Self.episode,
            try EffectiveHistory(events, effectiveAt: time.map(instant)),
            calendar: calendar,
            effectiveAt: time.map(instant)
        )
    }

    private func withEnvelope(_ event: HistoryEvent) -> HistoryEvent {
        guard event.type.isEnd else { return event }
        var event = event
        let name = "\(event.type.rawValue)"
        event.header = Array(
            """
            {"author":{"id":"T-1","role":"therapist"},"episode_id":"\(Self.episode)",\
            "event_id":"\(event.eventID)","ledger":"clinic","occurred_at":"\(event.occurredAt)",\
            "recorded_by":"cli:a","schema_version":1,"type":"\(name)"}
            """.utf8
        )
        return event
    }
}

extension DischargeSummary {
    /// All that it states, without the events that it comes from.
    var values: String {
        let flags = flags.map { AnswerJSON.string("\($0.code) \($0.text)") }
        let members =
            items.map { (name: $0.name, value: $0.value) } + [("flags", .array(flags))]
        return String(decoding: AnswerJSON.object(members).bytes, as: UTF8.self)
    }

    /// Every event that an element names.
    var namedEvents: Set<EventID> { Set(statements.flatMap(\.eventIDs)) }

    /// The value of one element as JSON.
    func json(_ item: String) -> String? {
        items.first { $0.name == item }.map { String(decoding: $0.value.bytes, as: UTF8.self) }
    }
}
