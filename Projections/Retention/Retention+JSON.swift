public import CareEpisode
import Ledger
public import ProjectionRuntime

extension Retention: AnswerValue {
    /// The answer of `retention`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("from", \.value.from),
        .init("to", \.value.to),
        .init("program", \.value.program),
        .init("level_of_care", \.value.levelOfCare),
        .init("effective_at", \.value.effectiveAt),
        .ledger, .position, .lag, .knownAt, .knownBy,
        .init("began", \.value.began),
        .init("open", \.value.open),
        .init("readings", \.value.readings),
        .init("told_through_day", \.value.curve.days.count),
        .init("days", \.value.curve.days),
        .init("ended", \.value.ended),
        .init("groups", \.value.groups),
        .parked,
    ]

    /// The numbers by their names, the days at which the curve is read off by theirs.
    public var items: [AnswerItem] {
        [AnswerItem("began", began.json), AnswerItem("open", open.json)]
            + readings.map { AnswerItem("readings/\($0.day)", $0.json) }
            + [AnswerItem("ended", ended.json)]
            + groups.map {
                AnswerItem("groups/\($0.dimension.rawValue)/\($0.value)", $0.json)
            }
    }

    /// A line for each day.
    var list: CSVTable {
        CSVTable(
            curve.days,
            [
                .init("day", \.day),
                .init("at_risk", \.atRisk),
                .init("ended") { $0.ended.values.reduce(0, +) },
                .init("retained", \.retained),
            ]
                + EndReason.inOrder.map { reason in
                    .init(reason.rawValue) { $0.endedShares[reason] ?? 0 }
                }
        )
    }
}

extension Retention {
    /// How services ended and how long they lasted: a line for all, and one for each group.
    public var ends: CSVTable {
        let all = EndsLine(dimension: "all", value: "", services: ended)
        let lines = groups.map {
            EndsLine(dimension: $0.dimension.rawValue, value: $0.value, services: $0.services)
        }
        return CSVTable([all] + lines, EndsLine.columns)
    }

    /// A line of the ends.
    private struct EndsLine: Sendable {
        let dimension: String
        let value: String
        let services: EndedServices

        /// A service that was completed is one of the reasons.
        static let columns: [JSONField<Self>] =
            [.init("dimension", \.dimension), .init("value", \.value)]
            + EndedServices.fields.filter { $0.name != "completed" }.flatMap {
                field -> [JSONField<Self>] in
                guard field.name == "by_reason" else { return [field.lifted(\.services)] }
                return EndReason.inOrder.map { reason in
                    .init(reason.rawValue) { $0.services.number(of: reason) }
                }
            }
    }
}

extension EndReason {
    /// Every reason, in the order of TEDS.
    fileprivate static let inOrder = allCases.sorted { $0.teds < $1.teds }

    /// What is said by reason, in the order of TEDS.
    fileprivate static func json(_ values: [EndReason: some JSONDescribed]) -> AnswerJSON {
        .object(inOrder.compactMap { reason in values[reason].map { (reason.rawValue, $0.json) } })
    }

    /// What that may be.
    fileprivate static func schema(of value: AnswerJSON) -> AnswerJSON {
        ["type": "object", "propertyNames": schema, "additionalProperties": value]
    }
}

extension RetentionCurve.Day: JSONObject {
    /// The day, and what is estimated of it.
    public static let fields: [JSONField<Self>] =
        [
            .init("day", \.day),
            .init("at_risk", \.atRisk),
            .init("ended", schema: EndReason.schema(of: ["type": "integer", "minimum": 1])) {
                EndReason.json($0.ended)
            },
        ] + estimate

    /// What is estimated.
    fileprivate static let estimate: [JSONField<Self>] = [
        .init("retained", \.retained),
        .init("ended_shares", schema: EndReason.schema(of: Double.schema)) {
            EndReason.json($0.endedShares)
        },
    ]
}

extension Retention.Reading: JSONObject {
    /// The day, and the estimate where there is one.
    public static let fields: [JSONField<Self>] = [
        .init("day", \.day),
        .init("at_risk", \.atRisk),
        .init("estimate", \.estimate, of: RetentionCurve.Day.estimate),
    ]
}

extension EndedServices: JSONObject {
    /// How they ended, and how long they lasted.
    public static let fields: [JSONField<Self>] = [
        .init("n", \.count),
        .init("by_reason", \.byReason),
        .init("completed", \.completed),
        .init("share", \.completion?.share),
        .init("low", \.completion?.low),
        .init("high", \.completion?.high),
        .init("mean_los_days", \.lengthsOfStay.mean),
        .init("median_los_days", \.lengthsOfStay.median),
        .init("los_quartile_days", \.lengthsOfStay.quartiles),
        .init("los_weeks", \.byWeek),
    ]
}

extension Retention.Group: JSONObject {
    /// What they have in common, and the services.
    public static let fields: [JSONField<Self>] =
        [
            .init("dimension", \.dimension),
            .init("value", \.value),
        ] + EndedServices.fields.map { $0.lifted(\.services) }
}
