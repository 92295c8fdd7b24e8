/// Another programme, track, schedule or plan at the same level; at least one of the four.
public struct ProgramChanged: Hashable, Sendable {
    /// The new programme.
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
    init(reading object: ObjectReader) {
        program = object.string("program")
        track = object.openCode("track")
        schedule = object.openCode("schedule")
        plannedHoursPerWeek = object.positiveNumber("planned_hours_per_week", atMost: 60)
        rationale = object.requiredString("rationale")
        decidedBy = object.string("decided_by")
        checkChange(object)
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("decided_by", decidedBy)
        writer.member("planned_hours_per_week", plannedHoursPerWeek)
        writer.member("program", program)
        writer.member("rationale", rationale)
        writer.member("schedule", schedule)
        writer.member("track", track)
    }
}

extension ProgramChanged {
    private func checkChange(_ object: ObjectReader) {
        let changes = ["program", "track", "schedule", "planned_hours_per_week"] as [StaticString]
        if changes.allSatisfy({ object.member($0) == nil }) {
            object.refuse(
                "required",
                "must have at least one of program, track, schedule, planned_hours_per_week"
            )
        }
    }
}
