import CareEpisode
import Documents
import Ledger

extension Replay {
    /// The history for people, and the state it leads to.
    ///
    /// - Parameter state: nil without an admission.
    func document(_ state: EpisodeCensus?) -> Document {
        let rows = lines.map { line in
            let event = line.event.history
            var standing = line.standing.rawValue
            if let target = event.amendedEventID { standing += " \(target)" }
            if let correction = line.correctedBy.last { standing += " by \(correction)" }
            if let retraction = line.retractedBy { standing += " by \(retraction)" }
            return [
                event.version.description,
                event.position.description,
                minutes(event.occurredAt),
                minutes(line.knowledgeTime),
                line.isSourceTime ? "source" : "ledger",
                event.type.rawValue,
                standing,
                event.eventID.description,
            ]
        }
        return Document(
            "Replay of an episode",
            isTitleShown: false,
            [
                .table(
                    .wide(
                        "",
                        [
                            .number("Version"), .number("Position"), "Occurred", "Known", "By",
                            "Type", "Standing", "Event",
                        ],
                        rows
                    )
                ),
                .notes(Self.words(state)),
            ]
        )
    }

    private static func words(_ state: EpisodeCensus?) -> [String] {
        guard let state else { return ["State: no admission is known that is not retracted."] }
        let last = state.stays[state.stays.count - 1]
        var text = "State: client \(state.clientID), admitted \(minutes(state.admittedAt)), "
        text += "\(last.program), \(last.levelOfCare.rawValue)"
        if let end = state.end {
            let days = Words.count(end.lengthOfStayDays, "day")
            text += "; \(end.reason.rawValue) \(minutes(end.at)), length of stay \(days)"
        } else {
            text += "; open"
        }
        return ["\(text)."]
            + state.flags.map { flag in
                let events = flag.eventIDs.map(\.description).joined(separator: ", ")
                return "Flag: \(flag.flag.rawValue) (\(events))"
            }
    }
}

extension ReplayDifference {
    /// What differs for people.
    func document(from first: Instant, to second: Instant) -> Document {
        let rows = changes.map { change in
            [
                change.kind.rawValue,
                (change.after ?? change.before)?.type.rawValue ?? "",
                change.before.map { minutes($0.time) } ?? "",
                change.after.map { minutes($0.time) } ?? "",
                change.eventID?.description ?? "",
                change.because.map(\.description).joined(separator: " "),
            ]
        }
        return Document(
            "What differs between two replays",
            isTitleShown: false,
            [
                .table(
                    .wide(
                        "",
                        ["Change", "Type", "Before", "After", "Event", "Because of"],
                        rows
                    )
                ),
                .note(
                    "\(changes.count) entries differ; \(learned.count) events became known "
                        + "between \(first) and \(second)."
                ),
            ]
        )
    }
}

/// An instant for people, in UTC, without what is below minutes.
private func minutes(_ instant: Instant) -> String {
    String(instant.description.prefix(16)) + "Z"
}
