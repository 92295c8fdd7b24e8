public import CareEpisode
public import Ledger
import ProjectionRuntime

extension MedicationFlag {
    /// `flag`, `event_ids`, `text`.
    public var json: AnswerJSON {
        [
            "flag": .string(flag.rawValue),
            "event_ids": .array(eventIDs.map { .string($0.description) }),
            "text": .string(text),
        ]
    }
}

extension MedicationReview.Listed {
    /// The members of an active regimen.
    fileprivate var members: [(name: String, value: AnswerJSON)] {
        [
            ("lineage", .string(lineage.description)),
            ("medication", interval.medication.json),
            ("regimen", interval.regimen?.json ?? .null),
            ("from", .instant(interval.from)),
            ("daily_dose", .double(interval.regimen?.dailyDose)),
            ("prescriber", .text(interval.prescriber)),
            ("reason", interval.reason?.json ?? .null),
            ("event_id", .string(interval.eventID.description)),
            ("classes", .array(assessment.classes.map { .string($0.rawValue) })),
            ("assessed", .bool(assessment.isAssessed)),
        ]
    }

    /// A regimen in force.
    var activeJSON: AnswerJSON {
        let end: AnswerJSON? = endsAhead.map {
            ["at": .instant($0.at), "change": .string($0.change)]
        }
        return .object(members + [("scheduled_end", end ?? .null)])
    }

    /// The last regimen of a held lineage.
    var heldJSON: AnswerJSON {
        .object(
            members + [
                ("held_since", .instant(hold?.since)),
                ("held_by", .text(hold?.eventID.description)),
            ]
        )
    }

    /// A regimen that begins later.
    var scheduledJSON: AnswerJSON {
        .object(members + [("change", .string(interval.startedBy))])
    }

    /// An interval with its end.
    var intervalJSON: AnswerJSON {
        [
            "lineage": .string(lineage.description),
            "medication": interval.medication.json,
            "regimen": interval.regimen?.json ?? .null,
            "from": .instant(interval.from),
            "to": .instant(interval.to),
            "started_by": .string(interval.startedBy),
            "ended_by": .text(interval.endedBy),
            "prescriber": .text(interval.prescriber),
            "reason": interval.reason?.json ?? .null,
            "event_id": .string(interval.eventID.description),
        ]
    }
}

extension MedicationCourse.Change {
    /// The change as it was recorded, and what it did.
    public var json: AnswerJSON {
        [
            "event_id": .string(eventID.description),
            "at": .instant(at),
            "change": .string(change.rawValue),
            "lineage": .text(lineage?.description),
            "medication": medication.json,
            "from_regimen": fromRegimen?.json ?? .null,
            "to_regimen": toRegimen?.json ?? .null,
            "daily_dose_before": .double(fromRegimen?.dailyDose),
            "daily_dose_after": .double(toRegimen?.dailyDose),
            "percent": .double(percent),
            "prescriber": .string(prescriber),
            "reason": reason?.json ?? .null,
        ]
    }
}

extension MedicationReview {
    /// `active`, `held`, `flags`: what a list of episodes says of one.
    var worklistMembers: [(name: String, value: AnswerJSON)] {
        [
            ("active", .array(active.map(\.activeJSON))),
            ("held", .array(held.map(\.heldJSON))),
            ("flags", .array(flags.map(\.json))),
        ]
    }

    fileprivate var members: [(name: String, value: AnswerJSON)] {
        [
            ("active", .array(active.map(\.activeJSON))),
            ("held", .array(held.map(\.heldJSON))),
            ("scheduled", .array(scheduled.map(\.scheduledJSON))),
            ("timeline", .array(timeline.map(\.intervalJSON))),
            ("changes", .array(changes.map(\.json))),
            ("flags", .array(flags.map(\.json))),
        ]
    }

    /// The parts of the answer by name, for comparing two answers.
    var items: [AnswerItem] {
        active.map { AnswerItem("active/\($0.lineage)", $0.activeJSON) }
            + held.map { AnswerItem("held/\($0.lineage)", $0.heldJSON) }
            + scheduled.map {
                AnswerItem("scheduled/\($0.lineage)/\($0.interval.eventID)", $0.scheduledJSON)
            }
            + timeline.map {
                AnswerItem("timeline/\($0.lineage)/\($0.interval.eventID)", $0.intervalJSON)
            }
            + changes.map { AnswerItem("changes/\($0.eventID)", $0.json) }
            + flagItems
    }

    /// Medications of one admission may raise the same flag: the second is named so.
    private var flagItems: [AnswerItem] {
        var times: [String: Int] = [:]
        return flags.map { flag in
            let events = flag.eventIDs.map(\.description).joined(separator: ",")
            let name = "flags/\(flag.flag.rawValue)/\(events)"
            let time = times[name, default: 0] + 1
            times[name] = time
            return AnswerItem(time == 1 ? name : "\(name)/\(time)", flag.json)
        }
    }
}

extension EpisodeMedicationReview {
    /// The answer of `medication-review --episode`.
    public func json(_ ledger: LedgerDescription) -> AnswerJSON {
        .object(
            [
                ("episode_id", .string(episodeID.description)),
                ("ledger", .string(ledger.name.description)),
                ("effective_at", .instant(review.effectiveAt)),
                ("ended_at", .instant(review.endedAt)),
            ] + basis.members + review.members + [("parked", basis.parkedJSON)]
        )
    }
}

extension MedicationWorklist {
    /// The answer of `medication-review --program`.
    public func json(_ ledger: LedgerDescription) -> AnswerJSON {
        .object(
            [
                ("program", .string(program)),
                ("ledger", .string(ledger.name.description)),
                ("effective_at", .instant(effectiveAt)),
            ] + basis.members + [
                ("episodes", .array(episodes.map(\.json))),
                ("parked", basis.parkedJSON),
            ]
        )
    }
}

extension MedicationWorklist.Episode {
    /// One episode of a programme.
    fileprivate var json: AnswerJSON {
        .object(
            [
                ("episode_id", .string(episodeID.description)),
                ("client_id", .string(clientID)),
                ("program", .string(program)),
                ("level_of_care", .string(levelOfCare.rawValue)),
            ] + review.worklistMembers
        )
    }
}
