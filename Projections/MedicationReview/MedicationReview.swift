public import CareEpisode
public import Ledger

/// The medications of an episode, or of all open ones of a client, at a time: a function of their
/// courses, the time and the settings.
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

    /// An end of a regimen that lies ahead.
    public struct EndAhead: Hashable, Sendable {
        /// When the regimen ends.
        public var at: Instant
        /// The change that ends it.
        public var change: String
        /// When that became known.
        public var knownAt: Instant
    }

    /// One regimen of a lineage.
    public struct Listed: Hashable, Sendable {
        /// Whose it is.
        public var episodeID: EpisodeID
        /// The lineage.
        public var lineage: MedicationCourse.LineageID
        /// When the lineage began.
        public var since: Instant
        /// The regimen; of a held lineage the last one.
        public var interval: MedicationCourse.Interval
        /// The hold in force.
        public var hold: MedicationCourse.Hold?
        /// Of an active regimen, what ends it later, as was known at the time: a change, a hold or a
        /// stop.
        public var scheduledEnd: EndAhead?
        /// The same, where it was not known yet at the time.
        public var laterEnd: EndAhead?
        /// What the lists say of the medication.
        public let assessment: MedicationAssessment
        /// How it gets into the body; nil where that is not known.
        public let routeGroup: RouteGroup?
        /// Whether it is one dose.
        public let isSingleDose: Bool
    }

    /// An interval of a lineage, whether or not it lasts.
    public struct Past: Hashable, Sendable {
        /// The lineage.
        public var lineage: MedicationCourse.LineageID
        /// The interval.
        public var interval: MedicationCourse.Interval
    }

    /// An allergy as it was recorded at an admission.
    public struct Allergy: Hashable, Sendable {
        /// Whose admission.
        public var episodeID: EpisodeID
        /// The event that says so.
        public var eventID: EventID
        /// Its words.
        public var text: String
        /// What they name; where that is nothing, the allergy is not assessed.
        public var substances: Substances
    }

    /// The time asked for.
    public var effectiveAt: Instant
    /// The episode's end, after which nothing is active or held; nil while it is open.
    public var endedAt: Instant?
    /// Regimens in force, by their beginning.
    public var active: [Listed]
    /// Held lineages, by the beginning of their last regimen.
    public var held: [Listed]
    /// Regimens that begin later, as was known at the time.
    public var scheduled: [Listed]
    /// Regimens that began later, which was not known yet at the time.
    public var later: [Listed]
    /// Every interval that began, lineage by lineage.
    public var timeline: [Past]
    /// Every change that took effect.
    public var changes: [MedicationCourse.Change]
    /// Of this and any open episode of the client; nil where none were ever recorded.
    public var allergies: [Allergy]?
    /// The client's other open episodes, whose medications count in the flags of combinations; nil
    /// where they were not looked for.
    public var otherOpenEpisodes: [EpisodeID]?
    /// Flags of events, in the order of the history, then those that hold at the time.
    public var flags: [MedicationFlag]

    /// Reviews medications.
    ///
    /// - Parameters:
    ///   - reviewed: the episode, or all open ones of a client.
    ///   - others: the client's other open episodes; nil where they were not looked for.
    ///   - effectiveAt: the time.
    ///   - calendar: of the ledger's zone.
    init(
        _ reviewed: [ReviewedMedications],
        others: [ReviewedMedications]?,
        effectiveAt: Instant,
        calendar: LocalCalendar
    ) {
        self.effectiveAt = effectiveAt
        // The same answer whatever order they were found in.
        let reviewed = reviewed.sorted { $0.episodeID < $1.episodeID }
        let others = others?.sorted { $0.episodeID < $1.episodeID }
        let episodes = reviewed.map { MedicationsAtTime($0, effectiveAt) }
        let beside = (others ?? []).map { MedicationsAtTime($0, effectiveAt) }
        endedAt = reviewed.count == 1 ? episodes[0].endedAt : nil
        active = episodes.flatMap(\.active).inOrder
        held = episodes.flatMap(\.held).inOrder
        scheduled = episodes.flatMap(\.scheduled).inOrder
        later = episodes.flatMap(\.later).inOrder
        timeline = episodes.flatMap(\.timeline)
        changes = reviewed.flatMap(\.course.changes).filter { $0.at <= effectiveAt }
        let allergies = (episodes + beside).compactMap(\.allergies)
        self.allergies = allergies.isEmpty ? nil : allergies.flatMap(\.self)
        otherOpenEpisodes = others?.map(\.episodeID)
        flags = reviewed.flatMap { episode in
            episode.course.flags.filter { $0.at <= effectiveAt }.map { $0.naming(episode.course) }
        }
        flags +=
            MedicationStateFlags(
                effectiveAt: effectiveAt,
                calendar: calendar,
                episodes: episodes,
                others: beside
            ).all
    }
}

