import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension AttendanceList {
    /// How everybody attends, for people.
    func document(_ context: LedgerContext, _ basis: ReadModelBasis) -> Document {
        let rows = enrolled.map { row -> [String] in
            [
                row.clientID,
                row.stay.program,
                String(row.dayOfStay),
                row.lastWeek.comparison ?? row.lastWeek.words,
                row.lastWeek.notJudged.map { Words.code($0.rawValue) } ?? "",
                Words.decimal(row.presentHours),
                row.marks,
                String(row.noShowsInARow),
                row.lastAttendedOn?.description ?? "never",
                String(row.daysNotSeen),
                row.flags.map { Words.code($0.flag.rawValue) }.unique.joined(separator: ", "),
                row.episodeID.description,
            ]
        }
        let programWords = program.map { ", program \($0)" } ?? ""
        let table = Document.Table.wide(
            "",
            [
                "Client", "Program", .number("Day"), Document.Column("Hours in \(lastWeek)"),
                "Not judged",
                .number("Since \(presentWeek.firstDate)"), "14 days", .number("No-shows"),
                "Last seen", .number("Days"), "Flags", "Episode",
            ],
            rows,
            idColumn: 11
        )
        let time = context.calendar.time(effectiveAt)
        let title =
            "Attendance at \(time), ledger \(context.ledger.name)\(programWords): "
            + "\(Words.count(enrolled.count, "episode")) enrolled"
        let blocks: [Document.Block] = enrolled.isEmpty ? [] : [.table(table)]
        let lastDate = dates[dates.count - 1]
        return Document(
            title,
            blocks + [
                .notes([
                    "14 days, up to \(lastDate): # attended, x no-show, "
                        + "c canceled by the client, e excused, p canceled by the program, "
                        + "f family without the client, . nothing recorded; of several sessions "
                        + "of a day, the first of these.",
                    "No-shows: since the last attended session. Days: since then, or since the "
                        + "admission.",
                    basis.words,
                ])
            ]
        )
    }
}

extension AttendanceList.Enrolled {
    /// A sign for each date.
    fileprivate var marks: String {
        days.map { sessions -> String in
            let outcomes = Set(sessions.map(\.outcome))
            return Self.signs.first { outcomes.contains($0.outcome) }?.sign ?? "."
        }.joined()
    }

    private static let signs: [(outcome: RecordedSession.Outcome, sign: String)] = [
        (.attended, "#"), (.missed(.noShow), "x"), (.missed(.cancelledByClient), "c"),
        (.missed(.excused), "e"), (.missed(.cancelledByProgram), "p"),
        (.heldWithoutClient, "f"),
    ]
}
