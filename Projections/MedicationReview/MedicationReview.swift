public import CareEpisode
public import Ledger

/// The medications of an episode at a time: a function of its course, the time and the settings.
public struct MedicationReview: Hashable, Sendable {
    /// What a site may set.
    public struct Settings: Hashable, Sendable {
        /// Days without any event about a medication after which it counts as not reviewed.
        public var notReviewedDays: Int
        /// The ledger's setting that says so; nil where none does.
        public var by: LedgerSetting?

        /// Fourteen days, unless said otherwise.
        public init(notReviewedDays: Int = 14, by: LedgerSetting? = nil) {
            self.notReviewedDays = notReviewedDays
            self.by = by
        }
    }

    /// An end of a regimen that is known and lies ahead.
    public struct EndAhead: Hashable, Sendable {
        /// When the regimen ends.
        public var at: Instant
        /// The change that ends it.
        public var change: String
    }

    /// One regimen of a lineage.
    public struct Listed: Hashable, Sendable {
        /// The lineage.
        public var lineage: MedicationCourse.LineageID
        /// The regimen; of a held lineage the last one.
        public var interval: MedicationCourse.Interval
        /// The hold in force.
        public var hold: MedicationCourse.Hold?
        /// Of an active regimen, what is known to end it later: a change, a hold or a stop.
        public var endsAhead: EndAhead?
        /// What the lists say of the medication.
        public var assessment: MedicationAssessment {
            MedicationAssessment(interval.medication)
        }
    }

    /// The time asked for.
    public var effectiveAt: Instant
    /// The episode's end, after which nothing is active or held; nil while it is open.
    public var endedAt: Instant?
    /// Regimens in force, by their beginning.
    public var active: [Listed]
    /// Held lineages, by the beginning of their last regimen.
    public var held: [Listed]
    /// Regimens that are known and begin later.
    public var scheduled: [Listed]
    /// Every interval that began, lineage by lineage.
    public var timeline: [Listed]
    /// Every change that took effect.
    public var changes: [MedicationCourse.Change]
    /// Flags of events, in the order of the history, then those that hold at the time.
    public var flags: [MedicationFlag]

    /// Reviews the medications of an episode.
    ///
    /// - Parameters:
    ///   - course: folded from the entries up to the time.
    ///   - whole: folded from all entries.
    ///   - effectiveAt: the time.
    ///   - settings: what the site has set.
    public init(
        _ course: MedicationCourse,
        whole: MedicationCourse,
        effectiveAt: Instant,
        settings: Settings = Settings()
    ) {
        self.effectiveAt = effectiveAt
        // Rows of a parked episode may know more than the time asked for.
        endedAt = course.endedAt.flatMap { $0 <= effectiveAt ? $0 : nil }
        let ends = whole.endsAhead(of: effectiveAt)
        active =
            course.lineages.flatMap { lineage in
                lineage.intervals.filter { $0.isActive(at: effectiveAt) }.map {
                    var listed = Listed(lineage, $0)
                    listed.endsAhead = ends[lineage.id]
                    return listed
                }
            }.inOrder
        held =
            course.lineages.filter { lineage in
                lineage.isHeld && lineage.hold.map { $0.since <= effectiveAt } ?? false
            }.map { Listed($0, $0.intervals[$0.intervals.count - 1], hold: $0.hold) }.inOrder
        timeline = course.lineages.flatMap { lineage in
            lineage.intervals.filter { $0.from <= effectiveAt }.map { Listed(lineage, $0) }
        }
        scheduled =
            whole.lineages.flatMap { lineage in
                // What was stopped before it started is never taken.
                lineage.intervals.filter { $0.from > effectiveAt && $0.to != $0.from }
                    .map { Listed(lineage, $0) }
            }.inOrder
        changes = course.changes.filter { $0.at <= effectiveAt }
        flags = course.flags.filter { $0.at <= effectiveAt }
        flags += stateFlags(course, settings)
    }
}

extension MedicationCourse {
    /// What ends the regimens that are in force at a time, where that is known.
    fileprivate func endsAhead(
        of time: Instant
    ) -> [LineageID: MedicationReview.EndAhead] {
        var ends: [LineageID: MedicationReview.EndAhead] = [:]
        for lineage in lineages {
            guard let interval = lineage.intervals.first(where: { $0.isActive(at: time) }),
                let to = interval.to, let change = interval.endedBy, change != Self.episodeEnd
            else { continue }
            ends[lineage.id] = MedicationReview.EndAhead(at: to, change: change)
        }
        return ends
    }
}

extension MedicationCourse.Interval {
    /// Whether the regimen is in force at a time.
    func isActive(at time: Instant) -> Bool { from <= time && to.map { $0 > time } ?? true }
}

extension MedicationReview.Listed {
    fileprivate init(
        _ lineage: MedicationCourse.Lineage,
        _ interval: MedicationCourse.Interval,
        hold: MedicationCourse.Hold? = nil
    ) {
        self.init(lineage: lineage.id, interval: interval, hold: hold)
    }
}

extension [MedicationReview.Listed] {
    /// By the beginning, the position of what opened the interval, and the place in an admission.
    fileprivate var inOrder: Self {
        sorted {
            ($0.interval.from, $0.interval.position, $0.lineage.index ?? 0)
                < ($1.interval.from, $1.interval.position, $1.lineage.index ?? 0)
        }
    }
}
