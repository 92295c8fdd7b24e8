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
    /// Whether it counts toward the weekly hours; absent means yes if the client was present.
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
    static var blank: Self {
        Self(sessionID: "", minutes: 1, participants: [], clientPresent: false)
    }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("client_present", .flag, &clientPresent, order: 4)
        field.optional("counts_toward_hours", .flag, &countsTowardHours)
        field.optional("facilitators", .objects(), &facilitators)
        field.optional("focus", .code(), &focus)
        field.required("minutes", .integer(SessionAttended.minutes), &minutes, order: 2)
        field.optional("mode", .code(), &mode)
        field.optional("note_ref", .text, &noteRef)
        field.required("participants", .objects(atLeast: 1), &participants, order: 3)
        field.optional("place", .text, &place)
        field.optional("service_code", .text, &serviceCode)
        field.required("session_id", .nonEmptyText, &sessionID, order: 1)
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
    static var blank: Self { Self(relation: .otherSupport) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("mode", .code(), &mode)
        field.required("relation", .code(), &relation, order: 1)
    }
}
