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
    static var blank: Self {
        Self(targetEventID: EventID(bits: 0), reason: "", replacement: Replacement())
    }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("reason", .nonEmptyText, &reason, order: 2)
        field.required("replacement", .replacement, &replacement, order: 3)
        field.optional("replacement_occurred_at", .instant, &replacementOccurredAt)
        field.required("target_event_id", .identifier(), &targetEventID, order: 1)
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
    static var blank: Self { Self(targetEventID: EventID(bits: 0), reason: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("reason", .nonEmptyText, &reason, order: 2)
        field.required("target_event_id", .identifier(), &targetEventID, order: 1)
    }
}
