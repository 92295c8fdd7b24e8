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
    /// How long one host may take to accept a connection; the next one is tried after that.
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
        settings = [
            ("synchronous_commit", "on"),
            ("default_transaction_isolation", "read committed"),
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO"),
            ("client_encoding", "UTF8"),
            ("statement_timeout", "30s"),
            ("lock_timeout", "10s"),
            // No statement of ours is long enough to be worth compiling.
            ("jit", "off"),
            ("idle_in_transaction_session_timeout", "60s"),
        ]
        pooling = .session
        let seconds = given["connect_timeout"].flatMap(Int.init) ?? 0
        connectTimeout = .seconds(seconds > 0 ? seconds : 10)
        callTimeout = .seconds(30)
    }

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

/// The hosts of a connection string, of which a silent one can be taken out.
///
/// libpq's own `connect_timeout` works only in its blocking connect, where notices of the login
/// would go to stderr. So the time each host may take is kept here: a host that has said nothing
/// is dropped from the list, and connecting begins again with the others.
struct HostList: Equatable {
    var hosts, addresses, ports: [String]

    init(_ keywords: [(keyword: String, value: String)]) {
        func list(_ name: String) -> [String] {
            guard let value = keywords.last(where: { $0.keyword == name })?.value else { return [] }
            return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        hosts = list("host")
        addresses = list("hostaddr")
        ports = list("port")
    }

    /// Takes out the first entry that matches; false if it was the only one or is not in the list.
    mutating func remove(host: String, port: String) -> Bool {
        let count = max(hosts.count, addresses.count)
        guard count > 1 else { return false }
        for index in 0..<count {
            let name = hosts.indices.contains(index) ? hosts[index] : ""
            let address = addresses.indices.contains(index) ? addresses[index] : ""
            let entryPort = ports.count > 1 ? ports[index] : ports.first ?? ""
            guard name == host || (name.isEmpty && address == host) else { continue }
            guard entryPort == port || entryPort.isEmpty else { continue }
            if !hosts.isEmpty { hosts.remove(at: index) }
            if !addresses.isEmpty { addresses.remove(at: index) }
            if ports.count > 1 { ports.remove(at: index) }
            return true
        }
        return false
    }

    /// The keywords with this list in place of theirs.
    func applied(
        to keywords: [(keyword: String, value: String)]
    ) -> [(keyword: String, value: String)] {
        var result = keywords.filter { !["host", "hostaddr", "port"].contains($0.keyword) }
        for (name, list) in [("host", hosts), ("hostaddr", addresses), ("port", ports)]
        where !list.isEmpty {
            result.append((name, list.joined(separator: ",")))
        }
        return result
    }
}
