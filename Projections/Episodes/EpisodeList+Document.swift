import CareEpisode
import Documents
import ProjectionRuntime

extension EpisodeList {
    /// The list for people.
    func document(_ calendar: LocalCalendar, _ basis: ReadModelBasis) -> Document {
        let rows = episodes.map { episode in
            let last = episode.stays[episode.stays.count - 1]
            var flags = Set(episode.flags.map(\.flag.rawValue))
            if overlapping.contains(episode.episodeID) { flags.insert("overlapping_episode") }
            return [
                episode.episodeID.description,
                episode.clientID,
                last.program,
                last.levelOfCare.rawValue,
                calendar.date(of: episode.admittedAt).description,
                episode.end.map { calendar.date(of: $0.at).description } ?? "",
                episode.end?.reason.rawValue ?? "open",
                episode.end.map { String($0.lengthOfStayDays) } ?? "",
                flags.sorted().joined(separator: " "),
            ]
        }
        return Document(
            "Episodes",
            isTitleShown: false,
            [
                .table(
                    .wide(
                        "",
                        [
                            "Episode", "Client", "Program", "Level of care", "Admitted", "Ended",
                            "How", .number("Days"), "Flags",
                        ],
                        rows,
                        idColumn: 0
                    )
                ),
                .note("\(Words.count(episodes.count, "episode")). \(basis.words)"),
            ]
        )
    }
}
