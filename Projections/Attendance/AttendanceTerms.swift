import CareEpisode

/// What an episode's admission, steps and programme changes have put in force.
struct AttendanceTerms {
    /// Since when.
    private(set) var from: Instant
    /// The programme's key.
    private(set) var program: String
    /// Hours a week as last stated; nil where none ever were.
    private(set) var plannedHours: Double?
    /// The event that opened the stay.
    private(set) var stayOpenedBy: EventID
    private var track: Track?
    private var levelOfCare: LevelOfCare

    /// The terms one after the other, from the admission to the end.
    ///
    /// - Parameters:
    ///   - course: of the history.
    ///   - history: of one episode.
    /// - Throws: a refusal where a recorded payload is none of its type.
    static func all(_ course: EpisodeCourse, _ history: EffectiveHistory) throws -> [Self] {
        let within = history.entries
            .drop { $0.eventID != course.admission.eventID }
            .prefix { $0.eventID != course.ending?.entry.eventID }
        var terms = [Self(course)]
        for entry in within where entry.type.changesStays {
            var next = terms[terms.count - 1]
            switch try entry.decode() {
            case .steppedDown(let step), .steppedUp(let step):
                next.open(entry, step.toLevel, step.program, step.track)
                next.plannedHours = step.plannedHoursPerWeek ?? next.plannedHours
            case .programChanged(let change):
                next.open(entry, nil, change.program, change.track)
                next.plannedHours = change.plannedHoursPerWeek ?? next.plannedHours
            default: continue
            }
            next.from = entry.time
            terms.append(next)
        }
        return terms
    }

    private init(_ course: EpisodeCourse) {
        from = course.admission.time
        program = course.admitted.program
        plannedHours = course.admitted.plannedHoursPerWeek
        stayOpenedBy = course.admission.eventID
        track = course.admitted.track
        levelOfCare = course.admitted.levelOfCare
    }

    /// Opens a stay, if the entry changes anything that a stay consists of.
    private mutating func open(
        _ entry: EffectiveHistory.Entry,
        _ level: LevelOfCare?,
        _ program: String?,
        _ track: Track?
    ) {
        let before = (self.levelOfCare, self.program, self.track)
        self.levelOfCare = level ?? self.levelOfCare
        self.program = program ?? self.program
        self.track = track ?? self.track
        if before != (self.levelOfCare, self.program, self.track) { stayOpenedBy = entry.eventID }
    }
}
