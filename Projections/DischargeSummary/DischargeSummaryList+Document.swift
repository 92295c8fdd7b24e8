import CareEpisode
import Documents
import ProjectionRuntime

extension DischargeSummaryList {
    /// The list for people.
    func document(_ calendar: LocalCalendar) -> Document {
        let cells = rows.map { row in
            [
                row.episodeID.description,
                row.clientID,
                calendar.date(of: row.admittedAt).description,
                calendar.date(of: row.endedAt).description,
                row.endReason.rawValue,
                String(row.lengthOfStayDays),
                row.missing.joined(separator: " "),
            ]
        }
        return Document(
            "Discharge summaries",
            isTitleShown: false,
            [
                .wide(
                    ["Episode", "Client", "Admitted", "Ended", "How", .number("Days"), "Missing"],
                    cells,
                    idColumn: 0
                ),
                .note("\(Words.count(rows.count, "ended episode")). \(basis.words)"),
            ]
        )
    }
}
