import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension CensusOfDate {
    /// The census for people.
    func document(_ context: LedgerContext, _ basis: ReadModelBasis) -> Document {
        let (ledger, calendar) = (context.ledger, context.calendar)
        return Document(
            "Midnight census of \(day.date), ledger \(ledger.name) (\(ledger.timeZone)): "
                + day.totals,
            [
                .wide(["Program", "Level of care"] + CensusGroup.numbers, day.groups.map(\.cells)),
                .wide(
                    [
                        "Client", "Program", "Since", .number("Day"),
                        .number("Hours in 7 days"), "Flags", "Episode",
                    ],
                    episodes.map { episode in
                        [
                            episode.clientID,
                            episode.stay.program,
                            calendar.date(of: episode.stay.from).description,
                            String(episode.dayOfStay),
                            Words.decimal(episode.hoursLast7Days),
                            EpisodeFlag.words(episode.allFlags),
                            episode.episodeID.description,
                        ]
                    },
                    idColumn: 6
                ),
                .note(basis.words),
            ]
        )
    }
}

extension CensusTally {
    /// The census of each day for people.
    func document(_ basis: ReadModelBasis) -> Document {
        Document(
            "Midnight census of each day",
            isTitleShown: false,
            [
                .wide(
                    ["Date", "Program", "Level of care"] + CensusGroup.numbers,
                    days.flatMap { day in
                        day.groups.map { [day.date.description] + $0.cells }
                    }
                ),
                .note(basis.words),
            ]
        )
    }
}

extension CensusTally.Day {
    /// "12 episodes", or "12 episodes of 11 clients".
    fileprivate var totals: String {
        let episodes = Words.count(total, "episode")
        return clients == total ? episodes : "\(episodes) of \(Words.count(clients, "client"))"
    }
}

extension EpisodeFlag {
    /// The kinds of doubt in words, each once.
    static func words(_ flags: [EpisodeFlag]) -> String {
        Set(flags.map { Words.code($0.flag.rawValue) }).sorted().joined(separator: ", ")
    }
}

extension CensusGroup {
    fileprivate static let numbers: [Document.Column] = [
        .number("Census"), .number("Admissions"), .number("Transfers in"),
        .number("Transfers out"), .number("Discharges"),
    ]

    fileprivate var cells: [String] {
        [program, Words.code(levelOfCare.rawValue)]
            + [census, admissions, transfersIn, transfersOut, discharges].map(String.init)
    }
}
