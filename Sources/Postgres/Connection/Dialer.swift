import CLibPQ
import Glibc

/// Opens sessions on a helper thread: name resolution and reading certificates block in libpq.
///
/// Every address of every name is asked, one a second later than the one before it, and the first
/// that answers wins: libpq would wait for a silent one.
struct Dialer: Sendable {
    let configuration: PostgresConfiguration
    var memory = HostMemory.shared
    var lookUp: @Sendable (String) -> NameLookup.Answer = { NameLookup.addresses(of: $0) }
    /// True once nobody waits for the session any more.
    let isAbandoned: @Sendable () -> Bool

    /// How many addresses are asked at most.
    static let addressLimit = 32
    /// How long one address is asked alone, before the next one is asked too.
    static let headStart: Duration = .seconds(1)

    /// The longest that dialling takes, once the names are looked up.
    static func limit(_ configuration: PostgresConfiguration) -> Duration {
        configuration.connectTimeout + headStart * addressLimit
    }

    /// Opens a session, or says why not.
    func open() -> Result<Session, PostgresError> {
        let keywords = configuration.connectionKeywords()
        guard let plan = DialPlan(keywords) else {
            // libpq itself says what is wrong with the lists of hosts and ports.
            return attempt([Endpoint()], DialPlan(keywords: keywords))
        }
        var places: [Endpoint] = []
        var reasons: [String] = []
        for place in plan.list {
            guard !isAbandoned() else { break }
            guard place.isToBeLookedUp else {
                places.append(place)
                continue
            }
            switch lookUp(place.host) {
            case .failed(let reason): reasons.append(reason)
            case .addresses(let addresses):
                places += addresses.map {
                    Endpoint(host: place.host, address: $0, port: place.port)
                }
            }
        }
        if plan.isRandom {
            places.shuffle()
        } else {
            places = memory.inOrder(places, of: plan.list)
        }
        let result = attempt(Array(places.prefix(Self.addressLimit)), plan, reasons)
        if case .success(let session) = result, session.isPreferred {
            memory.answered(session.place, of: plan.list)
        }
        return result
    }

    private func attempt(
        _ places: [Endpoint],
        _ plan: DialPlan,
        _ reasons: [String] = []
    ) -> Result<Session, PostgresError> {
        var race = DialRace(configuration, plan, places, reasons: reasons)
        return race.run(isAbandoned: isAbandoned)
    }
}

/// What is asked of each place, and which kind of server is preferred.
struct DialPlan {
    /// Which of the servers that answer is taken.
    enum Preference {
        /// The first: libpq has looked whether it is as asked for.
        case none
        /// One that takes writes, before one that does not.
        case primary
        /// One that follows another, before one that does not.
        case standby
    }

    /// What libpq is told besides the place.
    var keywords: [(keyword: String, value: String)]
    /// The places, name by name.
    var list: [Endpoint] = []
    var preference = Preference.none
    /// `load_balance_hosts=random`, which libpq knows from version 16 on.
    var isRandom = false

    init(keywords: [(keyword: String, value: String)]) {
        self.keywords = keywords
    }

    /// The plan by what libpq makes of the keywords, with the environment and the service file.
    ///
    /// - Returns: nil where the lists do not fit together.
    init?(_ keywords: [(keyword: String, value: String)]) {
        let known = Self.effective(keywords)
        guard
            let list = Endpoint.listed(
                host: known["host"] ?? "",
                address: known["hostaddr"] ?? "",
                port: known["port"] ?? ""
            )
        else { return nil }
        self.list = list
        isRandom = known["load_balance_hosts"] == "random"
        self.keywords = keywords.filter { !["host", "hostaddr", "port"].contains($0.keyword) }
        let isAsked = keywords.contains { $0.keyword == "target_session_attrs" }
        switch known["target_session_attrs"] {
        // libpq's own default.
        case nil, "", "any": preference = isAsked ? .none : .primary
        case "prefer-standby":
            preference = .standby
            self.keywords.removeAll { $0.keyword == "target_session_attrs" }
            self.keywords.append(("target_session_attrs", "any"))
        default: preference = .none
        }
    }

    /// What libpq would go by, keyword by keyword.
    ///
    /// It is asked for a connection with a word that it does not know, so that it begins none.
    private static func effective(
        _ keywords: [(keyword: String, value: String)]
    ) -> [String: String] {
        let refused = keywords.filter { $0.keyword != "sslmode" } + [("sslmode", "unknown")]
        guard let connection = LibPQ.start(refused) else { return [:] }
        defer { PQfinish(connection) }
        guard let options = PQconninfo(connection) else { return [:] }
        defer { PQconninfoFree(options) }
        var known: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                known[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        return known
    }
}

/// libpq's calls that take keywords.
enum LibPQ {
    /// Begins to connect.
    static func start(_ keywords: [(keyword: String, value: String)]) -> OpaquePointer? {
        with(keywords) { PQconnectStartParams($0, $1, 0) }
    }

    /// Whether a server is there, whatever it says.
    ///
    /// Blocks for as long as `connect_timeout` allows.
    static func isThere(_ keywords: [(keyword: String, value: String)]) -> Bool {
        with(keywords) { PQpingParams($0, $1, 0) } != PQPING_NO_RESPONSE
    }

    private static func with<Result>(
        _ keywords: [(keyword: String, value: String)],
        _ body: ([UnsafePointer<CChar>?], [UnsafePointer<CChar>?]) -> Result
    ) -> Result {
        let names = keywords.map { strdup($0.keyword) }
        let values = keywords.map { strdup($0.value) }
        defer { for text in names + values { free(text) } }
        return body(
            names.map { UnsafePointer($0) } + [nil],
            values.map { UnsafePointer($0) } + [nil]
        )
    }
}
