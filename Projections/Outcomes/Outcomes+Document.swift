import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension PeriodOutcomes {
    /// The outcomes for people.
    func document(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> Document {
        let programWords = program.map { ", program \($0)" } ?? ""
        let unitWords = unit == .service ? " by service" : ""
        return Document(
            "Outcomes\(unitWords) from \(from) to \(to), ledger \(ledger.name) "
                + "(\(ledger.timeZone))\(programWords)",
            (byReason.isEmpty ? [] : [.table(reasons)]) + [.notes(notes), .note(basis.words)]
        )
    }

    /// The reasons, those of services with their numbers in TEDS.
    private var reasons: Document.Table {
        let isByService = unit == .service
        let records = isByService ? "Services" : "Episodes"
        return .wide(
            "",
            (isByService ? [.number("TEDS")] : [])
                + ["Reason", .number(records), .number("%")],
            byReason.map { count in
                [count.tedsReason].compactMap { $0 }.map(String.init) + [
                    Words.title(count.reason.rawValue),
                    String(count.records),
                    Words.decimal(Double(count.records) / Double(discharges) * 100),
                ]
            }
        )
    }

    private var notes: [String] {
        let ended = Words.count(discharges, unit == .service ? "service" : "episode")
        var stay = "no length of stay"
        if let mean = lengthsOfStay.mean, let median = lengthsOfStay.median,
            let quartiles = lengthsOfStay.quartiles
        {
            let middle = quartiles.map(Words.decimal).joined(separator: " to ")
            stay =
                "length of stay \(Words.decimal(mean)) days on average, "
                + "median \(Words.decimal(median)), middle half \(middle)"
        }
        return [
            "\(ended) ended; \(stay).",
            "Average daily census (at midnight) \(Words.decimal(averageDailyCensus)), "
                + "average daily enrollment \(Words.decimal(averageDailyEnrolment)).",
        ]
    }
}
