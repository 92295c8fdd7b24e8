import CareEpisode
import Documents
import ProjectionRuntime

extension EpisodeList {
    /// The list for people.
    func document(_ calendar: LocalCalendar, _ basis: ReadModelBasis) -> Document {
        let rows = episodes.map { episode in
            let last = episode.stays[episode.stays.count - 1]
            var flags = Set(episode.flags.map { Words.code($0.flag.rawValue) })
            if overlapping.contains(episode.episodeID) { flags.insert("overlapping episode") }
            return [
                episode.clientID,
                last.program,
                Words.code(last.levelOfCare.rawValue),
                calendar.date(of: episode.admittedAt).description,
                episode.end.map { calendar.date(of: $0.at).description } ?? "",
                episode.end.map { Words.code($0.reason.rawValue) } ?? "open",
                episode.end.map { String($0.lengthOfStayDays) } ?? "",
                flags.sorted().joined(separator: ", "),
                episode.episodeID.description,
            ]
        }
        return Document(
            "Episodes",
            isTitleShown: false,
            [
                .wide(
                    [
                        "Client", "Program", "Level of care", "Admitted", "Ended", "How",
                        .number("Days"), "Flags", "Episode",
                    ],
                    rows,
                    idColumn: 8
                ),
                .note("\(Words.count(episodes.count, "episode")). \(basis.words)"),
            ]
        )
    }
}
