public import CareEpisode

/// Why nothing of a request was written, in the words that every door uses.
public struct AppendDecline: Sendable {
    /// Whether what is recorded already stands against the request, and not what it says: HTTP then
    /// answers 409 instead of 422, and a command ends with 1 instead of 2.
    public let isConflict: Bool
    /// `refused`, `version_conflict`, `event_id_reused` or `partly_recorded`; stable, for programs.
    public let code: String
    /// A sentence for people, without health information.
    public let detail: String
    /// The same by field, of a request of one event; at least one.
    public let errors: [FieldError]

    fileprivate init(_ refusal: Refusal) {
        isConflict = false
        code = "refused"
        detail = "what was sent is refused; nothing was written"
        errors = refusal.errors
    }

    /// - Parameters:
    ///   - sentence: what is wrong, of any request.
    ///   - pointer: the field that is wrong, of a request of one event.
    ///   - field: what is wrong with it, in words that follow its name.
    fileprivate init(
        _ code: String,
        isConflict: Bool,
        _ sentence: String,
        pointer: String = "",
        field: String
    ) {
        self.isConflict = isConflict
        self.code = code
        detail = "\(sentence); nothing was written"
        errors = [FieldError(pointer: pointer, code: code, detail: field)]
    }
}

extension AppendOutcome {
    /// What is recorded, now or before; empty where nothing was written.
    public var receipts: [AppendReceipt] {
        switch self {
        case .appended(let receipts), .duplicate(let receipts): receipts
        case .refused, .conflict, .eventIDReused, .partlyRecorded: []
        }
    }

    /// Why nothing was written; nil where all events are recorded.
    public var decline: AppendDecline? {
        switch self {
        case .appended, .duplicate: nil
        case .refused(let refusal): AppendDecline(refusal)
        case .conflict(let current):
            AppendDecline(
                "version_conflict",
                isConflict: true,
                "the episode is at version \(current), not at the expected one",
                field: "is for another version than \(current), at which the episode is"
            )
        case .eventIDReused(let id):
            AppendDecline(
                "event_id_reused",
                isConflict: true,
                "event id \(id) is recorded already with other content",
                pointer: "/event_id",
                field: "is recorded already with other content"
            )
        case .partlyRecorded:
            AppendDecline(
                "partly_recorded",
                isConflict: false,
                "some of the events are recorded already and some are not, or an id is named twice",
                field: "is recorded in part"
            )
        }
    }
}
