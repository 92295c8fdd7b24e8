import Testing

@testable import Postgres

@Suite("Configuration")
struct ConfigurationTests {
    @Test("everything libpq understands passes through")
    func passesThrough() throws {
        let configuration = try PostgresConfiguration(
            url: "postgresql://u:p@a:1,b:2/d?target_session_attrs=read-write&sslmode=verify-full"
                + "&application_name=mine&connect_timeout=3"
        )
        let keywords = Dictionary(
            configuration.connectionKeywords().map { ($0.keyword, $0.value) },
            uniquingKeysWith: { _, last in last }
        )
        #expect(keywords["host"] == "a,b")
        #expect(keywords["port"] == "1,2")
        #expect(keywords["target_session_attrs"] == "read-write")
        #expect(keywords["sslmode"] == "verify-full")
        #expect(keywords["password"] == "p")
        #expect(keywords["application_name"] == "mine")
        #expect(keywords["client_encoding"] == "UTF8")
        #expect(configuration.connectTimeout == .seconds(3))
        #expect(configuration.database == "d")
    }

    @Test("a conninfo string is understood as well, and its own TCP settings win")
    func conninfo() throws {
        let configuration = try PostgresConfiguration(
            url: "host=/run/pg dbname=x keepalives_idle=7"
        )
        let idle = configuration.connectionKeywords().filter { $0.keyword == "keepalives_idle" }
        #expect(idle.map(\.value) == ["7"])
        #expect(configuration.database == "x")
    }

    @Test(
        "a string libpq cannot parse is refused without repeating it",
        arguments: ["postgresql://u:secret@h/d?secret", "secret=1", "host=h secret"]
    )
    func refuses(url: String) throws {
        let error = try #require(throws: PostgresError.self) {
            try PostgresConfiguration(url: url)
        }
        #expect(error.code == .invalidConfiguration)
        #expect(!error.description.contains("secret"))
        #expect(!error.debugDescription.contains("secret"))
    }

    @Test("the description shows where, never the password")
    func description() throws {
        let configuration = try PostgresConfiguration(url: "postgresql://u:secret@h/d")
        #expect(configuration.description == "user=u dbname=d host=h")
    }

    @Test("a setting changed twice is sent once")
    func settings() throws {
        var configuration = try PostgresConfiguration(url: "")
        configuration.set("Statement_Timeout", to: "5s")
        let timeouts = configuration.settings.filter { $0.name.lowercased() == "statement_timeout" }
        #expect(timeouts.map(\.value) == ["5s"])
        #expect(configuration.settings.contains { $0 == ("synchronous_commit", "on") })
    }

    @Test("hosts, addresses and ports are taken together, one place for each")
    func places() {
        let pairs = Endpoint.listed(host: "a,b", address: "10.0.0.1,", port: "1,2")
        #expect(
            pairs == [
                Endpoint(host: "a", address: "10.0.0.1", port: "1"), Endpoint(host: "b", port: "2"),
            ]
        )
        #expect(pairs?.map(\.isToBeLookedUp) == [false, true])
        let onePort = Endpoint.listed(host: "", address: "10.0.0.1,::1", port: "5")
        #expect(onePort?.map(\.port) == ["5", "5"])
        #expect(onePort?.map(\.isToBeLookedUp) == [false, false])
        let sockets = Endpoint.listed(host: "/run/pg,@pg", address: "", port: "")
        #expect(sockets?.map(\.isToBeLookedUp) == [false, false])
        #expect(Endpoint.listed(host: "", address: "", port: "") == [Endpoint()])
        // libpq says what is wrong with these.
        #expect(Endpoint.listed(host: "a,b", address: "10.0.0.1", port: "") == nil)
        #expect(Endpoint.listed(host: "a,b", address: "", port: "1,2,3") == nil)
    }

    @Test("a server that takes writes is preferred, unless the address says what is wanted")
    func preference() throws {
        func plan(_ url: String) throws -> DialPlan {
            let configuration = try PostgresConfiguration(url: url)
            return try #require(DialPlan(configuration.connectionKeywords()))
        }
        let plain = try plan("host=a,b port=1,2 sslmode=disable")
        #expect(plain.list == [Endpoint(host: "a", port: "1"), Endpoint(host: "b", port: "2")])
        #expect(plain.preference == .primary)
        #expect(plain.keywords.contains { $0 == ("sslmode", "disable") })
        #expect(!plain.keywords.contains { ["host", "hostaddr", "port"].contains($0.keyword) })
        #expect(try plan("host=a target_session_attrs=any").preference == .none)
        #expect(try plan("host=a target_session_attrs=read-write").preference == .none)
        let standby = try plan("host=a target_session_attrs=prefer-standby")
        #expect(standby.preference == .standby)
        #expect(standby.keywords.contains { $0 == ("target_session_attrs", "any") })
    }
}
