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
        .object(
            [
                ("episode_id", .string(episode.description)),
                ("ledger", .string(ledger.name.description)),
                ("effective_at", .instant(effectiveAt)),
            ] + basis.members + [
                ("weeks", .array(weeks.map(\.json))),
                ("rate", rateJSON),
                ("flags", .array(flags.map(\.json))),
                ("parked", basis.parkedJSON),
            ]
        )
    }

    /// The weeks, the rate and the flags, by their names.
    ///
    /// A flag's name holds the events that raise it: two of a kind differ in them.
    public var items: [AnswerItem] {
        weeks.map { AnswerItem("weeks/\($0.week)", $0.json) }
            + [AnswerItem("rate", rateJSON)]
            + flags.map { flag in
                let events = flag.eventIDs.map(\.description).joined(separator: ",")
                return AnswerItem("flags/\(flag.flag.rawValue)/\(events)", flag.json)
            }
    }

    private var rateJSON: AnswerJSON { rate.map { .number($0) } ?? .null }
}

extension EpisodeAttendance.Week {
    fileprivate var json: AnswerJSON {
        [
            "week": .string(week.description),
            "attended": .integer(Int64(attended)),
            "missed": .object(
                MissedReason.allCases.compactMap { reason in
                    missed[reason].map { (reason.rawValue, .integer(Int64($0))) }
                }
            ),
            "hours": .number(hours),
            "planned_hours": plannedHours.map { .number($0) } ?? .null,
            "flags": .array(flags.map(\.json)),
        ]
    }
}
