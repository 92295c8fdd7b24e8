public import CareEpisode

/// What somebody may be in a ledger.
public enum Role: String, CaseIterable, Sendable {
    /// Reads and records in the course of care.
    case clinician
    /// Replays histories and verifies; changes nothing.
    case auditor
    /// A system that records, imports and follows.
    case service
    /// Runs the ledger.
    case administrator
    /// Looks after the machinery, on a page of its own; sees no health information.
    case `operator`

    /// The roles that a token may have: the others are of pages alone.
    public static let ofTokens: [Role] = [.clinician, .auditor, .service, .administrator]
}

/// Who makes a request, as a token says it.
public struct Principal: Sendable, Hashable {
    /// Who; `recorded_by` of what he appends.
    public let subject: String
    /// What he may be.
    public let roles: Set<Role>
    /// In which ledgers; nil for all.
    public let ledgers: Set<LedgerName>?
    /// Until when.
    public let expiresAt: Instant
}
