import CareEpisode
import ProjectionRuntime

extension AnswerJSON {
    /// Numbers under their codes, in the order of the codes.
    static func counts(_ counts: [String: Int]) -> AnswerJSON {
        .object(counts.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) })
    }
}

extension Diagnosis {
    /// `system`, `code`, `description`, `role`.
    var json: AnswerJSON {
        [
            "system": .string(system.rawValue),
            "code": .string(code),
            "description": .text(description),
            "role": .text(role?.rawValue),
        ]
    }
}

extension DischargeSummary.Allergies {
    /// `status`, `list`.
    var json: AnswerJSON {
        let (status, list): (String, [String]) =
            switch self {
            case .recorded(let list): ("recorded", list)
            case .noneKnown: ("none_known", [])
            case .notRecorded: ("not_recorded", [])
            }
        return ["status": .string(status), "list": .array(list.map(AnswerJSON.string))]
    }
}

extension DischargeSummary.Flag {
    /// `flag`, `event_ids`, `text`.
    var json: AnswerJSON {
        [
            "flag": .string(code),
            "event_ids": .array(eventIDs.map { .string($0.description) }),
            "text": .string(text),
        ]
    }
}

extension DischargeSummary.Prescription {
    fileprivate var members: [(name: String, value: AnswerJSON)] {
        [("medication", medication.json), ("regimen", regimen?.json ?? .null)]
    }

    fileprivate var json: AnswerJSON { .object(members) }
}

extension DischargeSummary.MedicationState {
    /// `lineage`, `status`, `medication`, `regimen`, `from`, `prescriber`, `reason`, `held_since`.
    var json: AnswerJSON {
        .object(
            [
                ("lineage", .string(lineage.description)),
                ("status", heldSince == nil ? "active" : "held"),
            ] + prescription.members + [
                ("from", .instant(from)),
                ("prescriber", .text(prescriber)),
                ("reason", reason?.json ?? .null),
                ("held_since", .instant(heldSince)),
            ]
        )
    }
}

extension DischargeSummary.MedicationOutcome {
    /// `lineage`, what the list it stands in says, `prescriber`, `reason`, and `steps` but in
    /// `continued`.
    var json: AnswerJSON {
        let members: [(name: String, value: AnswerJSON)] =
            switch kind {
            case .continued(let from):
                prescription.members + [("from", .instant(from))]
            case .changed(let before):
                [("from", before.json), ("to", prescription.json)]
            case .new(let startedAt):
                prescription.members + [("started_at", .instant(startedAt))]
            case .held(let since, let before):
                [("before", before?.json ?? .null)] + prescription.members
                    + [("held_since", .instant(since))]
            case .stopped(let stoppedAt, let before):
                [("before", before?.json ?? .null)] + prescription.members
                    + [("stopped_at", .instant(stoppedAt))]
            case .startedAndStopped(let startedAt, let stoppedAt):
                prescription.members + [
                    ("started_at", .instant(startedAt)), ("stopped_at", .instant(stoppedAt)),
                ]
            }
        return .object(
            [("lineage", .string(lineage.description))] + members + [
                ("prescriber", .text(prescriber)),
                ("reason", reason?.json ?? .null),
            ] + (hasSteps ? [("steps", .array(steps.map(\.json)))] : [])
        )
    }

    private var hasSteps: Bool {
        switch kind {
        case .changed, .new, .held, .stopped, .startedAndStopped: true
        case .continued: false
        }
    }
}

extension DischargeSummary.MedicationStep {
    fileprivate var json: AnswerJSON {
        [
            "at": .instant(at),
            "change": .string(change.rawValue),
            "medication": medication.json,
            "regimen": regimen?.json ?? .null,
            "prescriber": .string(prescriber),
            "reason": reason?.json ?? .null,
        ]
    }
}

extension DischargeSummary.Correction {
    /// `correction`, `target`, `target_type`, `occurred_at`, `corrected_at`, `elements`.
    var json: AnswerJSON {
        [
            "correction": .string(correction.description),
            "target": .string(target.description),
            "target_type": .string(targetType.rawValue),
            "occurred_at": .instant(occurredAt),
            "corrected_at": .instant(correctedAt),
            "elements": .array(elements.map(AnswerJSON.string)),
        ]
    }
}

extension DischargeSummary.LateEntry {
    /// `entry`, `type`, `occurred_at`, `known_at`, `known_by`, `elements`.
    var json: AnswerJSON {
        [
            "entry": .string(entry.description),
            "type": .string(type.rawValue),
            "occurred_at": .instant(occurredAt),
            "known_at": .instant(knownAt),
            "known_by": .string(knownBy.rawValue),
            "elements": .array(elements.map(AnswerJSON.string)),
        ]
    }
}
