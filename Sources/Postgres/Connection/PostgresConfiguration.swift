import CLibPQ

/// Where the server is, who connects, and how a session is set up.
public struct PostgresConfiguration: Sendable, CustomStringConvertible {
    /// What stands between this program and the server.
    public enum Pooling: Sendable, Hashable {
        /// The server itself, or a pooler that lends whole sessions: statements are prepared once,
        /// role and settings set once.
        case session
        /// A pooler that lends a session for one transaction: nothing is left behind in a session.
        /// Statements are unnamed; role and settings are set again, for the transaction only, at the
        /// head of every pipeline. LISTEN does not work through such a pooler.
        case transaction
    }

    /// What the connection string says, keyword by keyword.
    ///
    /// Holds the password.
    let keywords: [(keyword: String, value: String)]

    /// Shown in `pg_stat_activity`.
    ///
    /// The connection string's `application_name`, if it has one.
    public var applicationName: String
    /// Acted as (`SET ROLE`) if it exists and the user may; otherwise the user stays itself.
    public var role: String?
    /// Settings each session makes, in order; the server's defaults are not trusted.
    ///
    /// `statement_timeout` is the server's own end to a runaway statement. A caller that gives a
    /// call a later deadline than `callTimeout` has to raise it.
    public var settings: [(name: String, value: String)]
    /// What stands between this program and the server.
    public var pooling: Pooling
    /// Whether the sessions are there to write.
    ///
    /// Such a session waits for every address before it puts up with a server that takes no writes,
    /// and is not lent again once it has answered 25006. Other sessions put up with such a server as
    /// soon as another one is slow to answer.
    public var isForWriting = false
    /// How long one address may take to accept a connection.
    ///
    /// The next one is asked after a second already, at the same time.
    public var connectTimeout: Duration
    /// The deadline of calls that name none.
    public var callTimeout: Duration
    /// Told of every notice and warning, on the thread that talks to the server: keep it short.
    ///
    /// Notices may hold values.
    public var noticeHandler: (@Sendable (PostgresNotice) -> Void)?
    /// How many statements a connection keeps prepared.
    public var preparedStatementLimit = 256

    /// Parses a libpq URI or conninfo string. Everything libpq understands passes through: several
    /// hosts, `target_session_attrs`, `sslmode=verify-full`, `service`, `passfile` …
    ///
    /// Throws `.invalidConfiguration` if libpq cannot parse it; the error does not repeat the string,
    /// which may hold a password.
    public init(url: String) throws {
        keywords = try Self.parse(url)
        let given = Dictionary(
            keywords.map { ($0.keyword, $0.value) },
            uniquingKeysWith: { _, last in last }
        )
        applicationName = given["application_name"] ?? "episode-ledger"
        role = nil
        settings = Self.ownSettings
        pooling = .session
        let seconds = given["connect_timeout"].flatMap(Int.init) ?? 0
        connectTimeout = .seconds(seconds > 0 ? seconds : 10)
        callTimeout = .seconds(30)
    }

    /// What a session of ours does not take from the server, the database or the user: whatever can
    /// change what a statement means, what it answers, or what an acknowledgement is worth.
    ///
    /// `default_transaction_read_only` is left alone: who closes a database to writing means it.
    private static let ownSettings = [
        // `pg_catalog` comes first without being named (named first, nothing could be created), and
        // temporary tables come last. No schema called after a role stands before `public`.
        ("search_path", "public, pg_temp"),
        ("standard_conforming_strings", "on"),
        ("backslash_quote", "safe_encoding"),
        ("array_nulls", "on"),
        ("transform_null_equals", "off"),
        ("quote_all_identifiers", "off"),
        ("check_function_bodies", "on"),
        ("exit_on_error", "off"),
        ("client_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("bytea_output", "hex"),
        ("extra_float_digits", "1"),
        ("lc_monetary", "C"),
        ("lc_numeric", "C"),
        ("lc_time", "C"),
        ("synchronous_commit", "on"),
        // That no standby has confirmed a commit is told by a warning alone.
        ("client_min_messages", "notice"),
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "30s"),
        ("lock_timeout", "10s"),
        // No statement of ours is long enough to be worth compiling.
        ("jit", "off"),
        ("idle_in_transaction_session_timeout", "60s"),
    ]

    /// Changes or adds one setting.
    public mutating func set(_ name: String, to value: String) {
        settings.removeAll { $0.name.lowercased() == name.lowercased() }
        settings.append((name, value))
    }

    /// The database's name, if the connection string has one.
    public var database: String? { keywords.last { $0.keyword == "dbname" }?.value }

    /// Hosts and database; never the password.
    public var description: String {
        let shown = keywords.filter {
            ["host", "hostaddr", "port", "dbname", "user", "sslmode"].contains($0.keyword)
        }
        return shown.map { "\($0.keyword)=\($0.value)" }.joined(separator: " ")
    }

    /// Everything libpq is told, our own defaults before what the connection string says.
    func connectionKeywords() -> [(keyword: String, value: String)] {
        let defaults = [
            ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ]
        let own = [("application_name", applicationName), ("client_encoding", "UTF8")]
        let ownNames = Set(own.map(\.0))
        let given = Set(keywords.map(\.keyword))
        return defaults.filter { !given.contains($0.0) }
            + keywords.filter { !ownNames.contains($0.keyword) } + own
    }

    private static func parse(_ url: String) throws -> [(keyword: String, value: String)] {
        guard !url.utf8.contains(0) else { throw invalid("it contains a NUL character") }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &message) else {
            // libpq quotes parts of the string in its message, and they may be a password's.
            PQfreemem(message)
            throw invalid("libpq cannot parse it; expected postgresql://user@host/database?…")
        }
        defer { PQconninfoFree(options) }
        var keywords: [(keyword: String, value: String)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                keywords.append((String(cString: keyword), String(cString: value)))
            }
            option += 1
        }
        return keywords
    }

    private static func invalid(_ reason: String) -> PostgresError {
        PostgresError(.invalidConfiguration, "the database URL: \(reason)")
    }
}
