import TestSupport
import Testing

@testable import CareEpisode

@Suite("Single members of recorded payloads")
struct RecordedPayloadTests {
    private func session(_ type: EventType, _ payload: String) throws -> RecordedSession? {
        try RecordedSession(type, payload: Array(payload.utf8))
    }

    @Test(
        "What counts of a session is what decoding reads, and other types are no sessions",
        arguments: EventSamples.full + EventSamples.minimal
    )
    func sessions(_ type: EventType, _ data: String) throws {
        let draft = try EventSamples.draft(type, data: data)
        let session = try RecordedSession(type, payload: draft.payload())
        #expect((session != nil) == (type.kind == .session))
        switch draft.data {
        case .sessionAttended(let data):
            #expect(session?.id == data.sessionID && session?.minutes == data.minutes)
            #expect(session?.outcome == .attended)
            #expect(session?.countsTowardHours == data.countsTowardHours ?? true)
        case .familySessionHeld(let data):
            #expect(session?.id == data.sessionID && session?.minutes == data.minutes)
            #expect(session?.outcome == (data.clientPresent ? .attended : .heldWithoutClient))
            #expect(session?.countsTowardHours == data.countsTowardHours ?? data.clientPresent)
        case .sessionMissed(let data):
            #expect(session?.id == data.sessionID && session?.minutes == 0)
            #expect(session?.outcome == .missed(data.reason))
            #expect(session?.countsTowardHours == false)
        default: #expect(session == nil)
        }
    }

    @Test(
        "A damaged session throws: it is never one of 0 minutes",
        arguments: [
            (.sessionAttended, #"{"kind":"group","session_id":"s"}"#),
            (.sessionAttended, #"{"kind":"group","minutes":"60","session_id":"s"}"#),
            (.sessionAttended, #"{"kind":"group","minutes":0,"session_id":"s"}"#),
            (.sessionAttended, #"{"kind":"group","minutes":721,"session_id":"s"}"#),
            (.sessionAttended, #"{"kind":"group","minutes":6e1,"session_id":"s"}"#),
            (.sessionAttended, #"{"kind":"group","minutes":60}"#),
            (.sessionAttended, #"{"kind":"group","minutes":60,"session_id":null}"#),
            (.sessionAttended, #"{"counts_toward_hours":1,"minutes":60,"session_id":"s"}"#),
            (.sessionAttended, #"{"counts_toward_hours":truth,"minutes":60,"session_id":"s"}"#),
            (.sessionAttended, #"{"kind":"group","minutes":60,"session_id":"s""#),
            (.sessionAttended, "{}"),
            (.sessionAttended, ""),
            (.familySessionHeld, #"{"minutes":60,"session_id":"s"}"#),
            (.familySessionHeld, #"{"client_present":"true","minutes":60,"session_id":"s"}"#),
            (.familySessionHeld, #"{"client_present":true,"minutes":60}"#),
            (.familySessionHeld, #"{"client_present":true,"session_id":"s"}"#),
            (.sessionMissed, "{}"),
            (.sessionMissed, #"{"kind":"group","reason":"unknown"}"#),
            (.sessionMissed, #"{"kind":"group","reason":7}"#),
            (.sessionMissed, #"{"kind":"group","reason":"no_show","session_id":7}"#),
            (.sessionMissed, #"{"kind":"group","reason":"no_show""#),
        ] as [(EventType, String)]
    )
    func damaged(_ type: EventType, _ payload: String) {
        #expect(throws: UnreadablePayload.self) { try session(type, payload) }
    }

    @Test(
        "A damaged admission, step, correction or retraction leaves the state as it was",
        arguments: [
            (.admitted, #"{"client_id":"c","program":"p"}"#),
            (.admitted, #"{"client_id":"c","level_of_care":"unknown","program":"p"}"#),
            (.steppedDown, #"{"from_level":"inpatient","rationale":"r"}"#),
            (.steppedUp, #"{"from_level":"outpatient","to_level":7}"#),
            (.entryRetracted, #"{"reason":"r"}"#),
            (.entryRetracted, #"{"reason":"r","target_event_id":"7"}"#),
            (.entryCorrected, #"{"target_event_id":"00000000-0000-0000-0000-000000000001"}"#),
            (
                .entryCorrected,
                #"{"replacement":[],"target_event_id":"00000000-0000-0000-0000-000000000001"}"#
            ),
            (
                .entryCorrected,
                #"{"replacement":{},"target_event_id":"00000000-0000-0000-0000-000000000001"}"#
            ),
            (
                .entryCorrected,
                #"{"replacement":{"level_of_care":"outpatient"},"replacement_occurred_at":7,"#
                    + #""target_event_id":"00000000-0000-0000-0000-000000000001"}"#
            ),
        ] as [(EventType, String)]
    )
    func damagedLifeCycle(_ type: EventType, _ payload: String) throws {
        var episode = EpisodeBuilder()
        episode.append(0, .admission(.intensiveOutpatient))
        var state = EpisodeState()
        try state.apply(episode.history[0])
        episode.append(1, .session)
        var event = episode.history[1]
        event.type = type
        event.payload = Array(payload.utf8)
        #expect(throws: UnreadablePayload.self) { try state.apply(event) }
        #expect(state.version == Version(1) && state.lifeCycle.count == 1)
        #expect(state.lifeCycle.first?.level == .intensiveOutpatient)
    }

    @Test(
        "A state reads no payload of the types that it says it does not",
        arguments: EventSamples.minimal
    )
    func unreadTypes(_ type: EventType, _ data: String) throws {
        var episode = EpisodeBuilder()
        episode.append(0, .admission(.inpatient))
        var state = EpisodeState()
        try state.apply(episode.history[0])
        episode.append(1, .session)
        var event = episode.history[1]
        event.type = type
        event.payload = []
        if EpisodeState.readsPayload(of: type) {
            event.payload = try EventSamples.draft(type, data: data).payload()
        }
        try state.apply(event)
        #expect(state.version == Version(2) && state.contains(event.eventID))
        #expect(state.lifeCycle.count == (type.changesStays ? 2 : 1))
    }
}
