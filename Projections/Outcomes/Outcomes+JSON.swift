public import CareEpisode
public import ProjectionRuntime

extension PeriodOutcomes: AnswerValue {
    /// The answer of `outcomes`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("from", \.value.from),
        .init("to", \.value.to),
        .init("program", \.value.program),
        .init("by", \.value.unit),
        .ledger, .position, .lag, .knownAt, .knownBy,
        .init("by_reason", \.value.byReason),
        .init("discharges", \.value.discharges),
        .init("alos_days", \.value.lengthsOfStay.mean),
        .init("median_los_days", \.value.lengthsOfStay.median),
        .init("los_quartile_days", \.value.lengthsOfStay.quartiles),
        .init("adc", \.value.averageDailyCensus),
        .init("average_daily_enrolment", \.value.averageDailyEnrolment),
        .parked,
    ]

    /// The numbers by their names, the reasons by theirs.
    public var items: [AnswerItem] {
        byReason.map { AnswerItem("by_reason/\($0.reason.rawValue)", $0.json) } + [
            AnswerItem("discharges", discharges.json),
            AnswerItem("alos_days", lengthsOfStay.mean.json),
            AnswerItem("median_los_days", lengthsOfStay.median.json),
            AnswerItem("los_quartile_days", lengthsOfStay.quartiles.json),
            AnswerItem("adc", averageDailyCensus.json),
            AnswerItem("average_daily_enrolment", averageDailyEnrolment.json),
        ]
    }
}

extension PeriodOutcomes.Count: JSONObject {
    /// The members of a reason.
    public static let fields: [JSONField<Self>] = [
        .init("reason", \.reason),
        .optional("teds_reason", \.tedsReason),
        .init("n", \.records),
    ]
}
