import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension Retention {
    /// How long clients stay, for people.
    func document(_ context: LedgerContext, _ basis: ReadModelBasis) -> Document {
        let ledger = context.ledger
        let only =
            [
                program.map { "program \($0)" },
                levelOfCare.map { Words.code($0.rawValue) },
            ].compactMap { $0 }.map { ", \($0)" }.joined()
        return Document(
            "Retention from \(from) to \(to), ledger \(ledger.name) (\(ledger.timeZone))\(only)",
            [
                .table(curveTable),
                .notes([
                    "\(Words.count(began, "service")) began in the period; \(open) of them still "
                        + "lasted at \(context.calendar.time(effectiveAt)) and count up to then.",
                    curve.days.isEmpty
                        ? "Fewer than \(RetentionCurve.least) began: nothing is estimated."
                        : "Told up to day \(curve.days.count), as long as "
                            + "\(RetentionCurve.least) or more reached the day.",
                ]),
                .table(endedTable),
                .notes([
                    "Ended: services that ended in the period, whenever they began. 95 %: Wilson's "
                        + "interval of the share that was completed.",
                    basis.words,
                ]),
            ]
        )
    }

    /// A row for each day at which the curve is read off, a column for each reason that occurs.
    private var curveTable: Document.Table {
        let reasons = EndReason.allCases.sorted { $0.teds < $1.teds }.filter {
            curve.days.last?.endedShares[$0] != nil
        }
        return .wide(
            "Of services begun in the period, %",
            [.number("Day"), .number("Reached"), .number("In care")]
                + reasons.map { .number(Words.title($0.rawValue)) },
            readings.map { reading -> [String] in
                let shares = reasons.map { reading.estimate.map(share($0)) ?? "–" }
                let retained = reading.estimate.map { percent($0.retained) } ?? "–"
                return [String(reading.day), String(reading.atRisk), retained] + shares
            }
        )
    }

    private func share(_ reason: EndReason) -> (RetentionCurve.Day) -> String {
        { percent($0.endedShares[reason] ?? 0) }
    }

    private var endedTable: Document.Table {
        let rows =
            [("All", ended)]
            + groups.map { group in
                ("\(Words.title(group.dimension.rawValue)): \(group.words)", group.services)
            }
        return .wide(
            "Services ended in the period",
            [
                "Group", .number("Ended"), .number("Completed"), .number("%"), "95 %",
                .number("Median days"), "Middle half", .number("Mean days"),
            ],
            rows.map { name, services -> [String] in
                let lengths = services.lengthsOfStay
                let completion = services.completion
                return [
                    name,
                    String(services.count),
                    String(services.completed),
                    completion.map { percent($0.share) } ?? "–",
                    completion.map { "\(percent($0.low)) to \(percent($0.high))" } ?? "–",
                    lengths.median.map(Words.decimal) ?? "–",
                    lengths.quartiles?.map(Words.decimal).joined(separator: " to ") ?? "–",
                    lengths.mean.map(Words.decimal) ?? "–",
                ]
            }
        )
    }

    private func percent(_ share: Double) -> String { Words.decimal(share * 100) }
}

extension Retention.Group {
    fileprivate var words: String {
        switch dimension {
        case .levelOfCare: Words.code(value)
        case .program, .month: value
        }
    }
}