/// The medications of one episode at a time.
struct MedicationsAtTime {
    let episodeID: EpisodeID
    let endedAt: Instant?
    /// From the entries up to the time, closed by the episode's end.
    let course: MedicationCourse
    var active: [MedicationReview.Listed] = []
    var held: [MedicationReview.Listed] = []
    var scheduled: [MedicationReview.Listed] = []
    var later: [MedicationReview.Listed] = []
    var timeline: [MedicationReview.Past] = []
    /// Nil where they were not recorded.
    let allergies: [MedicationReview.Allergy]?
    let settings: MedicationReview.Settings

    init(_ reviewed: ReviewedMedications, _ effectiveAt: Instant) {
        episodeID = reviewed.episodeID
        settings = reviewed.settings
        // Rows of a parked episode may know more than the time asked for.
        endedAt = reviewed.course.endedAt.flatMap { $0 <= effectiveAt ? $0 : nil }
        course = endedAt == nil ? reviewed.course : reviewed.course.ended
        allergies = reviewed.enrolment.flatMap { enrolment in
            enrolment.allergies.map { texts in
                texts.map { text in
                    MedicationReview.Allergy(
                        episodeID: enrolment.episodeID,
                        eventID: enrolment.admittedBy,
                        text: text,
                        substances: Substances(in: text)
                    )
                }
            }
        }
        for lineage in course.lineages {
            for interval in lineage.intervals where interval.from <= effectiveAt {
                timeline.append(MedicationReview.Past(lineage: lineage.id, interval: interval))
                guard endedAt == nil, interval.isActive(at: effectiveAt) else { continue }
                var active = listed(lineage, interval)
                if let end = reviewed.whole.endAhead(of: interval, of: lineage.id, at: effectiveAt)
                {
                    if end.knownAt <= effectiveAt {
                        active.scheduledEnd = end
                    } else {
                        active.laterEnd = end
                    }
                }
                self.active.append(active)
            }
            if let hold = lineage.hold, hold.until == nil, hold.since <= effectiveAt {
                var held = listed(lineage, lineage.lastInterval)
                held.hold = hold
                self.held.append(held)
            }
        }
        active = active.inOrder
        held = held.inOrder
        // From the end on nothing begins that anybody here gives; the summary has the plan.
        guard endedAt == nil else { return }
        for lineage in reviewed.whole.lineages {
            for interval in lineage.intervals
            where interval.from > effectiveAt && interval.to != interval.from {
                if interval.knownAt <= effectiveAt {
                    scheduled.append(listed(lineage, interval))
                } else {
                    later.append(listed(lineage, interval))
                }
            }
        }
        scheduled = scheduled.inOrder
        later = later.inOrder
    }

    private func listed(
        _ lineage: MedicationCourse.Lineage,
        _ interval: MedicationCourse.Interval
    ) -> MedicationReview.Listed {
        MedicationReview.Listed(
            episodeID: episodeID,
            lineage: lineage.id,
            since: lineage.since,
            interval: interval,
            assessment: MedicationAssessment(interval.medication),
            routeGroup: interval.routeGroup,
            isSingleDose: interval.isSingleDose
        )
    }
}

extension MedicationCourse {
    /// What ends a regimen that is in force in the course up to a time, where this course knows it.
    ///
    /// This course goes on. Where entries of later read the history anew, another regimen is in
    /// force here, and its end says nothing.
    fileprivate func endAhead(
        of listed: Interval,
        of id: LineageID,
        at time: Instant
    ) -> MedicationReview.EndAhead? {
        guard
            let interval = lineage(id)?.intervals
                .first(where: { $0.eventID == listed.eventID && $0.isActive(at: time) }),
            let to = interval.to, let change = interval.endedBy
        else { return nil }
        return MedicationReview.EndAhead(
            at: to,
            change: change,
            knownAt: interval.endKnownAt ?? interval.knownAt
        )
    }

    /// The medications that a flag is about: what was in force when it was raised, else what
    /// its events name.
    fileprivate func names(of flag: MedicationFlag) -> [String] {
        var names: [String] = []
        for id in flag.lineages {
            guard let lineage = lineage(id) else { continue }
            let interval = lineage.intervals.last { $0.from <= flag.at } ?? lineage.intervals[0]
            names.append(interval.medication.name)
        }
        if names.isEmpty {
            names = changes.filter { flag.eventIDs.contains($0.eventID) }.map(\.medication.name)
        }
        return names.unique
    }
}

extension MedicationFlag {
    /// The flag of a course with the names of its medications.
    func naming(_ course: MedicationCourse) -> MedicationFlag {
        var flag = self
        flag.medications = course.names(of: self)
        if !flag.medications.isEmpty {
            flag.note = "\(flag.medications.joined(separator: ", "))."
        }
        return flag
    }
}

extension MedicationCourse.Lineage {
    /// The last interval that was in force: what a stop has emptied comes after it.
    var lastInterval: MedicationCourse.Interval {
        intervals.last { !$0.isEmptied } ?? intervals[intervals.count - 1]
    }
}

extension MedicationCourse.Interval {
    /// Whether the regimen is in force at a time.
    func isActive(at time: Instant) -> Bool { from <= time && to.map { $0 > time } ?? true }
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

extension Array where Element: Equatable {
    /// Each element once, where it comes first.
    var unique: Self {
        reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
