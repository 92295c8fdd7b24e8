public import CareEpisode
import Postgres

/// Somebody who is signed in to the pages, in one browser.
public struct SignInSession: Hashable, Sendable {
    /// For people who list and end sessions; never a secret.
    public var id: Int64
    /// Who: `recorded_by` of what is recorded, and in the access log.
    public var subject: String
    /// What the subject may be, in every ledger.
    public var roles: [String]
    /// The ledgers that the subject may open; nil for all.
    public var ledgers: [String]?
    /// The identity provider that signed the subject in; nil where a link did.
    public var issuer: String?
    /// The session's name at the provider.
    public var providerSession: String?
    /// Whom the subject is as an author, as far as the provider says it.
    public var author: Author
    /// Why the subject looks at health information, a code of ``SignInSession/purposes``; nil where
    /// that is not said.
    public var purpose: String?
    /// Whether single keys do something on pages.
    public var usesKeys: Bool
    /// When the subject signed in.
    public var createdAt: Instant
    /// When something was last asked for, to the minute.
    public var seenAt: Instant
    /// When it ends, however busy the subject is.
    public var expiresAt: Instant

    /// After so many minutes without a request a session is over.
    public static let idleMinutes = 30
    /// A session is over after so many hours.
    public static let longestHours = 10

    /// After so many seconds the session is over, however busy the subject is; never negative.
    public func secondsLeft(at now: Instant) -> Int {
        max(0, Int((expiresAt.microseconds - now.microseconds) / 1_000_000))
    }

    /// Purposes of use that the pages offer, codes of ``PurposeOfUse``, with their words.
    public static let purposes: [(code: String, words: String)] = [
        ("TREAT", "treatment"),
        ("CAREMGT", "care management"),
        ("COC", "coordination of care"),
        ("HQUALIMP", "quality improvement"),
        ("HOPERAT", "operation of the program"),
        ("HPAYMT", "payment"),
        ("HLEGAL", "legal"),
        ("PATRQT", "request of the client"),
        ("ETREAT", "emergency treatment"),
    ]

    /// An author, as an identity provider knows it.
    public struct Author: Hashable, Sendable {
        /// The staff's key: the `author.id` of what is recorded.
        public var id: String?
        /// For the header of pages; never recorded.
        public var name: String?
        /// A role of the event catalog: the `author.role` of what is recorded.
        public var role: String?

        /// An author; nil for what the provider does not say.
        public init(id: String? = nil, name: String? = nil, role: String? = nil) {
            (self.id, self.name, self.role) = (id, name, role)
        }
    }

    /// The name of the subject on pages.
    public var displayName: String { author.name ?? subject }

    init(_ row: PostgresRow) throws {
        subject = try row.get("subject")
        id = try row.get("session_id")
        roles = try row.get("roles")
        ledgers = try row.get("ledgers")
        issuer = try row.get("issuer")
        providerSession = try row.get("sid")
        author = Author(
            id: try row.get("author_id"),
            name: try row.get("author_name"),
            role: try row.get("author_role")
        )
        purpose = try row.get("purpose")
        usesKeys = try row.get("uses_keys")
        createdAt = try row.get("created_at")
        seenAt = try row.get("seen_at")
        expiresAt = try row.get("expires_at")
    }

    static let columns: SQL = """
        session_id, subject, roles, ledgers, issuer, sid, author_id, author_name, author_role,
            purpose, uses_keys, created_at, seen_at, expires_at
        """
}

extension SignInSession: JSONObject {
    /// The members, as `sessions list` shows them.
    public static let fields: [JSONField<Self>] = [
        .init("session_id", schema: ["type": "integer", "minimum": 1]) { .integer($0.id) },
        .init("subject", \.subject),
        .init("roles", \.roles),
        .init("ledgers") { $0.ledgers ?? ["*"] },
        .optional("issuer", \.issuer),
        .init("created_at", \.createdAt),
        .init("seen_at", \.seenAt),
        .init("expires_at", \.expiresAt),
    ]
}
