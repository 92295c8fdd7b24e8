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
    init(reading object: ObjectReader) {
        sessionID = object.string("session_id")
        kind = object.requiredCode("kind") ?? .other
        reason = object.requiredCode("reason") ?? .excused
        scheduledMinutes = object.integer("scheduled_minutes", in: SessionAttended.minutes)
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("kind", kind)
        writer.member("reason", reason)
        writer.member("scheduled_minutes", scheduledMinutes)
        writer.member("session_id", sessionID)
    }
}
