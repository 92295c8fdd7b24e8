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
                + "\(day.total) episodes",
            [
                .table(
                    .wide(
                        "",
                        ["Program", "Level of care"] + CensusGroup.numbers,
                        day.groups.map(\.cells)
                    )
                ),
                .table(
                    .wide(
                        "",
                        [
                            "Episode", "Client", "Program", "Since", .number("Day"),
                            .number("Hours in 7 days"), "Flags",
                        ],
                        episodes.map { episode in
                            [
                                episode.episodeID.description,
                                episode.clientID,
                                episode.stay.program,
                                calendar.date(of: episode.stay.from).description,
                                String(episode.dayOfStay),
                                Words.decimal(episode.hoursLast7Days),
                                Set(episode.flags.map(\.flag.rawValue)).sorted()
                                    .joined(separator: " "),
                            ]
                        },
                        idColumn: 0
                    )
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
                .table(
                    .wide(
                        "",
                        ["Date", "Program", "Level of care"] + CensusGroup.numbers,
                        days.flatMap { day in
                            day.groups.map { [day.date.description] + $0.cells }
                        }
                    )
                ),
                .note(basis.words),
            ]
        )
    }
}

extension CensusGroup {
    fileprivate static let numbers: [Document.Column] = [
        .number("Census"), .number("Admissions"), .number("Transfers in"),
        .number("Transfers out"), .number("Discharges"),
    ]

    fileprivate var cells: [String] {
        [program, levelOfCare.rawValue]
            + [census, admissions, transfersIn, transfersOut, discharges].map(String.init)
    }
}
