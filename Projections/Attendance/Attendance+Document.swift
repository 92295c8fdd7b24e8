import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension EpisodeAttendance {
    /// The attendance for people.
    func document(
        _ episode: EpisodeID,
        _ ledger: LedgerDescription,
        _ basis: ReadModelBasis
    ) -> Document {
        let rows = weeks.map { week in
            [
                week.week.description,
                week.week.firstDate.description,
                String(week.attended),
                String(week.missed.values.reduce(0, +)),
                Words.decimal(week.hours),
                week.plannedHours.map(Words.decimal) ?? "",
                week.bar,
                Set(week.flags.map(\.flag.rawValue)).sorted().joined(separator: " "),
            ]
        }
        // What stands with its week alone is told there first.
        let ofWeeks = weeks.flatMap(\.flags).filter { $0.flag == .belowWeeklyHours }
        let doubts = (flags + ofWeeks).map { flag in
            let events = flag.eventIDs.map(\.description).joined(separator: ", ")
            return "Flag: \(flag.flag.rawValue) (\(events))"
        }
        return Document(
            "Attendance of episode \(episode), ledger \(ledger.name)",
            [
                .table(
                    .wide(
                        "",
                        [
                            "Week", "From", .number("Attended"), .number("Missed"),
                            .number("Hours"), .number("Planned"), "# an hour, . planned", "Flags",
                        ],
                        rows
                    )
                ),
                .notes([summary] + doubts),
                .note(basis.words),
            ]
        )
    }

    private var summary: String {
        let reasons = MissedReason.allCases.compactMap { reason in
            missed[reason].map { "\($0) \(reason.rawValue)" }
        }
        let text =
            "Attended \(Words.count(attended, "session")), "
            + "\(Words.decimal(Double(minutes) / 60)) hours; missed "
            + (reasons.isEmpty ? "none" : reasons.joined(separator: ", "))
        return rate.map { "\(text). Attendance rate \(Words.decimal($0 * 100)) %." } ?? text + "."
    }
}

extension EpisodeAttendance.Week {
    /// A sign for each hour, and one for each that was planned and not given; cut at 40.
    fileprivate var bar: String {
        let given = min(Int(hours.rounded()), 40)
        let planned = min(Int((plannedHours ?? 0).rounded()), 40)
        return String(repeating: "#", count: given)
            + String(repeating: ".", count: max(planned - given, 0))
    }
}
