import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension Statistics {
    /// The statistics for people.
    func document(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> Document {
        let programWords = program.map { ", program \($0)" } ?? ""
        return Document(
            "Statistics from \(from) to \(to), ledger \(ledger.name) "
                + "(\(ledger.timeZone))\(programWords)",
            periods.flatMap(\.sections)
                + [
                    Document.Section(
                        "",
                        [
                            .notes([
                                "Stays: carried over + admitted + transferred in = ended + "
                                    + "transferred out + remaining.",
                                "Readmitted: admitted 0 to 30 dates after an end of the client. "
                                    + "Service days: dates with an attended session that counts "
                                    + "toward hours, of each episode for itself.",
                                basis.words,
                            ])
                        ]
                    )
                ]
        )
    }
}

extension Statistics.Period {
    fileprivate var sections: [Document.Section] {
        let rows =
            [Figures.Row(name: "All", figures: total)]
            + groups.map { group in
                let dimension = Words.title(group.dimension.rawValue)
                let value = group.value.map(Words.code) ?? "not recorded"
                return Figures.Row(name: "\(dimension): \(value)", figures: group.figures)
            }
        var blocks: [Document.Block] = [
            .table(Figures.table("Stays, clients and lengths of stay", Figures.stays, rows)),
            .table(Figures.table("Sessions", Figures.sessions, rows)),
        ]
        if !total.ended.isEmpty {
            let reasons = EndReason.allCases.compactMap { reason in
                total.ended[reason].map { "\(Words.code(reason.rawValue)) \($0)" }
            }
            blocks.append(.note("Ended: \(reasons.joined(separator: ", "))."))
        }
        if !readmissions.isEmpty {
            blocks.append(
                .table(
                    .wide(
                        "Readmitted",
                        [
                            "Client", "Program", .number("Days since"), "Episode",
                            "Episode before",
                        ],
                        readmissions.map { readmission in
                            [
                                readmission.clientID, readmission.program,
                                String(readmission.days), readmission.episodeID.description,
                                readmission.previousEpisodeID.description,
                            ]
                        },
                        idColumn: 3
                    )
                )
            )
        }
        return [Document.Section("", [.note("\(from) to \(to)")] + blocks)]
    }
}

extension Figures {
    /// A group, and what is counted of it.
    fileprivate struct Row {
        let name: String
        let figures: Figures
    }

    /// A number with its heading.
    fileprivate typealias Number = (title: String, text: (Figures) -> String)

    fileprivate static func table(
        _ caption: String,
        _ numbers: [Number],
        _ rows: [Row]
    ) -> Document.Table {
        .wide(
            caption,
            ["Group"] + numbers.map { .number($0.title) },
            rows.map { row in [row.name] + numbers.map { $0.text(row.figures) } }
        )
    }

    fileprivate static var stays: [Number] {
        [
            ("Carried over", { String($0.carriedOver) }),
            ("Admitted", { String($0.admitted) }),
            ("Transferred in", { String($0.transferredIn) }),
            ("Ended", { String($0.ended.values.reduce(0, +)) }),
            ("Transferred out", { String($0.transferredOut) }),
            ("Remaining", { String($0.remaining) }),
            ("Clients", { String($0.clients) }),
            ("Readmitted", { String($0.readmissions) }),
            ("Mean days", { $0.lengthsOfStay.mean.map(Words.decimal) ?? "" }),
            ("Median", { $0.lengthsOfStay.median.map(Words.decimal) ?? "" }),
        ]
    }

    fileprivate static var sessions: [Number] {
        [
            ("Service days", { String($0.serviceDays) }),
            ("Attended", { String($0.attended) }),
            ("No-show", { String($0.missed[.noShow] ?? 0) }),
            ("Client cancelled", { String($0.missed[.cancelledByClient] ?? 0) }),
            ("Excused", { String($0.missed[.excused] ?? 0) }),
            ("Program cancelled", { String($0.missed[.cancelledByProgram] ?? 0) }),
            ("Attendance", { percent($0.attendanceRate) }),
            ("No-show rate", { percent($0.noShowRate) }),
            ("Judged weeks", { String($0.judgedWeeks) }),
            ("Below hours", { percent($0.belowRate) }),
        ]
    }

    private static func percent(_ share: Double?) -> String {
        share.map { "\(Words.decimal($0 * 100)) %" } ?? ""
    }
}
