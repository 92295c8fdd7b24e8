internal import CareEpisode

/// Writes the events of one episode as import lines.
struct EpisodeWriter {
    let plan: EpisodePlan
    let seed: UInt64
    let assumptions: SimulationAssumptions
    /// Nothing is recorded from here on.
    let cutoff: Instant
    /// Decides what happens.
    var random: SeededGenerator
    /// Makes identifiers, so that a new one changes nothing of what happens.
    var identifiers: SeededGenerator
    let episodeID: EpisodeID
    let admittedAt: Instant
    /// No other event of the episode is known before the admission.
    var earliestKnowledge: Instant
    /// When it is told that the client has stayed away; what was missed until then is known by then.
    let told: Instant?
    var lastAttended: Instant?
    /// The day of the end that comes next.
    var lastDay: ClinicDay
    var courses: [MedicationCourse] = []
    var orders = 0
    /// Whether the prescriber has not seen the client yet.
    var isFirstVisit = true
    private var lines: [SimulatedLine] = []

    /// A writer of the episode, which writes nothing that is known at or after `end`.
    init(
        plan: EpisodePlan,
        seed: UInt64,
        end: Instant,
        assumptions: SimulationAssumptions = .standard
    ) {
        self.plan = plan
        self.seed = seed
        self.assumptions = assumptions
        cutoff = end
        random = SeededGenerator(seed: seed, stream: 5, index: UInt64(plan.number))
        identifiers = SeededGenerator(seed: seed, stream: 6, index: UInt64(plan.number))
        let minute = 8 * 60 + 30 + 15 * random.integer(in: 0...24)
        admittedAt = plan.phases[0].first.at(minute: minute)
        earliestKnowledge = admittedAt
        lastDay = plan.end
        let day = (plan.end + plan.toldAfter).openOrNext
        told = plan.toldAfter > 0 ? day.at(minute: 660 + random.integer(in: 0...90)) : nil
        episodeID = EpisodeID.timeOrdered(at: admittedAt, using: &identifiers)
        lines.reserveCapacity(80)
    }

    /// All lines, by (knowledge time, sequence).
    mutating func write() -> [SimulatedLine] {
        admit()
        if !plan.isMistake {
            attend(from: plan.phases[0].first + 1, through: plan.end)
            stayAway()
            end()
        }
        return lines.sorted { left, right in
            left.knownAt != right.knownAt
                ? left.knownAt < right.knownAt : left.sequence < right.sequence
        }
    }

    /// What an event became once written.
    struct Record {
        let id: EventID
        let knownAt: Instant
    }

    /// Writes one event, its knowledge time moved behind the admission's if it must be.
    @discardableResult
    mutating func record(
        _ data: EventData,
        at occurredAt: Instant,
        knownAt: Instant,
        by role: AuthorRole
    ) -> Record {
        var knownAt = max(knownAt, earliestKnowledge)
        if let told, !data.type.isAmendment, !data.type.isEnd { knownAt = min(knownAt, told) }
        let id = EventID.timeOrdered(at: knownAt, using: &identifiers)
        guard knownAt < cutoff else { return Record(id: id, knownAt: knownAt) }
        let draft = EventDraft(
            eventID: id,
            occurredAt: occurredAt,
            author: Author(id: "simulator", role: role),
            sourceRecordedAt: knownAt,
            data: data
        )
        lines.append(
            SimulatedLine(
                knownAt: knownAt,
                sequence: lines.count,
                bytes: draft.importLine(episodeID: episodeID)
            )
        )
        return Record(id: id, knownAt: knownAt)
    }

    /// When something that was over at `instant` is written down: soon, or now and then days later.
    mutating func noted(after instant: Instant) -> Instant {
        let late = random.chance(perMillion: assumptions.late(30))
        let days = late ? random.integer(in: 1...6) : 0
        return after(instant, seconds: 86_400 * days + random.integer(in: 120...5400))
    }

    /// An instant so many seconds later, and up to one more.
    mutating func after(_ instant: Instant, seconds: Int) -> Instant {
        let microseconds = Int64(seconds) * 1_000_000 + Int64(random.integer(in: 0...999_999))
        return Instant(microseconds: instant.microseconds + microseconds)
    }

    /// Corrects an event some hours to days after it was recorded.
    mutating func correct(
        _ target: Record,
        to replacement: EventData,
        at occurredAt: Instant? = nil,
        because reason: String,
        by role: AuthorRole
    ) {
        let decidedAt = after(target.knownAt, seconds: random.integer(in: 1800...432_000))
        record(
            .entryCorrected(
                EntryCorrected(
                    targetEventID: target.id,
                    reason: reason,
                    replacement: replacement,
                    replacementOccurredAt: occurredAt
                )
            ),
            at: decidedAt,
            knownAt: after(decidedAt, seconds: 1),
            by: role
        )
    }

    /// Retracts an event some minutes to days after it was recorded.
    mutating func retract(
        _ target: Record,
        because reason: String,
        by role: AuthorRole
    ) {
        let decidedAt = after(target.knownAt, seconds: random.integer(in: 600...200_000))
        record(
            .entryRetracted(EntryRetracted(targetEventID: target.id, reason: reason)),
            at: decidedAt,
            knownAt: after(decidedAt, seconds: 1),
            by: role
        )
    }

    /// An identifier that begins with the time of what it names.
    mutating func identifier(at instant: Instant) -> String {
        EventID.timeOrdered(at: instant, using: &identifiers).description
    }
}
