public import CareEpisode

extension DischargeSummary {
    /// The medications at admission and at discharge, compared.
    ///
    /// Of an interim summary, "discharge" is the time up to which entries take part.
    public struct Medications: Hashable, Sendable {
        /// In force or held just after the admission's entry.
        public var atAdmission: [Element<MedicationState>] = []
        /// In force or held just after what takes effect at the end, but for single doses.
        public var atDischarge: [Element<MedicationState>] = []
        /// What takes effect later; of an interim summary, what is scheduled.
        public var afterDischarge: [Element<MedicationPlan>] = []
        /// At both, in force at the end, the same medication and regimen.
        public var continued: [Element<MedicationOutcome>] = []
        /// At both, in force at the end, another medication or regimen; also where one of the same
        /// substance stands for another.
        public var changed: [Element<MedicationOutcome>] = []
        /// In force at the end, and not there at the admission.
        public var new: [Element<MedicationOutcome>] = []
        /// Held at the end.
        public var held: [Element<MedicationOutcome>] = []
        /// There at the admission, and not at the end.
        public var stopped: [Element<MedicationOutcome>] = []
        /// At neither, and taken in between.
        public var startedAndStopped: [Element<MedicationOutcome>] = []
    }

    /// What is taken and how.
    public struct Prescription: Hashable, Sendable {
        /// What is taken.
        public var medication: Medication
        /// How; nil where nothing is known.
        public var regimen: Regimen?
    }

    /// A medication at a moment.
    public struct MedicationState: Hashable, Sendable {
        /// The course it belongs to.
        public var lineage: MedicationCourse.LineageID
        /// What is taken and how; of a held one, until it was held.
        public var prescription: Prescription
        /// Since when in this regimen.
        public var from: Instant
        /// Who prescribed it; nil for what a client arrives on.
        public var prescriber: String?
        /// Why.
        public var reason: MedicationReason?
        /// Since when it is held; nil while it is taken.
        public var heldSince: Instant?
    }

    /// What became of a medication between admission and end.
    public struct MedicationOutcome: Hashable, Sendable {
        /// The course it belongs to.
        public var lineage: MedicationCourse.LineageID
        /// What is, or was last, taken and how.
        public var prescription: Prescription
        /// What happened.
        public var kind: Kind
        /// Who decided on the start, last change, hold or stop; nil for what a client arrives on.
        public var prescriber: String?
        /// Why.
        public var reason: MedicationReason?
        /// What was decided after the admission's entry and led to it; none of a continued
        /// medication.
        public var steps: [MedicationStep]

        /// What happened.
        public enum Kind: Hashable, Sendable {
            /// In force as at the admission, in this regimen since then.
            case continued(from: Instant)
            /// Another medication or regimen at the admission.
            case changed(before: Prescription)
            /// Started after the admission.
            case new(startedAt: Instant)
            /// Held since then; `before` is what was prescribed at the admission, where it was
            /// there and is another medication or regimen than the one held.
            case held(since: Instant, before: Prescription?)
            /// Stopped then; `before` as of what is held.
            case stopped(at: Instant, before: Prescription?)
            /// Started and stopped then.
            case startedAndStopped(startedAt: Instant, stoppedAt: Instant)
        }
    }

    /// What is to become of a medication after the end.
    public struct MedicationPlan: Hashable, Sendable {
        /// The course it belongs to.
        public var lineage: MedicationCourse.LineageID
        /// What is taken at the end, or begins later; without a regimen where none is in force at
        /// the end.
        public var prescription: Prescription
        /// What takes effect, in order.
        public var steps: [MedicationStep]
    }

    /// One decision about a medication.
    public struct MedicationStep: Hashable, Sendable {
        /// When it took effect.
        public var at: Instant
        /// What was done.
        public var change: MedicationChange
        /// As the event names it.
        public var medication: Medication
        /// The regimen from then on; nil where none is in force any more, or none is known.
        public var regimen: Regimen?
        /// Who prescribed it.
        public var prescriber: String
        /// Why.
        public var reason: MedicationReason?
    }
}

/// What is stated of one lineage of medications.
protocol MedicationStatement: Hashable, Sendable {
    var lineage: MedicationCourse.LineageID { get }
}

extension DischargeSummary.MedicationState: MedicationStatement {}
extension DischargeSummary.MedicationOutcome: MedicationStatement {}
extension DischargeSummary.MedicationPlan: MedicationStatement {}
