/// A session the client attended; `occurred_at` is its actual start.
public struct SessionAttended: Hashable, Sendable {
    /// The same for everyone in one group session.
    public var sessionID: String
    /// What the session was.
    public var kind: SessionKind
    /// The method.
    public var modality: SessionModality?
    /// How long it really was, 1 to 720 minutes.
    public var minutes: Int
    /// How much of it the client attended.
    public var attendance: Attendance?
    /// How people met.
    public var mode: ContactMode?
    /// The CMS place-of-service code.
    public var place: String?
    /// The HCPCS or CPT code.
    public var serviceCode: String?
    /// How many clients took part.
    public var groupSize: Int?
    /// Who held it.
    public var facilitators: [Facilitator]?
    /// What it was about.
    public var topic: String?
    /// Whether it counts toward the weekly hours; absent means what is usual for its kind.
    public var countsTowardHours: Bool?
    /// An opaque pointer to the note, whose text is never in the ledger.
    public var noteRef: String?

    /// Everything that is required, and what else is known.
    public init(
        sessionID: String,
        kind: SessionKind,
        minutes: Int,
        modality: SessionModality? = nil,
        attendance: Attendance? = nil,
        mode: ContactMode? = nil,
        place: String? = nil,
        serviceCode: String? = nil,
        groupSize: Int? = nil,
        facilitators: [Facilitator]? = nil,
        topic: String? = nil,
        countsTowardHours: Bool? = nil,
        noteRef: String? = nil
    ) {
        self.sessionID = sessionID
        self.kind = kind
        self.minutes = minutes
        self.modality = modality
        self.attendance = attendance
        self.mode = mode
        self.place = place
        self.serviceCode = serviceCode
        self.groupSize = groupSize
        self.facilitators = facilitators
        self.topic = topic
        self.countsTowardHours = countsTowardHours
        self.noteRef = noteRef
    }
}

extension SessionAttended {
    /// How long a session can be.
    static let minutes = 1...720
}

extension SessionAttended: PayloadObject {
    static var blank: Self { Self(sessionID: "", kind: .other, minutes: 1) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("attendance", &attendance)
        field.optional("counts_toward_hours", &countsTowardHours)
        field.optional("facilitators", &facilitators)
        field.optional("group_size", &groupSize, in: 0...Int.max)
        field.required("kind", &kind, order: 2)
        field.required("minutes", &minutes, in: Self.minutes, order: 3)
        field.optional("modality", &modality)
        field.optional("mode", &mode)
        field.optional("note_ref", &noteRef)
        field.optional("place", &place)
        field.optional("service_code", &serviceCode)
        field.required("session_id", &sessionID, order: 1)
        field.optional("topic", &topic)
    }
}
