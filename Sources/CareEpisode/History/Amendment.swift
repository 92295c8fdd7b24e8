/// What a correction or retraction says about its target, read from its recorded payload.
struct Amendment {
    let target: EventID
    /// Nil for a retraction.
    let correction: (replacement: ArraySlice<UInt8>, occurredAt: Instant?)?

    /// Reads the payload of an `entry_corrected` or `entry_retracted`.
    init(_ type: EventType, payload: [UInt8]) throws(UnreadablePayload) {
        let object = CanonicalObject(payload)
        guard let target = object.uuidBits("target_event_id") else { throw UnreadablePayload() }
        self.target = EventID(bits: target)
        if type == .entryRetracted {
            correction = nil
        } else {
            guard let replacement = object.rawValue("replacement") else {
                throw UnreadablePayload()
            }
            correction = (replacement, object.instant("replacement_occurred_at"))
        }
    }
}

/// A recorded payload lacks what its type must have: the table was changed behind the ledger's back.
public struct UnreadablePayload: Error, Hashable, CustomStringConvertible {
    /// Says so, without the payload.
    public var description: String { "a recorded payload lacks a member that its type requires" }
}
