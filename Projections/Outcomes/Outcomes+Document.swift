import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension PeriodOutcomes {
    /// The outcomes for people.
    func document(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> Document {
        let programWords = program.map { ", program \($0)" } ?? ""
        var blocks: [Document.Block] = []
        if !byReason.isEmpty {
            blocks.append(
                .table(
                    .wide(
                        "",
                        [.number("TEDS"), "Reason", .number("Episodes"), .number("%")],
                        byReason.map { count in
                            [
                                String(count.reason.teds),
                                count.reason.rawValue,
                                String(count.episodes),
                                Words.decimal(Double(count.episodes) / Double(discharges) * 100),
                            ]
                        }
                    )
                )
            )
        }
        let stay = averageLengthOfStay.map { "\(Words.decimal($0)) days" } ?? "none"
        blocks.append(
            .note(
                "\(Words.count(discharges, "episode")) ended; average length of stay \(stay); "
                    + "average daily census \(Words.decimal(averageDailyCensus))."
            )
        )
        return Document(
            "Outcomes from \(from) to \(to), ledger \(ledger.name) "
                + "(\(ledger.timeZone))\(programWords)",
            blocks + [.note(basis.words)]
        )
    }
}
