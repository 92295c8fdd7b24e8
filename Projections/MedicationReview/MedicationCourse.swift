public import CareEpisode

/// The medications of an episode: every lineage with its intervals, every change, and the doubts
/// about single events.
///
/// Nothing here depends on when one asks.
public struct MedicationCourse: Hashable, Sendable {
    /// By the time, the position and the index of what opened them.
    public var lineages: [Lineage]
    /// One for each `medication_adjusted`, in the order of the history.
    public var changes: [Change]
    /// The flags that events raise, in the order of the history.
    public var flags: [MedicationFlag]
    /// The end in force; nil while the episode is open.
    ///
    /// Lineages go on after it, as what was ordered for then says: what an episode's end closes is
    /// found when it is asked for (``ended``).
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
        /// What ended it; of a start that was stopped before it, the stop.
        public var stop: Stop?
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

    /// What ends a lineage.
    public struct Stop: Hashable, Sendable {
        /// The event.
        public var eventID: EventID
        /// When it took effect.
        public var at: Instant
        /// Where it stands in its ledger: what was recorded before it, for later, is cancelled by it.
        public var position: Position
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
        /// When that event became known.
        public var knownAt: Instant
        /// When what ends it became known; nil while it lasts.
        public var endKnownAt: Instant?
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
        /// By what that was found; nil where nothing was.
        public var matchedBy: MatchCriterion?
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

/// By what a change finds the lineage that it applies to; an earlier one counts before a later one.
public enum MatchCriterion: String, ClosedCode {
    /// The order.
    case orderID = "order_id"
    /// RxNorm's concept.
    case rxcui
    /// The name.
    case name
    /// The same active ingredients, routes fitting.
    case substance
}

extension MedicationCourse.LineageID: CustomStringConvertible {
    /// `<event_id>`, or `<event_id>/<index>` for a medication of an admission.
    public var description: String { index.map { "\(eventID)/\($0)" } ?? eventID.description }

    /// Reads ``description``; nil for any other text.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1)
        guard let first = parts.first, let eventID = EventID(String(first)) else { return nil }
        self.init(eventID: eventID, index: parts.count > 1 ? Int(parts[1]) : nil)
    }
}

extension MedicationCourse.Lineage {
    /// Whether a regimen is in force.
    public var isOpen: Bool { intervals[intervals.count - 1].to == nil }
    /// Whether it is held and the episode goes on.
    public var isHeld: Bool { hold.map { $0.until == nil } ?? false }
    /// When it began.
    public var since: Instant { intervals[0].from }
    /// Whether the client arrived on it.
    public var isOnArrival: Bool { id.index != nil }
}

extension MedicationCourse.Interval {
    /// Whether it was cancelled by a stop before it took effect.
    var isEmptied: Bool { to == from && endedBy == MedicationChange.stop.rawValue }
    /// How it gets into the body; nil where that is not known.
    var routeGroup: RouteGroup? { RouteGroup.of(medication, route: regimen?.route) }
    /// Whether it is one dose.
    var isSingleDose: Bool { regimen?.isSingleDose ?? false }

    /// Whether both have the same active ingredients, routes fitting.
    func isSameSubstance(as other: Self) -> Bool {
        RouteGroup.fit(routeGroup, other.routeGroup)
            && medication.hasSubstances(of: other.medication)
    }
}

extension MedicationCourse {
    /// The course as the end of the episode closes it: from then on nothing is in force or held.
    var ended: MedicationCourse {
        guard let endedAt else { return self }
        var course = self
        for index in course.lineages.indices {
            course.lineages[index].intervals.removeAll { $0.from > endedAt }
            for place in course.lineages[index].intervals.indices
            where course.lineages[index].intervals[place].to.map({ $0 > endedAt }) ?? true {
                course.lineages[index].intervals[place].to = endedAt
                course.lineages[index].intervals[place].endedBy = Self.episodeEnd
            }
            if let hold = course.lineages[index].hold, hold.since <= endedAt {
                course.lineages[index].hold?.until = endedAt
            } else {
                course.lineages[index].hold = nil
            }
        }
        course.lineages.removeAll(where: \.intervals.isEmpty)
        return course
    }

    /// A lineage by its id.
    func lineage(_ id: LineageID) -> Lineage? { lineages.first { $0.id == id } }
}

/// A doubt about the medications of an episode, with the events that raise it.
public struct MedicationFlag: Hashable, Sendable {
    /// What kind of doubt.
    public var flag: Flag
    /// The effective time of the latest of its events; of a flag on a state, the time asked for.
    public var at: Instant
    /// The events that raise it.
    public var eventIDs: [EventID]
    /// The lineages that it is about; none where an event touched none.
    public var lineages: [MedicationCourse.LineageID] = []
    /// The medications that it is about, by name; put in when a review is made.
    public var medications: [String] = []
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
        /// A change, recorded after a stop, of what that has ended: taken again since.
        case changedAfterStop = "changed_after_stop"
        /// A stop of nothing that was started.
        case stopWithoutStart = "stop_without_start"
        /// A stop recorded later, effective before the start.
        case stoppedBeforeStarted = "stopped_before_started"
        /// Takes effect at or after the end of the episode, and became known after that did.
        case afterEnd = "after_end"
        /// An increase whose daily dose falls, or the reverse.
        case directionMismatch = "direction_mismatch"
        /// Known more than 24 hours after it took effect.
        case lateEntry = "late_entry"
        /// A decrease, switch, hold or stop without a reason.
        case noReason = "no_reason"
        /// A start without dose, route or frequency, or a dose without a unit.
        case incompleteRegimen = "incomplete_regimen"
        /// One regimen of one medication in two open lineages.
        case duplicateActive = "duplicate_active"
        /// An ingredient in two open lineages.
        case sameIngredient = "same_ingredient"
        /// Stopped in one lineage, and still open or scheduled in another.
        case stoppedStillListed = "stopped_still_listed"
        /// What the client is recorded to be allergic to.
        case allergyRecorded = "allergy_recorded"
        /// Nothing was recorded about it for 14 days.
        case notReviewed = "not_reviewed"
        /// An opioid and a benzodiazepine at once.
        case opioidAndBenzodiazepine = "opioid_and_benzodiazepine"
        /// Two antipsychotics of different ingredients at once.
        case twoAntipsychotics = "two_antipsychotics"
    }
}
