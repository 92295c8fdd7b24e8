public import CareEpisode
public import Ledger
public import ProjectionRuntime

extension CensusGroup {
    /// `program`, `level_of_care` and the five numbers.
    public var json: AnswerJSON {
        [
            "program": .string(program),
            "level_of_care": .string(levelOfCare.rawValue),
            "census": .integer(Int64(census)),
            "admissions": .integer(Int64(admissions)),
            "transfers_in": .integer(Int64(transfersIn)),
            "transfers_out": .integer(Int64(transfersOut)),
            "discharges": .integer(Int64(discharges)),
        ]
    }
}

extension EpisodeCensus.Stay {
    /// The members of a stay.
    public var members: [(name: String, value: AnswerJSON)] {
        [
            ("program", .string(program)),
            ("track", .text(track)),
            ("level_of_care", .string(levelOfCare.rawValue)),
            ("from", .instant(from)),
            ("to", .instant(to)),
            ("start_reason", .string(startReason.rawValue)),
            ("end_reason", .text(endReason?.rawValue)),
        ]
    }
}

extension EpisodeFlag {
    /// `flag`, `event_ids`, `text`.
    public var json: AnswerJSON {
        [
            "flag": .string(flag.rawValue),
            "event_ids": .array(eventIDs.map { .string($0.description) }),
            "text": .string(flag.text),
        ]
    }
}

extension CensusOfDate {
    /// The answer of `census --date`.
    public func json(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> AnswerJSON {
        .object(
            [
                ("date", .string(day.date.description)),
                ("ledger", .string(ledger.name.description)),
            ] + basis.members + [
                ("total", .integer(Int64(day.total))),
                ("groups", .array(day.groups.map(\.json))),
                ("episodes", .array(episodes.map(\.json))),
                ("parked", basis.parkedJSON),
            ]
        )
    }

    /// The total, and the groups and episodes by their names.
    public var items: [AnswerItem] {
        [AnswerItem("total", .integer(Int64(day.total)))]
            + day.groups.map {
                AnswerItem("groups/\($0.program)/\($0.levelOfCare.rawValue)", $0.json)
            }
            + episodes.map { AnswerItem("episodes/\($0.episodeID)/\($0.stay.from)", $0.json) }
    }
}

extension CensusEpisode {
    fileprivate var json: AnswerJSON {
        .object(
            [
                ("episode_id", .string(episodeID.description)),
                ("client_id", .string(clientID)),
            ] + stay.members + [
                ("day_of_stay", .integer(Int64(dayOfStay))),
                ("hours_last_7_days", .number(hoursLast7Days)),
                ("flags", .array(flags.map(\.json))),
            ]
        )
    }
}

extension CensusTally {
    /// The answer of `census --from --to`.
    public func json(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> AnswerJSON {
        .object(
            [
                ("from", .text(days.first?.date.description)),
                ("to", .text(days.last?.date.description)),
                ("ledger", .string(ledger.name.description)),
            ] + basis.members + [
                (
                    "days",
                    .array(
                        days.map { day in
                            [
                                "date": .string(day.date.description),
                                "total": .integer(Int64(day.total)),
                                "groups": .array(day.groups.map(\.json)),
                            ]
                        }
                    )
                ),
                ("parked", basis.parkedJSON),
            ]
        )
    }
}

extension CensusTally {
    /// The groups by day and name.
    public var items: [AnswerItem] {
        days.flatMap { day in
            day.groups.map {
                AnswerItem(
                    "days/\(day.date)/\($0.program)/\($0.levelOfCare.rawValue)",
                    $0.json
                )
            }
        }
    }
}

extension EpisodeCensus {
    /// One line of `episodes`.
    ///
    /// - Parameter overlapping: whether the client has another episode at the same time; nil leaves
    ///   it out.
    public func json(overlapping: Bool?) -> AnswerJSON {
        let last = stays[stays.count - 1]
        let members: [(name: String, value: AnswerJSON)] = [
            ("episode_id", .string(episodeID.description)),
            ("client_id", .string(clientID)),
            ("status", end == nil ? "open" : "ended"),
            ("program", .string(last.program)),
            ("track", .text(last.track)),
            ("level_of_care", .string(last.levelOfCare.rawValue)),
            ("admitted_at", .instant(admittedAt)),
            ("ended_at", .instant(end?.at)),
            ("end_reason", .text(end?.reason.rawValue)),
            ("last_contact_at", .instant(end?.lastContactAt)),
            ("length_of_stay_days", end.map { .integer(Int64($0.lengthOfStayDays)) } ?? .null),
            ("stays", .array(stays.map { .object($0.members) })),
        ]
        let mark = overlapping.map { [(name: "overlapping_episode", value: AnswerJSON.bool($0))] }
        return .object(members + (mark ?? []) + [("flags", .array(flags.map(\.json)))])
    }
}
