public import CareEpisode
public import Ledger
public import ProjectionRuntime

extension EpisodeAttendance {
    /// The answer of `attendance`.
    ///
    /// - Parameters:
    ///   - episode: whose attendance it is.
    ///   - ledger: which holds the episode.
    ///   - effectiveAt: the time that was asked for.
    ///   - basis: what the answer rests on.
    public func json(
        _ episode: EpisodeID,
        _ ledger: LedgerDescription,
        effectiveAt: Instant,
        _ basis: ReadModelBasis
    ) -> AnswerJSON {
        AttendanceAnswer(episodeID: episode, effectiveAt: effectiveAt, attendance: self)
            .json(ledger, basis)
    }

    /// The weeks, the rate and the flags, by their names.
    ///
    /// A flag's name holds the events that raise it: two of a kind differ in them.
    public var items: [AnswerItem] {
        weeks.map { AnswerItem("weeks/\($0.week)", $0.json) }
            + [
                AnswerItem("missed_after_end", missedAfterEnd.json),
                AnswerItem("rate", rate.json),
            ]
            + flags.map { flag in
                let events = flag.eventIDs.map(\.description).joined(separator: ",")
                return AnswerItem("flags/\(flag.flag.rawValue)/\(events)", flag.json)
            }
    }
}

extension EpisodeAttendance {
    /// A line for each week.
    var list: CSVTable {
        CSVTable(
            weeks,
            Week.fields.flatMap { field -> [JSONField<Week>] in
                switch field.name {
                case "missed":
                    MissedReason.allCases.map { reason in
                        .init("missed_\(reason.rawValue)") { $0.missed[reason] ?? 0 }
                    }
                case "flags": [.init("flags") { $0.flags.map(\.flag) }]
                default: [field]
                }
            }
        )
    }
}

/// The attendance with what was asked for.
struct AttendanceAnswer: AnswerValue {
    let episodeID: EpisodeID
    let effectiveAt: Instant
    let attendance: EpisodeAttendance

    static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("episode_id", \.value.episodeID),
        .ledger,
        .init("effective_at", \.value.effectiveAt),
        .position, .lag, .knownAt, .knownBy, .settings,
        .init("weeks", \.value.attendance.weeks),
        .optional("weeks_left_out") {
            $0.value.attendance.weeksLeftOut > 0 ? $0.value.attendance.weeksLeftOut : nil
        },
        .init("missed_after_end", schema: MissedReason.countsSchema) {
            $0.value.attendance.missedAfterEnd.json
        },
        .init("rate", \.value.attendance.rate),
        .init("flags", \.value.attendance.flags),
        .parked,
    ]
}

extension EpisodeAttendance.Week: JSONObject {
    /// The members of a week.
    public static let fields: [JSONField<Self>] = [
        .init("week", \.week),
        .init("attended", \.attended),
        .init("missed", schema: MissedReason.countsSchema) { $0.missed.json },
        .init("hours", \.hours),
        .init("planned_hours", \.plannedHours),
        .init("threshold", \.judged.threshold),
        .init("not_judged", \.judged.notJudged),
        .init("flags", \.flags),
    ]
}

extension MissedReason {
    /// What numbers by reason may be.
    fileprivate static let countsSchema: AnswerJSON = [
        "type": "object",
        "propertyNames": schema,
        "additionalProperties": ["type": "integer", "minimum": 1],
    ]
}

extension [MissedReason: Int] {
    /// The numbers above zero, in the order of the reasons.
    fileprivate var json: AnswerJSON {
        .object(
            MissedReason.allCases.compactMap { reason in
                self[reason].map { (reason.rawValue, $0.json) }
            }
        )
    }
}
