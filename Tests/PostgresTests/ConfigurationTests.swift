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

    @Test("a silent host is taken out of the list, the only one stays")
    func hosts() {
        var list = HostList([("host", "a,b,a"), ("port", "1,2,3")])
        #expect(list.remove(host: "a", port: "3") == true)
        #expect(list.hosts == ["a", "b"] && list.ports == ["1", "2"])
        #expect(list.remove(host: "c", port: "1") == false)
        #expect(list.remove(host: "b", port: "2") == true)
        #expect(list.remove(host: "a", port: "1") == false)
        let keywords = list.applied(to: [("dbname", "d"), ("host", "x")]).map(\.keyword)
        #expect(keywords == ["dbname", "host", "port"])
        var addresses = HostList([("hostaddr", "10.0.0.1,10.0.0.2"), ("port", "5")])
        #expect(addresses.remove(host: "10.0.0.1", port: "5") == true)
        #expect(addresses.addresses == ["10.0.0.2"] && addresses.ports == ["5"])
    }
}
