public import CareEpisode
import Ledger
public import ProjectionRuntime

extension Statistics: AnswerValue {
    /// The answer of `statistics`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("from", \.value.from),
        .init("to", \.value.to),
        .init("program", \.value.program),
        .init("by", \.value.span),
        .ledger, .position, .lag, .knownAt, .knownBy, .settings,
        .init("periods", \.value.periods),
        .parked,
    ]

    /// The figures by period, dimension and value.
    ///
    /// Without readmissions, which one episode's events alone do not explain.
    public var items: [AnswerItem] {
        periods.flatMap { period in
            [AnswerItem("periods/\(period.from)/total", period.total.withoutReadmissions.json)]
                + period.groups.map { group in
                    AnswerItem(
                        "periods/\(period.from)/\(group.dimension.rawValue)/\(group.value ?? "")",
                        group.figures.withoutReadmissions.json
                    )
                }
        }
    }

    /// A line for each period, and for each group of it, as spreadsheets get it.
    var lines: [Line] {
        periods.flatMap { period in
            [Line(period: period, group: nil)]
                + period.groups.map { Line(period: period, group: $0) }
        }
    }

    /// The figures of a period or of a group in it.
    struct Line: Sendable {
        let period: Period
        let group: Group?

        var figures: Figures { group?.figures ?? period.total }

        /// The dates, the group, and the figures, each reason in a column of its own.
        static let columns: [JSONField<Self>] =
            [
                .init("from", \.period.from),
                .init("to", \.period.to),
                .init("dimension", \.group?.dimension),
                .init("value", \.group?.value),
            ]
            + Figures.fields.flatMap { field -> [JSONField<Self>] in
                switch field.name {
                case "ended":
                    EndReason.allCases.map { reason in
                        .init("ended_\(reason.rawValue)") { $0.figures.ended[reason] ?? 0 }
                    }
                case "missed":
                    MissedReason.allCases.map { reason in
                        .init("missed_\(reason.rawValue)") { $0.figures.missed[reason] ?? 0 }
                    }
                default: [field.lifted(\.figures)]
                }
            }
    }
}

extension Statistics.Period: JSONObject {
    /// The members of a period.
    public static let fields: [JSONField<Self>] = [
        .init("from", \.from),
        .init("to", \.to),
        .init("total", \.total),
        .init("groups", \.groups),
        .init("readmissions", \.readmissions),
    ]
}

extension Statistics.Group: JSONObject {
    /// The dimension and the value, and the figures.
    public static let fields: [JSONField<Self>] =
        [
            .init("dimension", \.dimension),
            .init("value", \.value),
        ] + Figures.fields.map { $0.lifted(\.figures) }
}

extension Statistics.Readmission: JSONObject {
    /// Both episodes, and the dates between them.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("program", \.program),
        .init("admitted_at", \.admittedAt),
        .init("previous_episode_id", \.previousEpisodeID),
        .init("previous_ended_at", \.previousEndedAt),
        .init("days", \.days),
    ]
}

extension Figures: JSONObject {
    /// The numbers by their names.
    public static let fields: [JSONField<Self>] = [
        .init("carried_over", \.carriedOver),
        .init("admitted", \.admitted),
        .init("transferred_in", \.transferredIn),
        .init("ended") { codes($0.ended) },
        .init("transferred_out", \.transferredOut),
        .init("remaining", \.remaining),
        .init("clients", \.clients),
        .init("readmissions", \.readmissions),
        .init("mean_los_days", \.lengthsOfStay.mean),
        .init("median_los_days", \.lengthsOfStay.median),
        .init("service_days", \.serviceDays),
        .init("attended", \.attended),
        .init("missed") { codes($0.missed) },
        .init("attendance_rate", \.attendanceRate),
        .init("no_show_rate", \.noShowRate),
        .init("judged_weeks", \.judgedWeeks),
        .init("weeks_below", \.weeksBelow),
        .init("below_rate", \.belowRate),
    ]

    private static func codes<Code: RawRepresentable<String>>(
        _ counts: [Code: Int]
    ) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: counts.map { ($0.rawValue, $1) })
    }

    fileprivate var withoutReadmissions: Figures {
        var figures = self
        figures.readmissions = 0
        return figures
    }
}
