/// The whole new content of an earlier entry.
///
/// The original stays; replays show both.
public struct EntryCorrected: Hashable, Sendable {
    /// The entry that is corrected: an event of the same episode, no correction or retraction.
    public var targetEventID: EventID
    /// Why.
    public var reason: String
    /// The whole new payload, of the target's type.
    public var replacement: Replacement
    /// The entry's new time, where that was wrong.
    public var replacementOccurredAt: Instant?

    /// A correction as it was read.
    public init(
        targetEventID: EventID,
        reason: String,
        replacement: Replacement,
        replacementOccurredAt: Instant? = nil
    ) {
        self.targetEventID = targetEventID
        self.reason = reason
        self.replacement = replacement
        self.replacementOccurredAt = replacementOccurredAt
    }

    /// A correction to a payload.
    public init(
        targetEventID: EventID,
        reason: String,
        replacement: EventData,
        replacementOccurredAt: Instant? = nil
    ) {
        self.init(
            targetEventID: targetEventID,
            reason: reason,
            replacement: Replacement(replacement),
            replacementOccurredAt: replacementOccurredAt
        )
    }
}

extension EntryCorrected: PayloadObject {
    init(reading object: ObjectReader) {
        targetEventID = object.requiredIdentifier("target_event_id")
        reason = object.requiredString("reason")
        replacement =
            object.requiredMember("replacement").flatMap { object.shape.object(at: $0) }
            .map { Replacement(reading: $0) } ?? Replacement()
        replacementOccurredAt = object.instant("replacement_occurred_at")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("reason", reason)
        writer.member("replacement", replacement)
        writer.member("replacement_occurred_at", replacementOccurredAt)
        writer.name("target_event_id")
        writer.write(targetEventID)
    }
}

/// An entry made in error, removed for good from everything but replays.
public struct EntryRetracted: Hashable, Sendable {
    /// The entry: an event of the same episode, no correction or retraction.
    public var targetEventID: EventID
    /// Why.
    public var reason: String

    /// A retraction.
    public init(targetEventID: EventID, reason: String) {
        self.targetEventID = targetEventID
        self.reason = reason
    }
}

extension EntryRetracted: PayloadObject {
    init(reading object: ObjectReader) {
        targetEventID = object.requiredIdentifier("target_event_id")
        reason = object.requiredString("reason")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("reason", reason)
        writer.name("target_event_id")
        writer.write(targetEventID)
    }
}
