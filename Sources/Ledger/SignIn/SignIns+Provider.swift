import Crypto
import Postgres

/// A sign-in that was begun here and goes on at an identity provider.
public struct SignInFlow: Hashable, Sendable {
    /// What the ID token must repeat.
    public var nonce: String
    /// Of PKCE (RFC 7636): proves that who exchanges the code is who asked for it.
    public var verifier: String
    /// The page to go to afterwards.
    public var returnPage: String

    /// For so many minutes a flow can come back.
    public static let minutes = 10

    /// A new flow.
    public init(returnPage: String) {
        nonce = SignIns.secret()
        verifier = SignIns.secret()
        self.returnPage = returnPage
    }

    init(_ row: PostgresRow) throws {
        nonce = try row.get("nonce")
        verifier = try row.get("verifier")
        returnPage = try row.get("return_page")
    }
}

/// Whom an identity provider has signed in.
public struct ProviderIdentity: Hashable, Sendable {
    /// Who vouches for it.
    public var issuer: String
    /// The subject there.
    public var subject: String
    /// The session's name there; nil where the provider names none.
    public var providerSession: String?
    /// What the subject may be, in each of the ledgers.
    public var roles: [String]
    /// The ledgers that the subject may open; nil for all.
    public var ledgers: [String]?
    /// Whom the subject is as an author.
    public var author: SignInSession.Author

    /// Describes somebody.
    public init(
        issuer: String,
        subject: String,
        providerSession: String?,
        roles: [String],
        ledgers: [String]?,
        author: SignInSession.Author
    ) {
        self.issuer = issuer
        self.subject = subject
        self.providerSession = providerSession
        self.roles = roles
        self.ledgers = ledgers
        self.author = author
    }
}

extension SignIns {
    // MARK: - Flows

    /// The most flows of an address that have not come back.
    public static let flowLimit = 100

    /// Begins a flow.
    ///
    /// - Parameters:
    ///   - flow: what is kept of it.
    ///   - cookie: the secret of the browser that it is bound to.
    ///   - address: who begins it.
    /// - Returns: its state; nil where the address has begun too many.
    public func begin(
        _ flow: SignInFlow,
        cookie: String,
        from address: String
    ) async throws -> String? {
        let state = Self.secret()
        let rows = try await pool.query(
            """
            insert into sign_in.flow
                (hash, cookie, nonce, verifier, return_page, address, expires_at)
            select \(Self.hash(state)), \(Self.hash(cookie)), \(flow.nonce), \(flow.verifier),
                \(flow.returnPage), \(address),
                clock_timestamp() + \(Int32(SignInFlow.minutes)) * interval '1 minute'
            where (
                select count(*) from sign_in.flow
                where address = \(address) and \(Self.isNotOver(SignInFlow.minutes))
            ) < \(Int64(Self.flowLimit))
            returning hash
            """
        )
        return rows.isEmpty ? nil : state
    }

    /// Takes a flow that comes back, once, in the browser that it was begun in.
    ///
    /// - Returns: nil where it is none, too old, or another browser's.
    public func takeFlow(_ state: String, cookie: String) async throws -> SignInFlow? {
        try await pool.query(
            """
            delete from sign_in.flow
            where hash = \(Self.hash(state)) and cookie = \(Self.hash(cookie))
            and \(Self.isNotOver(SignInFlow.minutes))
            returning nonce, verifier, return_page
            """
        ).first.map(SignInFlow.init)
    }

    // MARK: - Sessions

    /// Signs in whom a provider vouches for.
    ///
    /// The secret begins otherwise than that of a link's session: a program of before migration 19
    /// does not take it, since it would not know that the session is for some ledgers alone.
    ///
    /// - Returns: the secret of a new session.
    public func newSession(of identity: ProviderIdentity) async throws -> String {
        let secret = "p.\(Self.secret())"
        _ = try await pool.query(
            """
            insert into sign_in.session (
                hash, subject, roles, ledgers, issuer, sid, author_id, author_name, author_role,
                expires_at
            )
            values (
                \(Self.hash(secret)), \(identity.subject), \(identity.roles), \(identity.ledgers),
                \(identity.issuer), \(identity.providerSession), \(identity.author.id),
                \(identity.author.name), \(identity.author.role),
                clock_timestamp() + \(Int32(SignInSession.longestHours)) * interval '1 hour'
            )
            """
        )
        return secret
    }

    // MARK: - Sign-out by the provider

    /// For so many minutes after it was issued a logout token is taken.
    public static let logoutMinutes = 10

    /// Ends the sessions that a logout token of a provider names, once a token.
    ///
    /// - Parameters:
    ///   - issuer: the provider.
    ///   - token: the token's own name, its `jti`.
    ///   - session: of the provider; nil for all of the subject's.
    ///   - subject: whose sessions end: all, or where a session is named also, those that the provider
    ///     gave no name.
    /// - Returns: how many have ended; nil where the token was used before.
    public func logOut(
        issuer: String,
        token: String,
        session: String?,
        subject: String?
    ) async throws -> Int? {
        // With its length, so that no two pairs are one text.
        let hash = Self.hash("\(issuer.utf8.count):\(issuer)\(token)")
        let rows = try await pool.query(
            """
            with noted as (
                insert into sign_in.logout (hash, expires_at)
                values (
                    \(hash),
                    -- As long as the token could be taken, clocks that are off included.
                    clock_timestamp() + \(Int32(Self.logoutMinutes + 2)) * interval '1 minute'
                )
                on conflict do nothing
                returning hash
            ), ended as (
                delete from sign_in.session
                where issuer = \(issuer) and exists (select from noted)
                and (
                    sid = \(session)::text
                    or (
                        subject = \(subject)::text
                        and (sid is null or \(session)::text is null)
                    )
                )
                returning session_id
            )
            select (select count(*) from noted) as noted, (select count(*) from ended) as ended
            """
        )
        guard let row = rows.first, try row.get("noted", as: Int64.self) > 0 else { return nil }
        return Int(try row.get("ended", as: Int64.self))
    }
}
