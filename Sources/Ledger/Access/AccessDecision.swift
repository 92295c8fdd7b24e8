public import CareEpisode
package import Postgres

/// A decision on health information, as the ledger's access log keeps it: who asked for what, when
/// and why.
public struct AccessDecision: Sendable {
    /// Who asked: the subject of the token.
    public var subject: String
    /// The roles of the token, sorted.
    public var roles: [String]
    /// The request, by the name of its operation.
    public var operation: String
    /// Whether it was allowed.
    public var isAllowed: Bool
    /// The episode that the request names.
    public var episodeID: EpisodeID?
    /// What was asked for and returned, without health information; when it is written, cut after
    /// ``detailLimit`` bytes.
    public var detail: String?
    /// What the caller gave as its purpose, as ``PurposeOfUse`` keeps it.
    public var purpose: String?
    /// The id of the request, as its answer and the service's log have it.
    public var requestID: String

    /// The longest detail that is written, in bytes of UTF-8.
    public static let detailLimit = 4_096

    /// Describes a decision.
    public init(
        subject: String,
        roles: [String],
        operation: String,
        isAllowed: Bool,
        episodeID: EpisodeID? = nil,
        detail: String? = nil,
        purpose: String? = nil,
        requestID: String
    ) {
        self.subject = subject
        self.roles = roles
        self.operation = operation
        self.isAllowed = isAllowed
        self.episodeID = episodeID
        self.detail = detail
        self.purpose = purpose
        self.requestID = requestID
    }

    /// Reads the columns of `access_log`, as they are.
    package init(_ row: PostgresRow) throws {
        self.init(
            subject: try row.get("subject"),
            roles: try row.get("roles"),
            operation: try row.get("operation"),
            isAllowed: try row.get("allowed"),
            episodeID: try row.get("episode_id"),
            detail: try row.get("detail"),
            purpose: try row.get("purpose"),
            requestID: try row.get("request_id")
        )
    }

    /// Writes decisions, in the transaction in which the statement runs: all or none.
    ///
    /// It takes a lock first, shared by all who write, so that ``AccessNumbering`` knows whom it has to
    /// wait for.
    package static func statement(
        writing decisions: [AccessDecision],
        to ledger: LedgerDescription
    ) -> SQL {
        "select write_access(\(ledger.id.rawValue), \(arguments(decisions)))"
    }

    /// The arrays in which the database's functions take decisions.
    ///
    /// Texts go as the bytes of their UTF-8: a database of another encoding would refuse the whole call for one character that it lacks.
    static func arguments(_ decisions: [AccessDecision]) -> SQL {
        """
        \(decisions.map { Array($0.subject.utf8) }),
        \(decisions.map { $0.roles.joined(separator: ",") }),
        \(decisions.map(\.operation)), \(decisions.map(\.isAllowed)), \(decisions.map(\.episodeID)),
        \(decisions.map { $0.writtenDetail.map { Array($0.utf8) } }),
        \(decisions.map { $0.purpose.map { Array($0.utf8) } }),
        \(decisions.map { Array($0.requestID.utf8) })
        """
    }

    /// Writes decisions of which the database has refused one or more, each by itself: it is kept as it
    /// is, else with what cannot be stored marked.
    ///
    /// - Returns: the places, from 0, of those that could not be written even so.
    package static func writeEach(
        of decisions: [AccessDecision],
        to ledger: LedgerDescription,
        on pool: PostgresPool,
        deadline: ContinuousClock.Instant
    ) async throws -> Set<Int> {
        let rows = try await pool.query(
            """
            select write_access_decisions(
                \(ledger.id.rawValue), \(arguments(decisions)), false
            ) as failed
            """,
            deadline: deadline
        )
        let failed = try rows.first?.get("failed", as: [Int32].self) ?? []
        return Set(failed.map { Int($0) - 1 })
    }

    /// ``detail`` as it is written.
    package var writtenDetail: String? { detail.map { $0.cut(afterBytes: Self.detailLimit) } }

    /// The last decisions about an episode, the newest first: for who looks, not for who reads on.
    package static func latest(
        of ledger: LedgerDescription,
        episode: EpisodeID,
        limit: Int,
        on pool: PostgresPool
    ) async throws -> PostgresRows {
        try await pool.query(
            """
            select entry, at, subject, roles, operation, allowed, episode_id, detail, purpose, request_id
            from access_log
            where ledger_id = \(ledger.id.rawValue) and episode_id = \(episode)
            order by entry desc
            limit \(Int64(limit))
            """
        )
    }
}
