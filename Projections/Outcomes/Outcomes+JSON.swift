public import CareEpisode
import Ledger
public import ProjectionRuntime

extension PeriodOutcomes: AnswerValue {
    /// The answer of `outcomes`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("from", \.value.from),
        .init("to", \.value.to),
        .init("program", \.value.program),
        .ledger, .position, .lag, .knownAt, .knownBy,
        .init("by_reason", \.value.byReason),
        .init("discharges", \.value.discharges),
        .init("alos_days", \.value.averageLengthOfStay),
        .init("adc", \.value.averageDailyCensus),
        .parked,
    ]

    /// The numbers by their names, the reasons by theirs.
    public var items: [AnswerItem] {
        byReason.map { AnswerItem("by_reason/\($0.reason.rawValue)", $0.json) } + [
            AnswerItem("discharges", discharges.json),
            AnswerItem("alos_days", averageLengthOfStay.json),
            AnswerItem("adc", averageDailyCensus.json),
        ]
    }
}

extension PeriodOutcomes.Count: JSONObject {
    /// The members of a reason.
    public static let fields: [JSONField<Self>] = [
        .init("reason", \.reason),
        .init("teds_reason", \.reason.teds),
        .init("n", \.episodes),
    ]
}
