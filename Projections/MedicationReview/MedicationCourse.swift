public import CareEpisode

/// The medications of an episode: every lineage with its intervals, every change, and the doubts
/// about single events.
///
/// Nothing here depends on when one asks.
public struct MedicationCourse: Hashable, Sendable {
    /// By the time, the position and the index of what opened them.
    public var lineages: [Lineage]
    /// One for each `medication_adjusted` that is not void, in the order of the history.
    public var changes: [Change]
    /// The flags that events raise, in the order of the history.
    public var flags: [MedicationFlag]
    /// The end in force, at which every interval is closed; nil while the episode is open.
    public var endedAt: Instant?

    /// Identifies a lineage by what opened it.
    public struct LineageID: Hashable, Sendable {
        /// The event that opened it.
        public var eventID: EventID
        /// The place from 0 among the medications of an admission; nil for a change.
        public var index: Int?

        /// What opened a lineage.
        public init(eventID: EventID, index: Int? = nil) {
            self.eventID = eventID
            self.index = index
        }
    }

    /// The course of one medication through its regimens.
    public struct Lineage: Hashable, Sendable {
        /// What opened it.
        public var id: LineageID
        /// In order; at least one.
        public var intervals: [Interval]
        /// The hold in force, also one that was in force when the episode ended.
        public var hold: Hold?
        /// The last event about it, a review among them.
        public var lastEventID: EventID
        /// When that took effect.
        public var lastEventAt: Instant
    }

    /// A hold that no resume, stop or other change has ended.
    public struct Hold: Hashable, Sendable {
        /// The event that holds.
        public var eventID: EventID
        /// When it took effect.
        public var since: Instant
        /// Who decided it.
        public var prescriber: String
        /// Why.
        public var reason: MedicationReason?
        /// The end of the episode, where the hold lasted until then.
        public var until: Instant?
    }

    /// A time in which one regimen was in force.
    public struct Interval: Hashable, Sendable {
        /// What is taken.
        public var medication: Medication
        /// How, fields carried over from the interval before; nil where nothing is known.
        public var regimen: Regimen?
        /// Its first instant.
        public var from: Instant
        /// The first instant after it; nil while it lasts; `from` where it was never in force.
        public var to: Instant?
        /// `admitted`, or a change.
        public var startedBy: String
        /// A change, `episode_end`, or nil while it lasts.
        public var endedBy: String?
        /// Who prescribed it; nil for what a client arrives on.
        public var prescriber: String?
        /// Why.
        public var reason: MedicationReason?
        /// The event that opened it.
        public var eventID: EventID
        /// Where that event stands in its ledger: what of one instant came first.
        public var position: Position
    }

    /// One change as it was recorded, and what it did.
    public struct Change: Hashable, Sendable {
        /// The event.
        public var eventID: EventID
        /// When it took effect.
        public var at: Instant
        /// What was done.
        public var change: MedicationChange
        /// The lineage it applied to or opened; nil where it touched none.
        public var lineage: LineageID?
        /// As the event names it.
        public var medication: Medication
        /// The last known regimen of the lineage before it, also of a held one; nil where there was
        /// none.
        public var fromRegimen: Regimen?
        /// The regimen in force after it; nil where none is.
        public var toRegimen: Regimen?
        /// Who prescribed it.
        public var prescriber: String
        /// Why.
        public var reason: MedicationReason?
    }
}

extension MedicationCourse.LineageID: CustomStringConvertible {
    /// `<event_id>`, or `<event_id>/<index>` for a medication of an admission.
    public var description: String { index.map { "\(eventID)/\($0)" } ?? eventID.description }
}

extension MedicationCourse.Lineage {
    /// Whether a regimen is in force.
    public var isOpen: Bool { intervals[intervals.count - 1].to == nil }
    /// Whether it is held and the episode goes on.
    public var isHeld: Bool { hold.map { $0.until == nil } ?? false }
}

/// A doubt about the medications of an episode, with the events that raise it.
public struct MedicationFlag: Hashable, Sendable {
    /// What kind of doubt.
    public var flag: Flag
    /// The effective time of the latest of its events; of a flag on a state, the time asked for.
    public var at: Instant
    /// The events that raise it.
    public var eventIDs: [EventID]
    /// What the text says of these medications beyond the kind; nil for most.
    public var note: String?

    /// The kinds of doubt.
    public enum Flag: String, ClosedCode {
        /// A change of a medication that no lineage matches.
        case unmatchedChange = "unmatched_change"
        /// A change that several lineages match.
        case ambiguousChange = "ambiguous_change"
        /// A resume of nothing held.
        case resumeWithoutHold = "resume_without_hold"
        /// A change with a regimen while held.
        case changedWhileHeld = "changed_while_held"
        /// A stop of nothing that was started.
        case stopWithoutStart = "stop_without_start"
        /// A stop recorded later, effective before the start.
        case stoppedBeforeStarted = "stopped_before_started"
        /// Takes effect at or after the end of the episode.
        case afterEnd = "after_end"
        /// An increase whose daily dose falls, or the reverse.
        case directionMismatch = "direction_mismatch"
        /// Known more than 24 hours after it took effect.
        case lateEntry = "late_entry"
        /// A decrease, switch, hold or stop without a reason.
        case noReason = "no_reason"
        /// A start without dose, route or frequency.
        case incompleteRegimen = "incomplete_regimen"
        /// Two open lineages of one medication.
        case duplicateActive = "duplicate_active"
        /// Nothing was recorded about it for 14 days.
        case notReviewed = "not_reviewed"
        /// An opioid and a benzodiazepine at once.
        case opioidAndBenzodiazepine = "opioid_and_benzodiazepine"
        /// Two antipsychotics of different ingredients at once.
        case twoAntipsychotics = "two_antipsychotics"
    }
}
