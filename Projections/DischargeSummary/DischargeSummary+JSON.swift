public import CareEpisode

extension Diagnosis: JSONObject {
    /// The payload's members.
    public static let fields: [JSONField<Self>] = [
        .init("system", \.system),
        .init("code", \.code),
        .init("description", \.description),
        .init("role", \.role),
    ]
}

extension Goal: JSONObject {
    /// The payload's members.
    public static let fields: [JSONField<Self>] = [
        .init("text", \.text),
        .init("status", \.status),
    ]
}

extension Aftercare: JSONObject {
    /// The payload's members.
    public static let fields: [JSONField<Self>] = [
        .init("provider", \.provider),
        .init("kind", \.kind),
        .init("at", \.at),
    ]
}

extension Author: JSONObject {
    /// The payload's members.
    public static let fields: [JSONField<Self>] = [
        .init("id", \.id),
        .init("role", \.role),
    ]
}

extension DischargeSummary.Allergies: JSONObject {
    /// The members of allergies.
    public static let fields: [JSONField<Self>] = [
        .init("status", \.status),
        .init("list", \.list),
    ]

    private enum Status: String, ClosedCode {
        case recorded
        case noneKnown = "none_known"
        case notRecorded = "not_recorded"
    }

    private var status: Status {
        switch self {
        case .recorded: .recorded
        case .noneKnown: .noneKnown
        case .notRecorded: .notRecorded
        }
    }

    private var list: [String] {
        if case .recorded(let list) = self { list } else { [] }
    }
}

extension DischargeSummary.FamilySessions: JSONObject {
    /// The members of sessions with the family.
    public static let fields: [JSONField<Self>] = [
        .init("held", \.held),
        .init("with_client", \.withClient),
        .init("participants", \.participants),
    ]
}

extension EndReason {
    /// The members of a reason where its code of TEDS stands beside it.
    static let fields: [JSONField<Self>] = [
        .init("reason", \.self),
        .init("teds_reason", \.teds),
    ]
}

extension DischargeSummary.Flag: JSONObject {
    /// The members of a flag.
    public static let fields: [JSONField<Self>] = [
        .init("flag", \.code),
        .init("event_ids", \.eventIDs),
        .init("text", \.text),
    ]
}

extension DischargeSummary.Prescription: JSONObject {
    /// What is taken and how.
    public static let fields: [JSONField<Self>] = [
        .init("medication", \.medication),
        .init("regimen", \.regimen),
    ]
}

extension DischargeSummary.MedicationState: JSONObject {
    /// A medication at a moment.
    public static let fields: [JSONField<Self>] =
        [
            .init("lineage", \.lineage),
            .init("status", \.status),
        ] + DischargeSummary.Prescription.fields.map { $0.lifted(\.prescription) } + [
            .init("from", \.from),
            .init("prescriber", \.prescriber),
            .init("reason", \.reason),
            .init("held_since", \.heldSince),
        ]

    private enum Status: String, ClosedCode {
        case active, held
    }

    private var status: Status { heldSince == nil ? .active : .held }
}

/// What the lists of outcomes say of a medication.
extension DischargeSummary.MedicationOutcome {
    static let continued = fields(prescription + [.present("from", \.start)], hasSteps: false)
    static let changed = fields([.present("from", \.before), .init("to", \.prescription)])
    static let new = fields(prescription + [startedAt])
    static let held = fields([before] + prescription + [.present("held_since", \.end)])
    static let stopped = fields([before] + prescription + [stoppedAt])
    static let startedAndStopped = fields(prescription + [startedAt, stoppedAt])

    private static let prescription = DischargeSummary.Prescription.fields
        .map { $0.lifted(\Self.prescription) }
    private static let before = JSONField("before", \Self.before)
    private static let startedAt = JSONField<Self>.present("started_at", \.start)
    private static let stoppedAt = JSONField<Self>.present("stopped_at", \.end)

    private static func fields(
        _ own: [JSONField<Self>],
        hasSteps: Bool = true
    ) -> [JSONField<Self>] {
        [.init("lineage", \.lineage)] + own + [
            .init("prescriber", \.prescriber),
            .init("reason", \.reason),
        ] + (hasSteps ? [.init("steps", \.steps)] : [])
    }

    /// What was prescribed at the admission, where that is another medication or regimen.
    private var before: DischargeSummary.Prescription? {
        switch kind {
        case .changed(let before): before
        case .held(_, let before), .stopped(_, let before): before
        case .continued, .new, .startedAndStopped: nil
        }
    }

    private var start: Instant? {
        switch kind {
        case .continued(let start), .new(let start), .startedAndStopped(let start, _): start
        case .changed, .held, .stopped: nil
        }
    }

    private var end: Instant? {
        switch kind {
        case .held(let end, _), .stopped(let end, _), .startedAndStopped(_, let end): end
        case .continued, .changed, .new: nil
        }
    }
}

extension DischargeSummary.MedicationPlan {
    /// What is to become of a medication.
    static let fields: [JSONField<Self>] =
        [.init("lineage", \.lineage)]
        + DischargeSummary.Prescription.fields.map { $0.lifted(\.prescription) }
        + [.init("steps", \.steps)]
}

extension DischargeSummary.MedicationStep: JSONObject {
    /// One decision.
    public static let fields: [JSONField<Self>] = [
        .init("at", \.at),
        .init("change", \.change),
        .init("medication", \.medication),
        .init("regimen", \.regimen),
        .init("prescriber", \.prescriber),
        .init("reason", \.reason),
    ]
}

extension DischargeSummary.Correction: JSONObject {
    /// A correction of an entry.
    public static let fields: [JSONField<Self>] = [
        .init("correction", \.correction),
        .init("target", \.target),
        .init("target_type", \.targetType),
        .init("occurred_at", \.occurredAt),
        .init("corrected_at", \.correctedAt),
        .init("elements", \.elements),
    ]
}

extension DischargeSummary.LateEntry: JSONObject {
    /// An entry that became known late.
    public static let fields: [JSONField<Self>] = [
        .init("entry", \.entry),
        .init("type", \.type),
        .init("occurred_at", \.occurredAt),
        .init("known_at", \.knownAt),
        .init("known_by", \.knownBy),
        .init("elements", \.elements),
    ]
}
