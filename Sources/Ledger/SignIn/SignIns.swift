import Crypto
import Postgres

/// Links, sessions and forms of the pages: rows, so that any instance of the service answers.
///
/// Times are the database's. Every row has an end, and is deleted after it.
public struct SignIns: Sendable {
    let pool: PostgresPool

    /// Those of a database.
    public init(_ database: LedgerDatabase) { pool = database.signIn }

    /// A secret of 256 random bits, in the alphabet of URLs.
    public static func secret() -> String {
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<4).flatMap { _ in
            withUnsafeBytes(of: random.next() as UInt64) { Array($0) }
        }
        return bytes.map { hexadecimal($0) }.joined()
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16)
        return byte < 16 ? "0\(text)" : text
    }

    static func hash(_ secret: String) -> [UInt8] {
        Array(SHA256.hash(data: Array(secret.utf8)))
    }

    // MARK: - One-time links

    /// For so many minutes a link can be used.
    public static let linkMinutes = 10

    /// Makes a link; unused ones of before can be used no more.
    ///
    /// - Parameters:
    ///   - subject: whom it signs in.
    ///   - roles: what the subject may be, in all ledgers.
    /// - Returns: its secret.
    public func newLink(for subject: String, roles: [String]) async throws -> String {
        let secret = Self.secret()
        _ = try await pool.pipeline([
            "delete from sign_in.link",
            """
            insert into sign_in.link (hash, subject, roles, expires_at)
            values (
                \(Self.hash(secret)), \(subject), \(roles),
                clock_timestamp() + \(Int32(Self.linkMinutes)) * interval '1 minute'
            )
            """,
        ])
        return secret
    }

    /// Whether a link can still be used.
    public func isLink(_ secret: String) async throws -> Bool {
        let rows = try await pool.query(
            """
            select from sign_in.link
            where hash = \(Self.hash(secret)) and \(Self.isNotOver(Self.linkMinutes))
            """
        )
        return !rows.isEmpty
    }

    /// Signs in by a link, which is used up.
    ///
    /// - Returns: the secret of a new session; nil where the link is none, too old, or used.
    public func useLink(_ link: String) async throws -> String? {
        let secret = Self.secret()
        let rows = try await pool.query(
            """
            with used as (
                delete from sign_in.link
                where hash = \(Self.hash(link)) and \(Self.isNotOver(Self.linkMinutes))
                returning subject, roles
            )
            insert into sign_in.session (hash, subject, roles, expires_at)
            select \(Self.hash(secret)), u.subject, u.roles,
                clock_timestamp() + \(Int32(SignInSession.longestHours)) * interval '1 hour'
            from used u
            returning session_id
            """
        )
        return rows.isEmpty ? nil : secret
    }

    // MARK: - Sessions

    /// Whether what lasts so many minutes is not over.
    ///
    /// What ends later than it can was made while the database's clock was ahead, and would last for as
    /// long as that was.
    static func isNotOver(_ minutes: Int) -> SQL {
        """
        expires_at > clock_timestamp()
        and expires_at <= clock_timestamp() + \(Int32(minutes + 1)) * interval '1 minute'
        """
    }

    /// Whether a session is neither over nor idle for too long.
    private static let isSession: SQL = """
        \(isNotOver(SignInSession.longestHours * 60))
        and seen_at > clock_timestamp()
            - \(Int32(SignInSession.idleMinutes)) * interval '1 minute'
        and seen_at <= clock_timestamp() + interval '2 minutes'
        """

    /// The session of a cookie; nil where it is none, over, or idle for too long.
    ///
    /// - Parameter isActivity: whether the request counts as the subject's doing; what a page asks by
    ///   itself does not.
    public func session(_ secret: String, isActivity: Bool) async throws -> SignInSession? {
        let hash = Self.hash(secret)
        let rows = try await pool.query(
            """
            with found as (
                select * from sign_in.session
                where hash = \(hash) and \(Self.isSession)
            ), seen as (
                update sign_in.session s set seen_at = clock_timestamp()
                from found f
                where s.hash = f.hash and \(isActivity)
                and f.seen_at < clock_timestamp() - interval '1 minute'
            )
            select \(SignInSession.columns) from found
            """
        )
        return try rows.first.map(SignInSession.init)
    }

    /// Changes why the subject looks, and whether single keys do something.
    public func setAccount(
        of session: SignInSession,
        purpose: String?,
        usesKeys: Bool
    ) async throws {
        _ = try await pool.query(
            """
            update sign_in.session set purpose = \(purpose), uses_keys = \(usesKeys)
            where session_id = \(session.id)
            """
        )
    }

    /// Ends a session; true where there was one.
    public func end(session: Int64) async throws -> Bool {
        let rows = try await pool.query(
            "delete from sign_in.session where session_id = \(session) returning session_id"
        )
        return !rows.isEmpty
    }

    /// Ends the session of a cookie, where there is one.
    public func end(secret: String) async throws {
        _ = try await pool.query("delete from sign_in.session where hash = \(Self.hash(secret))")
    }

    /// Ends all sessions of a subject, and says how many there were.
    public func endSessions(of subject: String) async throws -> Int {
        try await pool.query(
            "delete from sign_in.session where subject = \(subject) returning session_id"
        ).count
    }

    /// The most sessions that are listed.
    public static let listLimit = 1_000

    /// Who is signed in, the newest first.
    public func sessions() async throws -> [SignInSession] {
        try await pool.query(
            """
            select \(SignInSession.columns)
            from sign_in.session
            where \(Self.isSession)
            order by session_id desc
            limit \(Int64(Self.listLimit))
            """
        ).map(SignInSession.init)
    }

    // MARK: - Failures

    /// So many failures a minute an address may have.
    public static let failureLimit = 10

    /// Notes a failure to sign in.
    public func noteFailure(from address: String) async throws {
        _ = try await pool.query("insert into sign_in.failure (address) values (\(address))")
    }

    /// Whether an address has failed too often in the last minute.
    public func isRefused(_ address: String) async throws -> Bool {
        let rows = try await pool.query(
            """
            select count(*) as failures from sign_in.failure
            where address = \(address)
            and at between clock_timestamp() - interval '1 minute' and clock_timestamp()
            """
        )
        return try (rows.first?.get("failures", as: Int64.self) ?? 0) >= Int64(Self.failureLimit)
    }

    // MARK: - Forms

    /// What forms are signed with: made when it is first asked for, the same for all instances.
    public func formKey() async throws -> [UInt8] {
        let made = Self.hash(Self.secret())
        let rows = try await pool.query(
            """
            insert into sign_in.form_key (key) values (\(made))
            on conflict (only_row) do update set only_row = true
            returning key
            """
        )
        guard let row = rows.first else { preconditionFailure("the row is there or was made") }
        return try row.get("key")
    }

    // MARK: - Ends

    /// Deletes what is over.
    public func deleteExpired() async throws {
        _ = try await pool.pipeline([
            "delete from sign_in.link where not (\(Self.isNotOver(Self.linkMinutes)))",
            "delete from sign_in.flow where not (\(Self.isNotOver(SignInFlow.minutes)))",
            "delete from sign_in.logout where expires_at <= clock_timestamp()",
            """
            delete from sign_in.failure
            where at not between clock_timestamp() - interval '1 minute'
                and clock_timestamp() + interval '1 minute'
            """,
            "delete from sign_in.session where not (\(Self.isSession))",
        ])
    }
}
