public import CareEpisode

/// Events of one episode, recorded all or none.
public struct AppendRequest: Sendable {
    /// The most events of one request.
    public static let eventLimit = 256

    /// The episode they belong to; it begins with its first event.
    public var episodeID: EpisodeID
    /// In order; 1 to ``eventLimit``.
    public var events: [EventDraft]
    /// The version the episode must be at, `.zero` for a new episode; nil where it does not matter.
    public var expectedVersion: Version?
    /// The authenticated principal.
    public var recordedBy: String
    /// Whether the writer sent a list, so that errors point into it (`/0/data/…`).
    public var isList: Bool
    /// That the request is allowed: kept in the access log in the same transaction.
    ///
    /// Where the outcome is not ``AppendOutcome/appended(_:)`` it may never have come to one: see
    /// ``AppendTicket/keepsDecision``. After a lost connection it may stand there twice.
    public var decision: AccessDecision?

    /// Describes a request.
    public init(
        episodeID: EpisodeID,
        events: [EventDraft],
        expectedVersion: Version? = nil,
        recordedBy: String,
        isList: Bool = false,
        decision: AccessDecision? = nil
    ) {
        self.episodeID = episodeID
        self.events = events
        self.expectedVersion = expectedVersion
        self.recordedBy = recordedBy
        self.isList = isList
        self.decision = decision
    }
}

/// What the ledger added to one event.
public struct AppendReceipt: Hashable, Sendable {
    /// The writer's own id.
    public let eventID: EventID
    /// Its number within the episode, from 1.
    public let version: Version
    /// Its number within the ledger, from 1.
    public let position: Position
    /// The database server's clock at the append.
    public let recordedAt: Instant
    /// The leaf of the ledger's tree, 32 bytes.
    public let leafHash: [UInt8]
    /// Whether it had been recorded by an earlier request.
    public let duplicate: Bool
}

/// What became of a request.
///
/// Every case but the first two means that nothing was written: ``decline`` says why.
public enum AppendOutcome: Sendable {
    /// All events are recorded, on disk.
    case appended([AppendReceipt])
    /// All events were recorded before, with the same content.
    case duplicate([AppendReceipt])
    /// An event may not be recorded.
    case refused(Refusal)
    /// The episode is not at the version that the writer expected.
    case conflict(current: Version)
    /// An id is recorded with other content.
    case eventIDReused(EventID)
    /// Some of the events are recorded and some are not, or an id is named twice.
    case partlyRecorded
}

/// Why a request has no outcome.
public enum AppendError: Error, Hashable, CustomStringConvertible {
    /// Too many requests are waiting; try again a little later. Nothing was written.
    case overloaded
    /// Others changed the episode each time it was decided. Nothing was written.
    case contended
    /// The database could not be reached in time. Nothing was written.
    case unavailable
    /// The connection was lost while appending and the result could not be had. The request may
    /// have been recorded: repeat it with the same ids.
    case outcomeUnknown
    /// The writer was shut down before the request was looked at. Nothing was written.
    case stopped
    /// The database refused the batch, with this SQLSTATE. Nothing was written.
    case database(sqlState: String)

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .overloaded: "too many requests are waiting: try again later; nothing was written"
        case .contended: "the episode kept changing: try again; nothing was written"
        case .unavailable: "the database cannot be reached: try again later; nothing was written"
        case .outcomeUnknown:
            "the outcome is unknown: repeat the request with the same event ids"
        case .stopped: "the writer is shutting down: try again; nothing was written"
        case .database(let state): "the database refused the append (SQLSTATE \(state))"
        }
    }
}
