import CareEpisode
import Documents
import Ledger

extension Replay {
    /// The history for people, and the state it leads to.
    ///
    /// - Parameters:
    ///   - state: nil without an admission.
    ///   - calendar: of the ledger's zone.
    func document(_ state: EpisodeCensus?, _ calendar: LocalCalendar) -> Document {
        let rows = lines.map { line in
            let event = line.event.history
            var standing = Words.code(line.standing.rawValue)
            if let target = event.amendedEventID { standing += " \(target)" }
            if let correction = line.correctedBy.last { standing += " by \(correction)" }
            if let retraction = line.retractedBy { standing += " by \(retraction)" }
            return [
                event.version.description,
                event.position.description,
                calendar.time(event.occurredAt),
                calendar.time(line.knowledgeTime),
                line.isSourceTime ? "source" : "ledger",
                Words.code(event.type.rawValue),
                standing,
                event.eventID.description,
            ]
        }
        return Document(
            "Replay of an episode",
            isTitleShown: false,
            [
                .wide(
                    [
                        .number("Version"), .number("Position"), "Occurred", "Known", "By",
                        "Type", "Standing", "Event",
                    ],
                    rows
                ),
                .notes(Self.words(state, calendar)),
            ]
        )
    }

    private static func words(
        _ state: EpisodeCensus?,
        _ calendar: LocalCalendar
    ) -> [String] {
        guard let state else { return ["State: no admission is known that is not retracted."] }
        let last = state.stays[state.stays.count - 1]
        var text = "State: client \(state.clientID), admitted \(calendar.time(state.admittedAt)), "
        text += "\(last.program), \(Words.code(last.levelOfCare.rawValue))"
        if let end = state.end {
            let days = Words.count(end.lengthOfStayDays, "day")
            text +=
                "; \(Words.code(end.reason.rawValue)) \(calendar.time(end.at)), length of stay \(days)"
        } else {
            text += "; open"
        }
        return ["\(text)."]
            + state.flags.map { flag in
                let events = flag.eventIDs.map(\.description).joined(separator: ", ")
                return "Flag: \(Words.code(flag.flag.rawValue)) (\(events))"
            }
    }
}

extension ReplayDifference {
    /// What differs for people.
    func document(
        from first: Instant,
        to second: Instant,
        _ calendar: LocalCalendar
    ) -> Document {
        let rows = changes.map { change in
            [
                Words.code(change.kind.rawValue),
                ((change.after ?? change.before)?.type.rawValue).map(Words.code) ?? "",
                change.before.map { calendar.time($0.time) } ?? "",
                change.after.map { calendar.time($0.time) } ?? "",
                change.eventID?.description ?? "",
                change.because.map(\.description).joined(separator: " "),
            ]
        }
        return Document(
            "What differs between two replays",
            isTitleShown: false,
            [
                .wide(["Change", "Type", "Before", "After", "Event", "Because of"], rows),
                .note(
                    "\(changes.count) entries differ; \(learned.count) events became known "
                        + "between \(calendar.time(first, withSeconds: true)) and "
                        + "\(calendar.time(second, withSeconds: true))."
                ),
            ]
        )
    }
}
