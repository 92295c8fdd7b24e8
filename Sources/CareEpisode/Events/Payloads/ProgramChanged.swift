/// Another program, track, schedule or plan at the same level; at least one of the four.
public struct ProgramChanged: Hashable, Sendable {
    /// The new program.
    public var program: String?
    /// The new track.
    public var track: Track?
    /// The new schedule.
    public var schedule: Schedule?
    /// Hours planned a week, greater than 0 and at most 60.
    public var plannedHoursPerWeek: Double?
    /// Why.
    public var rationale: String
    /// Who decided it.
    public var decidedBy: String?

    /// Everything that is required, and what else is known.
    public init(
        rationale: String,
        program: String? = nil,
        track: Track? = nil,
        schedule: Schedule? = nil,
        plannedHoursPerWeek: Double? = nil,
        decidedBy: String? = nil
    ) {
        self.rationale = rationale
        self.program = program
        self.track = track
        self.schedule = schedule
        self.plannedHoursPerWeek = plannedHoursPerWeek
        self.decidedBy = decidedBy
    }
}

extension ProgramChanged: PayloadObject {
    static var blank: Self { Self(rationale: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("decided_by", .text, &decidedBy)
        field.optional("planned_hours_per_week", .positiveNumber(atMost: 60), &plannedHoursPerWeek)
        field.optional("program", .text, &program)
        field.required("rationale", .nonEmptyText, &rationale, order: 1)
        field.optional("schedule", .openCode(), &schedule)
        field.optional("track", .openCode(), &track)
    }
}

extension ProgramChanged {
    /// At least one of these changes.
    private static var changes: [StaticString] {
        ["program", "track", "schedule", "planned_hours_per_week"]
    }

    func check(_ object: ObjectReader) {
        if Self.changes.allSatisfy({ object.member($0) == nil }) {
            object.refuse(
                "required",
                "must have at least one of program, track, schedule, planned_hours_per_week"
            )
        }
    }

    static var rules: [(name: String, value: AnswerJSON)] {
        [("anyOf", .array(changes.map { ["required": [.string("\($0)")]] }))]
    }
}
