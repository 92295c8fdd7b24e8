/// What counts of a recorded session, read without decoding the rest of its payload.
public struct RecordedSession: Hashable, Sendable {
    /// The same for everyone in one group session; a missed one may have none.
    public let id: String?
    /// Its actual minutes, 1 to 720; 0 for a missed one.
    public let minutes: Int
    /// Who was there.
    public let outcome: Outcome
    /// Whether its minutes count toward the hours of a week.
    public let countsTowardHours: Bool

    /// Who was at a session.
    public enum Outcome: Hashable, Sendable {
        /// The client, alone, in a group, or with the family.
        case attended
        /// The family without the client, who was not expected.
        case heldWithoutClient
        /// Not the client, who was expected.
        case missed(MissedReason)
    }

    /// Reads a recorded payload; nil where events of the type are no sessions.
    ///
    /// Throws where a member that counts is missing or none of its type.
    public init?(_ type: EventType, payload: [UInt8]) throws(UnreadablePayload) {
        let payload = RecordedPayload(payload)
        switch type {
        case .sessionAttended:
            id = try payload.requiredString("session_id")
            minutes = try payload.requiredInteger("minutes", in: SessionAttended.minutes)
            outcome = .attended
            if let counts = try payload.flag("counts_toward_hours") {
                countsTowardHours = counts
            } else {
                let kind: SessionKind = try payload.requiredCode("kind")
                countsTowardHours = kind.countsTowardHours
            }
        case .familySessionHeld:
            let isClientPresent = try payload.requiredFlag("client_present")
            id = try payload.requiredString("session_id")
            minutes = try payload.requiredInteger("minutes", in: SessionAttended.minutes)
            outcome = isClientPresent ? .attended : .heldWithoutClient
            // Without the client its minutes count only where the writer says so.
            countsTowardHours = try payload.flag("counts_toward_hours") ?? isClientPresent
        case .sessionMissed:
            id = try payload.string("session_id")
            minutes = 0
            outcome = .missed(try payload.requiredCode("reason"))
            countsTowardHours = false
        case .admitted, .steppedDown, .steppedUp, .programChanged, .completed, .discharged,
            .medicationAdjusted, .entryCorrected, .entryRetracted:
            return nil
        }
    }
}
