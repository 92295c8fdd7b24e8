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

/// Everything that can be asked of a ledger, and who may: the one table of access, default deny.
enum Operation: String, CaseIterable, Sendable {
    case appendEvents
    case importEvents
    case listEvents
    case listEpisodeEvents
    case getEpisode
    case listEpisodes
    case getCensus
    case getAttendance
    case getOutcomes
    case getMedicationReview
    case listDischargeSummaries
    case getDischargeSummary
    case getCheckpoint
    case getInclusionProof
    case getConsistencyProof
    case getTile
    case getPacket
    case listAccess
    case listSubscriptions
    case putSubscription
    case getSubscription
    case deleteSubscription
    case fetchSubscription
    case acknowledge
    case listDeadLetters
    case resolveDeadLetter
    case rotateSecret

    /// The roles that may; any one of them is enough.
    var roles: Set<Role> {
        switch self {
        case .appendEvents: [.clinician, .service, .administrator]
        case .importEvents: [.service, .administrator]
        case .listEvents: [.auditor, .service, .administrator]
        case .listEpisodeEvents: [.clinician, .auditor, .service, .administrator]
        case .getEpisode, .listEpisodes, .getCensus, .getAttendance, .getOutcomes,
            .getMedicationReview, .listDischargeSummaries, .getDischargeSummary:
            [.clinician, .auditor, .administrator]
        case .getCheckpoint, .getInclusionProof, .getConsistencyProof, .getTile:
            [.clinician, .auditor, .service, .administrator]
        case .getPacket, .listAccess: [.auditor, .administrator]
        case .listSubscriptions, .getSubscription, .listDeadLetters:
            [.auditor, .service, .administrator]
        case .putSubscription, .deleteSubscription, .fetchSubscription, .acknowledge,
            .resolveDeadLetter, .rotateSecret:
            [.service, .administrator]
        }
    }

    /// Whether the answer holds health information: then the decision is kept in the access log.
    var isHealthInformation: Bool {
        switch self {
        case .getCheckpoint, .getInclusionProof, .getConsistencyProof, .getTile, .listAccess,
            .getOutcomes,
            .listSubscriptions, .getSubscription, .acknowledge, .listDeadLetters,
            .resolveDeadLetter, .rotateSecret:
            false
        default: true
        }
    }

    /// Whether somebody may do this in a ledger.
    func allows(_ principal: Principal, in ledger: LedgerName) -> Bool {
        guard principal.ledgers?.contains(ledger) ?? true else { return false }
        return !roles.isDisjoint(with: principal.roles)
    }
}
