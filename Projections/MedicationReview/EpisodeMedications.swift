public import CareEpisode
import Ledger

/// The medications of one episode, and where the client is: what the tables hold.
///
/// Nothing here depends on when one asks.
public struct EpisodeMedications: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// The client's pseudonymous key.
    public var clientID: String
    /// The program of the last stay.
    public var program: String
    /// The level of care of the last stay.
    public var levelOfCare: LevelOfCare
    /// When the episode began.
    public var admittedAt: Instant
    /// The time of the last entry that takes part: at it and later, this is what holds.
    public var lastAt: Instant
    /// The event that admits the client.
    public var admittedBy: EventID
    /// What that says of allergies; nil where they were not recorded.
    public var allergies: [String]?
    /// Its medications.
    public var course: MedicationCourse

    /// Whether an answer for a time needs the history again, since some of it lies after.
    func needsFold(at effectiveAt: Instant) -> Bool { lastAt > effectiveAt }

    /// Whether a stay is in force.
    var isEnrolled: Bool { course.endedAt == nil }

    /// Folds an effective history.
    ///
    /// - Returns: nil without a known, unretracted admission.
    /// - Throws: a refusal where a recorded payload is none of its type.
    static func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory,
        calendar: LocalCalendar
    ) throws -> EpisodeMedications? {
        try Course(history, calendar: calendar).flatMap {
            EpisodeMedications(episode, $0, try $0.medications())
        }
    }
}

extension EpisodeMedications {
    /// What a course says of where the client is, with its medications.
    init?(_ episode: EpisodeID, _ course: Course, _ medications: MedicationCourse) {
        guard let stay = course.stays.last,
            let last = course.history.entries.last(where: {
                $0.type.changesStays || $0.type.kind == .medication
            })
        else { return nil }
        self.init(
            episodeID: episode,
            clientID: course.admitted.clientID,
            program: stay.program,
            levelOfCare: stay.levelOfCare,
            admittedAt: course.admission.time,
            lastAt: last.time,
            admittedBy: course.admission.eventID,
            allergies: course.admitted.allergies,
            course: medications
        )
    }
}

/// An episode's medications at a time, with what becomes of them later.
public struct ReviewedMedications: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// From the entries up to the time.
    public var course: MedicationCourse
    /// From all entries.
    public var whole: MedicationCourse
    /// Where the client is; nil before the admission.
    public var enrolment: EpisodeMedications?
    /// The client's key, whenever the admission is.
    public var clientID: String
    /// What the site has set for the program.
    public var settings = MedicationReview.Settings()

    /// Whether the episode is open at the time.
    var isOpen: Bool { enrolment?.isEnrolled ?? false }

    /// The same, by what the ledger has set for the program on a date.
    func with(_ settings: LedgerSettings, on date: CalendarDate) -> ReviewedMedications {
        guard let set = settings.notReviewedDays(of: enrolment?.program, on: date) else {
            return self
        }
        var reviewed = self
        reviewed.settings = MedicationReview.Settings(notReviewedDays: set.days, by: set.by)
        return reviewed
    }
}

extension ReviewedMedications {
    /// What the tables say, where nothing of the history lies after the time.
    init(_ medications: EpisodeMedications) {
        self.init(
            episodeID: medications.episodeID,
            course: medications.course,
            whole: medications.course,
            enrolment: medications,
            clientID: medications.clientID
        )
    }

    /// Folds an effective history, cut at a time.
    ///
    /// - Returns: nil without a known, unretracted admission. One after the time counts: what was
    ///   ordered before it is reviewed all the same.
    static func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory,
        effectiveAt: Instant,
        calendar: LocalCalendar
    ) throws -> ReviewedMedications? {
        guard let course = try Course(history, calendar: calendar) else { return nil }
        let cut = history.through(effectiveAt)
        let whole = try course.medications()
        guard cut.entries.count < history.entries.count else {
            return EpisodeMedications(episode, course, whole).map { ReviewedMedications($0) }
        }
        let before = try Course(cut, calendar: calendar)
        let medications = try MedicationCourse.fold(cut, admission: before, whole: history)
        return ReviewedMedications(
            episodeID: episode,
            course: medications,
            whole: whole,
            enrolment: before.flatMap { EpisodeMedications(episode, $0, medications) },
            clientID: course.admitted.clientID
        )
    }
}
