import CareEpisode
import TestSupport

/// Events as a writer writes them.
enum EventText {
    /// An event for `append`.
    static func event(
        _ type: String,
        id: EventID = .fresh,
        at time: String = "2025-01-06T09:00:00Z",
        more: String = "",
        _ data: String
    ) -> String {
        #"{"event_id":"\#(id)","type":"\#(type)","occurred_at":"\#(time)","#
            + #""author":{"id":"n-1","role":"nurse"}\#(more),"data":{\#(data)}}"#
    }

    /// The same as a line for `import`.
    static func line(_ episode: EpisodeID, _ event: String) -> String {
        #"{"episode_id":"\#(episode)","# + event.dropFirst()
    }

    /// An admission to intensive outpatient care.
    static func admitted(
        _ id: EventID = .fresh,
        at time: String = "2025-01-06T09:00:00Z",
        client: String = "C-1",
        program: String = "iop"
    ) -> String {
        event(
            "admitted",
            id: id,
            at: time,
            #""client_id":"\#(client)","program":"\#(program)","#
                + #""level_of_care":"intensive_outpatient""#
        )
    }

    /// A group session.
    static func session(
        _ id: EventID = .fresh,
        at time: String = "2025-01-07T09:00:00Z",
        minutes: Int = 60,
        more: String = ""
    ) -> String {
        event(
            "session_attended",
            id: id,
            at: time,
            more: more,
            #""session_id":"s-\#(time)","kind":"group","minutes":\#(minutes)"#
        )
    }

    /// The planned end.
    static func completed(_ id: EventID = .fresh, at time: String) -> String {
        event("completed", id: id, at: time, "")
    }

    /// A session that is said to have lasted otherwise.
    static func corrected(_ target: EventID, minutes: Int, id: EventID = .fresh) -> String {
        event(
            "entry_corrected",
            id: id,
            at: "2025-02-01T09:00:00Z",
            #""target_event_id":"\#(target)","reason":"typing error","replacement":"#
                + #"{"session_id":"s","kind":"group","minutes":\#(minutes)}"#
        )
    }

    /// An event that is said to have been entered in error.
    static func retracted(_ target: EventID, id: EventID = .fresh) -> String {
        event(
            "entry_retracted",
            id: id,
            at: "2025-02-02T09:00:00Z",
            #""target_event_id":"\#(target)","reason":"another client""#
        )
    }
}
