/// A step to another level of care, down or up; the episode goes on there.
public struct LevelStep: Hashable, Sendable {
    /// The level in force just before.
    public var fromLevel: LevelOfCare
    /// The new level.
    public var toLevel: LevelOfCare
    /// The exact new level that the authorisation names.
    public var toLevelCode: LevelCode?
    /// The new programme, if it changes.
    public var program: String?
    /// The new track, if it changes.
    public var track: Track?
    /// The new schedule, if it changes.
    public var schedule: Schedule?
    /// Hours planned a week, greater than 0 and at most 60.
    public var plannedHoursPerWeek: Double?
    /// Why.
    public var rationale: String
    /// Who decided it.
    public var decidedBy: String?

    /// Everything that is required, and what else is known.
    public init(
        fromLevel: LevelOfCare,
        toLevel: LevelOfCare,
        rationale: String,
        toLevelCode: LevelCode? = nil,
        program: String? = nil,
        track: Track? = nil,
        schedule: Schedule? = nil,
        plannedHoursPerWeek: Double? = nil,
        decidedBy: String? = nil
    ) {
        self.fromLevel = fromLevel
        self.toLevel = toLevel
        self.rationale = rationale
        self.toLevelCode = toLevelCode
        self.program = program
        self.track = track
        self.schedule = schedule
        self.plannedHoursPerWeek = plannedHoursPerWeek
        self.decidedBy = decidedBy
    }
}

extension LevelStep: PayloadObject {
    init(reading object: ObjectReader) {
        fromLevel = object.requiredCode("from_level") ?? .outpatient
        toLevel = object.requiredCode("to_level") ?? .outpatient
        toLevelCode = object.object("to_level_code")
        program = object.string("program")
        track = object.openCode("track")
        schedule = object.openCode("schedule")
        plannedHoursPerWeek = object.positiveNumber("planned_hours_per_week", atMost: 60)
        rationale = object.requiredString("rationale")
        decidedBy = object.string("decided_by")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("decided_by", decidedBy)
        writer.member("from_level", fromLevel)
        writer.member("planned_hours_per_week", plannedHoursPerWeek)
        writer.member("program", program)
        writer.member("rationale", rationale)
        writer.member("schedule", schedule)
        writer.member("to_level", toLevel)
        writer.member("to_level_code", toLevelCode)
        writer.member("track", track)
    }
}

/// A step to a strictly lower level of care.
public typealias SteppedDown = LevelStep

/// A step to a strictly higher level of care.
public typealias SteppedUp = LevelStep

extension LevelStep {
    /// Reads a step of the type whose direction this is.
    static func read(_ object: ObjectReader, _ type: EventType) -> LevelStep {
        let step: LevelStep = object.read()
        guard object.hasAccepted("from_level"), object.hasAccepted("to_level") else { return step }
        if type == .steppedDown, step.toLevel >= step.fromLevel {
            object.refuse("to_level", "wrong_direction", "must be lower than from_level")
        }
        if type == .steppedUp, step.toLevel <= step.fromLevel {
            object.refuse("to_level", "wrong_direction", "must be higher than from_level")
        }
        return step
    }
}
