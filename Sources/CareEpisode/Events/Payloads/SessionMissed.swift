/// A session that the client missed; `occurred_at` is its scheduled start.
public struct SessionMissed: Hashable, Sendable {
    /// The id of the session.
    public var sessionID: String?
    /// What it would have been.
    public var kind: MissedSessionKind
    /// Why it was missed.
    public var reason: MissedReason
    /// How long it should have been, 1 to 720 minutes.
    public var scheduledMinutes: Int?

    /// Everything that is required, and what else is known.
    public init(
        kind: MissedSessionKind,
        reason: MissedReason,
        sessionID: String? = nil,
        scheduledMinutes: Int? = nil
    ) {
        self.kind = kind
        self.reason = reason
        self.sessionID = sessionID
        self.scheduledMinutes = scheduledMinutes
    }
}

extension SessionMissed: PayloadObject {
    static var blank: Self { Self(kind: .other, reason: .excused) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("kind", .code(), &kind, order: 1)
        field.required("reason", .code(), &reason, order: 2)
        field.optional("scheduled_minutes", .integer(SessionAttended.minutes), &scheduledMinutes)
        field.optional("session_id", .text, &sessionID)
    }
}
