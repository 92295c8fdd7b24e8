/// What a correction or retraction says about its target, read from its recorded payload.
struct Amendment {
    let target: EventID
    /// Nil for a retraction.
    let correction: (replacement: ArraySlice<UInt8>, occurredAt: Instant?)?

    /// Reads the payload of an `entry_corrected` or `entry_retracted`.
    init(_ type: EventType, payload: [UInt8]) throws(UnreadablePayload) {
        let payload = RecordedPayload(payload)
        target = try payload.requiredEventID("target_event_id")
        if type == .entryRetracted {
            correction = nil
        } else {
            correction = (
                try payload.requiredObject("replacement"),
                try payload.instant("replacement_occurred_at")
            )
        }
    }
}
