/// A step to another level of care, down or up; the episode goes on there.
public struct LevelStep: Hashable, Sendable {
    /// The level in force just before.
    public var fromLevel: LevelOfCare
    /// The new level.
    public var toLevel: LevelOfCare
    /// The exact new level that the authorization names.
    public var toLevelCode: LevelCode?
    /// The new program, if it changes.
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
    static var blank: Self { Self(fromLevel: .outpatient, toLevel: .outpatient, rationale: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("decided_by", .text, &decidedBy)
        field.required("from_level", .code(), &fromLevel, order: 1)
        field.optional("planned_hours_per_week", .positiveNumber(atMost: 60), &plannedHoursPerWeek)
        field.optional("program", .text, &program)
        field.required("rationale", .nonEmptyText, &rationale, order: 3)
        field.optional("schedule", .openCode(), &schedule)
        field.required("to_level", .code(), &toLevel, order: 2)
        field.optional("to_level_code", .object(), &toLevelCode)
        field.optional("track", .openCode(), &track)
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

    /// What ``read(_:_:)`` refuses, as a member of a JSON Schema.
    static func direction(
        _ isRight: (_ from: LevelOfCare, _ to: LevelOfCare) -> Bool
    ) -> [(name: String, value: AnswerJSON)] {
        let steps = LevelOfCare.allCases.map { from in
            (from, LevelOfCare.allCases.filter { isRight(from, $0) })
        }
        return [
            (
                "anyOf",
                .array(
                    steps.filter { !$0.1.isEmpty }.map { from, to in
                        ["properties": ["from_level": .codes([from]), "to_level": .codes(to)]]
                    }
                )
            )
        ]
    }
}
