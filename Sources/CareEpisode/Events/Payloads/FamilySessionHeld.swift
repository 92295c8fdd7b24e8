/// A session with the client's family; `occurred_at` is its actual start.
public struct FamilySessionHeld: Hashable, Sendable {
    /// The id of the session.
    public var sessionID: String
    /// How long it really was, 1 to 720 minutes.
    public var minutes: Int
    /// Who took part besides the client; at least one.
    public var participants: [FamilyParticipant]
    /// Whether the client took part.
    public var clientPresent: Bool
    /// What it was about.
    public var focus: FamilySessionFocus?
    /// How people met.
    public var mode: ContactMode?
    /// The CMS place-of-service code.
    public var place: String?
    /// The HCPCS or CPT code.
    public var serviceCode: String?
    /// Who held it.
    public var facilitators: [Facilitator]?
    /// Whether it counts towards the weekly hours; absent means yes if the client was present.
    public var countsTowardHours: Bool?
    /// An opaque pointer to the note, whose text is never in the ledger.
    public var noteRef: String?

    /// Everything that is required, and what else is known.
    public init(
        sessionID: String,
        minutes: Int,
        participants: [FamilyParticipant],
        clientPresent: Bool,
        focus: FamilySessionFocus? = nil,
        mode: ContactMode? = nil,
        place: String? = nil,
        serviceCode: String? = nil,
        facilitators: [Facilitator]? = nil,
        countsTowardHours: Bool? = nil,
        noteRef: String? = nil
    ) {
        self.sessionID = sessionID
        self.minutes = minutes
        self.participants = participants
        self.clientPresent = clientPresent
        self.focus = focus
        self.mode = mode
        self.place = place
        self.serviceCode = serviceCode
        self.facilitators = facilitators
        self.countsTowardHours = countsTowardHours
        self.noteRef = noteRef
    }
}

extension FamilySessionHeld: PayloadObject {
    init(reading object: ObjectReader) {
        sessionID = object.requiredString("session_id")
        minutes = object.requiredInteger("minutes", in: SessionAttended.minutes)
        participants = object.requiredObjects("participants")
        clientPresent = object.requiredFlag("client_present")
        focus = object.code("focus")
        mode = object.code("mode")
        place = object.string("place")
        serviceCode = object.string("service_code")
        facilitators = object.objects("facilitators")
        countsTowardHours = object.flag("counts_toward_hours")
        noteRef = object.string("note_ref")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("client_present", clientPresent)
        writer.member("counts_toward_hours", countsTowardHours)
        writer.member("facilitators", facilitators)
        writer.member("focus", focus)
        writer.member("minutes", minutes)
        writer.member("mode", mode)
        writer.member("note_ref", noteRef)
        writer.member("participants", participants)
        writer.member("place", place)
        writer.member("service_code", serviceCode)
        writer.member("session_id", sessionID)
    }
}

/// Who took part in a family session.
public struct FamilyParticipant: Hashable, Sendable {
    /// How the person belongs to the client.
    public var relation: FamilyRelation
    /// How the person took part.
    public var mode: ContactMode?

    /// Everything that is required, and what else is known.
    public init(
        relation: FamilyRelation,
        mode: ContactMode? = nil
    ) {
        self.relation = relation
        self.mode = mode
    }
}

extension FamilyParticipant: PayloadObject {
    init(reading object: ObjectReader) {
        relation = object.requiredCode("relation") ?? .otherSupport
        mode = object.code("mode")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("mode", mode)
        writer.member("relation", relation)
    }
}
