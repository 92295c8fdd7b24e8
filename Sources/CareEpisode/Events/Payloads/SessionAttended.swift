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
    /// Whether it counts towards the weekly hours; absent means yes.
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
    init(reading object: ObjectReader) {
        sessionID = object.requiredString("session_id")
        kind = object.requiredCode("kind") ?? .other
        modality = object.code("modality")
        minutes = object.requiredInteger("minutes", in: Self.minutes)
        attendance = object.code("attendance")
        mode = object.code("mode")
        place = object.string("place")
        serviceCode = object.string("service_code")
        groupSize = object.integer("group_size", atLeast: 0)
        facilitators = object.objects("facilitators")
        topic = object.string("topic")
        countsTowardHours = object.flag("counts_toward_hours")
        noteRef = object.string("note_ref")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("attendance", attendance)
        writer.member("counts_toward_hours", countsTowardHours)
        writer.member("facilitators", facilitators)
        writer.member("group_size", groupSize)
        writer.member("kind", kind)
        writer.member("minutes", minutes)
        writer.member("modality", modality)
        writer.member("mode", mode)
        writer.member("note_ref", noteRef)
        writer.member("place", place)
        writer.member("service_code", serviceCode)
        writer.member("session_id", sessionID)
        writer.member("topic", topic)
    }
}
