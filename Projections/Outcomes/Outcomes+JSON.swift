public import CareEpisode
public import Ledger
public import ProjectionRuntime

extension PeriodOutcomes {
    /// The answer of `outcomes`.
    ///
    /// - Parameters:
    ///   - ledger: whose episodes they are.
    ///   - basis: what the answer rests on.
    public func json(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> AnswerJSON {
        .object(
            [
                ("from", .string(from.description)),
                ("to", .string(to.description)),
                ("program", .text(program)),
                ("ledger", .string(ledger.name.description)),
            ] + basis.members + [
                ("by_reason", .array(byReason.map(\.json))),
                ("discharges", .integer(Int64(discharges))),
                ("alos_days", alosJSON),
                ("adc", .number(averageDailyCensus)),
                ("parked", basis.parkedJSON),
            ]
        )
    }

    /// The numbers by their names, the reasons by theirs.
    public var items: [AnswerItem] {
        byReason.map { AnswerItem("by_reason/\($0.reason.rawValue)", $0.json) } + [
            AnswerItem("discharges", .integer(Int64(discharges))),
            AnswerItem("alos_days", alosJSON),
            AnswerItem("adc", .number(averageDailyCensus)),
        ]
    }

    private var alosJSON: AnswerJSON { averageLengthOfStay.map { .number($0) } ?? .null }
}

extension PeriodOutcomes.Count {
    fileprivate var json: AnswerJSON {
        [
            "reason": .string(reason.rawValue),
            "teds_reason": .integer(Int64(reason.teds)),
            "n": .integer(Int64(episodes)),
        ]
    }
}
