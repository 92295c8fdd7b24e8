public import CareEpisode

/// Events to append, of which a test says only what it is about.
public enum SampleEvent {
    /// 2025-01-06T09:00:00Z, when sample admissions happen.
    public static let admissionTime = Instant(microseconds: 1_736_154_000_000_000)
    /// Who states them.
    public static let author = Author(id: "n-1", role: .nurse)

    /// An admission to intensive outpatient care.
    public static func admitted(
        _ id: EventID = .fresh,
        at time: Instant = admissionTime,
        level: LevelOfCare = .intensiveOutpatient
    ) -> EventDraft {
        let data = Admitted(clientID: "C-1", program: "iop", levelOfCare: level)
        return event(id, at: time, .admitted(data))
    }

    /// A group session, `day` days after the admission.
    public static func session(
        _ id: EventID = .fresh,
        day: Int64 = 1,
        minutes: Int = 60
    ) -> EventDraft {
        let data = SessionAttended(sessionID: "s-\(day)", kind: .group, minutes: minutes)
        return event(
            id,
            at: admissionTime.advanced(bySeconds: day * 86_400),
            .sessionAttended(data)
        )
    }

    /// A medication that is stopped at `time`.
    public static func medicationStopped(
        _ id: EventID = .fresh,
        at time: Instant
    ) -> EventDraft {
        let data = MedicationAdjusted(
            medication: Medication(name: "sertraline"),
            change: .stop,
            prescriber: "p-1"
        )
        return event(id, at: time, .medicationAdjusted(data))
    }

    /// Another program, `day` days after the admission.
    public static func programChanged(day: Int64) -> EventDraft {
        event(
            at: admissionTime.advanced(bySeconds: day * 86_400),
            .programChanged(ProgramChanged(rationale: "better", program: "evening"))
        )
    }

    /// The planned end, `day` days after the admission.
    public static func completed(_ id: EventID = .fresh, day: Int64 = 60) -> EventDraft {
        event(
            id,
            at: admissionTime.advanced(bySeconds: day * 86_400),
            .completed(EpisodeEnd())
        )
    }

    /// Another event of the episode was entered in error.
    public static func retracted(
        _ id: EventID = .fresh,
        target: EventID,
        day: Int64 = 61
    ) -> EventDraft {
        event(
            id,
            at: admissionTime.advanced(bySeconds: day * 86_400),
            .entryRetracted(EntryRetracted(targetEventID: target, reason: "typing error"))
        )
    }

    /// A session said to have lasted otherwise.
    public static func corrected(
        _ id: EventID = .fresh,
        target: EventID,
        minutes: Int,
        day: Int64 = 61
    ) -> EventDraft {
        let session = SessionAttended(sessionID: "s", kind: .group, minutes: minutes)
        let data = EntryCorrected(
            targetEventID: target,
            reason: "typing error",
            replacement: .sessionAttended(session)
        )
        return event(
            id,
            at: admissionTime.advanced(bySeconds: day * 86_400),
            .entryCorrected(data)
        )
    }

    /// Any event.
    public static func event(
        _ id: EventID = .fresh,
        at time: Instant,
        _ data: EventData
    ) -> EventDraft {
        EventDraft(eventID: id, occurredAt: time, author: author, data: data)
    }
}

extension EventDraft {
    /// The event as a writer sends it: an import line without its episode.
    public var text: String {
        let episode = EpisodeID.fresh
        let line = String(decoding: importLine(episodeID: episode), as: UTF8.self)
        return line.replacing(#""episode_id":"\#(episode)","#, with: "")
    }
}

extension UniqueIdentifier {
    /// A new random identifier.
    public static var fresh: Self {
        var random = SystemRandomNumberGenerator()
        return .random(using: &random)
    }
}
