import Glibc
import TestSupport
import Testing

@testable import Postgres

@Suite("Hosts and addresses")
struct HostTests {
    /// Lends a server that also listens at 127.0.0.1.
    private func withServer(_ body: (TestCluster) async throws -> Void) async throws {
        let port = try await SilentPort.with { $0.port }
        try await TestCluster.withPrivateCluster(
            settings: ["listen_addresses = '127.0.0.1'"],
            port: port,
            body
        )
    }

    private func dialer(
        _ url: String,
        _ addresses: [String],
        _ memory: HostMemory = HostMemory()
    ) throws -> Dialer {
        Dialer(
            configuration: try PostgresConfiguration(url: url),
            memory: memory,
            lookUp: { _ in .addresses(addresses) },
            isAbandoned: { false }
        )
    }

    private func end(_ session: Session) {
        session.close(sendCancel: false, reactor: .shared)
    }

    @Test("of a name with two addresses the second is asked where the first says nothing")
    func twoAddresses() async throws {
        try await withServer { cluster in
            try await SilentPort.with(address: "127.0.0.2", port: cluster.port) { silent in
                let memory = HostMemory()
                let url = "host=two.test port=\(cluster.port) user=postgres dbname=postgres"
                let first = try dialer(url, ["127.0.0.2", "127.0.0.1"], memory).open().get()
                #expect(first.place.address == "127.0.0.1" && first.place.host == "two.test")
                #expect(silent.newConnections() == 1)
                end(first)
                // Who answered last is asked first.
                let second = try dialer(url, ["127.0.0.2", "127.0.0.1"], memory).open().get()
                #expect(second.place.address == "127.0.0.1")
                #expect(silent.newConnections() == 0)
                end(second)
            }
        }
    }

    @Test("IPv6 and IPv4 addresses of one name are both asked, whichever comes first")
    func bothFamilies() async throws {
        try await withServer { cluster in
            let url = "host=both.test port=\(cluster.port) user=postgres dbname=postgres"
            for addresses in [["::1", "127.0.0.1"], ["127.0.0.1", "::1"]] {
                let session = try dialer(url, addresses).open().get()
                #expect(session.place.address == "127.0.0.1")
                end(session)
            }
            // By the system's own resolver.
            let configuration = try PostgresConfiguration(
                url: "host=localhost port=\(cluster.port) user=postgres dbname=postgres"
            )
            try await PostgresConnection.withConnection(configuration) { connection in
                _ = try await connection.query("select 1")
            }
        }
    }

    @Test("every address has its own time, and the error names each that said nothing")
    func eachItsTime() async throws {
        try await SilentPort.with(address: "127.0.0.2") { first in
            try await SilentPort.with(address: "127.0.0.3", port: first.port) { second in
                var dialer = try dialer(
                    "host=two.test,none.test port=\(first.port) user=u connect_timeout=2",
                    []
                )
                dialer.lookUp = { name in
                    name == "two.test"
                        ? .addresses(["127.0.0.2", "127.0.0.3"]) : .failed("\(name) is unknown")
                }
                let error = try #require(throws: PostgresError.self) { try dialer.open().get() }
                #expect(error.code == .connectionFailed)
                #expect(error.description.contains("none.test is unknown"))
                #expect(
                    error.description.contains("two.test (127.0.0.2) did not answer within 2.0")
                )
                #expect(
                    error.description.contains("two.test (127.0.0.3) did not answer within 2.0")
                )
                #expect(first.newConnections() == 1 && second.newConnections() == 1)
            }
        }
    }

    @Test("a place that refused is asked again while another one is silent")
    func askedAgain() async throws {
        let port = try await SilentPort.with { $0.port }
        try await SilentPort.with(address: "127.0.0.2", port: port) { silent in
            let url = "host=two.test port=\(port) user=postgres dbname=postgres connect_timeout=300"
            let dialer = try dialer(url, ["127.0.0.1", "127.0.0.2"])
            let found = OneShot<Result<Session, PostgresError>>()
            #expect(BlockingCalls.onHelperThread { found.settle(.value(dialer.open())) })
            // The second is asked after the first, where nobody listens yet.
            try await eventually("the second is asked") { silent.isAsked }
            try await TestCluster.withPrivateCluster(
                settings: ["listen_addresses = '127.0.0.1'"],
                port: port
            ) { _ in
                guard case .value(let answer) = await found.wait(until: nil, reactor: .shared)
                else {
                    Issue.record("the dial was given up")
                    return
                }
                let session = try answer.get()
                #expect(session.place.address == "127.0.0.1")
                end(session)
            }
        }
    }

    @Test("a name that nobody knows says so")
    func unknownName() async throws {
        let configuration = try PostgresConfiguration(url: "host=no-such-host.invalid user=u")
        let error = try await postgresError {
            try await PostgresConnection.withConnection(configuration) { _ in }
        }
        #expect(error.code == .connectionFailed)
        #expect(error.description.contains("no-such-host.invalid"))
    }

    @Test("lists that do not fit together are refused in libpq's words")
    func mismatch() async throws {
        let configuration = try PostgresConfiguration(url: "host=a,b,c port=1,2 user=u")
        let error = try await postgresError {
            try await PostgresConnection.withConnection(configuration) { _ in }
        }
        #expect(error.code == .connectionFailed && error.description.contains("port"))
    }

    @Test("a dial outlives the callers who give up, and takes no more places than there are")
    func dialOutlivesItsCaller() async throws {
        let cluster = try TestCluster.shared
        try await SilentPort.with { silent in
            // Each silent place has a second alone: on the slowest machine the callers have long gone.
            let places = 6
            let hosts = Array(repeating: "127.0.0.1", count: places) + [cluster.folder]
            let ports = Array(repeating: silent.port, count: places) + [cluster.port]
            let pool = PostgresPool(
                try PostgresConfiguration(
                    url: "host=\(hosts.joined(separator: ","))"
                        + " port=\(ports.map(String.init).joined(separator: ","))"
                        + " user=postgres dbname=postgres"
                ),
                limit: 2
            )
            let errors = try await withThrowingTaskGroup(of: PostgresError.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await postgresError {
                            _ = try await pool.query("select 1", deadline: .now + .milliseconds(50))
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors.allSatisfy { $0.code == .connectionFailed } == true)
            #expect(pool.statistics.leased <= 2 && pool.statistics.waiting == 0)
            // Nobody asks again: what was being opened comes to the pool by itself.
            try await eventually("both sessions are there") { pool.statistics.idle == 2 }
            #expect(silent.newConnections() == 2 * places)
            #expect(try await pool.query("select 1 as n")[0].get("n", as: Int.self) == 1)
            #expect(silent.newConnections() == 0)
            await pool.close()
        }
    }

    @Test("a pool that is closed does not wait for what is being opened")
    func closedWhileDialling() async throws {
        try await SilentPort.with { silent in
            let pool = PostgresPool(
                try PostgresConfiguration(url: "host=127.0.0.1 port=\(silent.port) user=u")
            )
            let caller = Task { try await pool.query("select 1") }
            try await eventually("it is being opened") { pool.statistics.leased == 1 }
            await pool.close()
            let error = try await postgresError { _ = try await caller.value }
            #expect(error.code == .poolClosed)
            try await eventually("the dial is given up") { pool.statistics.leased == 0 }
        }
    }

    @Test(
        "of several servers the one that takes writes is used, and one that does not if it is alone"
    )
    func takesWrites() async throws {
        let writable = try TestCluster.shared
        try await TestCluster.withPrivateCluster(
            settings: ["default_transaction_read_only = on"]
        ) { closed in
            func configuration(_ hosts: String) throws -> PostgresConfiguration {
                try PostgresConfiguration(
                    url: "host=\(hosts) port=\(closed.port) user=postgres dbname=postgres"
                )
            }
            #expect(closed.port == writable.port)
            for isForWriting in [true, false] {
                var both = try configuration("\(closed.folder),\(writable.folder)")
                both.isForWriting = isForWriting
                try await PostgresConnection.withConnection(both) { connection in
                    #expect(connection.session.place.host == writable.folder)
                    #expect(connection.session.isPreferred)
                }
                var alone = try configuration(closed.folder)
                alone.isForWriting = isForWriting
                try await PostgresConnection.withConnection(alone) { connection in
                    #expect(!connection.session.isPreferred)
                    _ = try await connection.query("select 1")
                }
            }
            // As asked for, by libpq.
            let asked = try configuration("\(closed.folder) target_session_attrs=read-write")
            let error = try await postgresError {
                try await PostgresConnection.withConnection(asked) { _ in }
            }
            #expect(error.code == .connectionFailed && error.description.contains("read-only"))
            let readOnly = try configuration(
                "\(writable.folder),\(closed.folder) target_session_attrs=read-only"
            )
            try await PostgresConnection.withConnection(readOnly) { connection in
                #expect(connection.session.place.host == closed.folder)
            }
        }
    }

    @Test(
        "a session that was refused a write is lent again only where it is there to read",
        arguments: [true, false]
    )
    func refusedWrite(isForWriting: Bool) async throws {
        try await withPool(limit: 1) { owner in
            _ = try await owner.query("create table t (n int8)")
            let name = owner.configuration.database ?? ""
            let set: SQL =
                "alter database \(identifier: name) set default_transaction_read_only = on"
            _ = try await owner.query(set)
            var configuration = owner.configuration
            configuration.isForWriting = isForWriting
            let pool = PostgresPool(configuration, limit: 1)
            let first = try await pool.withConnection { $0.processID }
            for _ in 0..<2 {
                let error = try await postgresError {
                    _ = try await pool.query("insert into t values (1)")
                }
                #expect(error.sqlState == .readOnlyTransaction && !error.mayHaveCommitted)
            }
            let script = try await postgresError {
                try await pool.withConnection { try await $0.execute(script: "create table u ()") }
            }
            #expect(script.sqlState == .readOnlyTransaction)
            #expect((try await pool.withConnection { $0.processID } == first) == !isForWriting)
            let reset: SQL =
                "alter database \(identifier: name) reset default_transaction_read_only"
            try await owner.withTransaction { _ = try await $0.query(reset) }
            if isForWriting {
                // The next session is refused once more where it was open already, and then no more.
                _ = try? await pool.query("insert into t values (1)")
                _ = try await pool.query("insert into t values (2)")
            }
            await pool.close()
        }
    }

    @Test("a server that has fallen silent ends a call before its deadline, and keeps no place")
    func silentInMidCall() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            let pool = PostgresPool(try PostgresConfiguration(url: cluster.url()), limit: 2)
            try await pool.withConnection { connection in
                // What merely takes long is left alone.
                _ = try await connection.query("select pg_sleep(6)")
            }
            let postmaster = try #require(cluster.postmaster)
            let halted = Halted(postmaster)
            defer { halted.goOn() }
            let silent = try await postgresError {
                try await pool.withConnection { connection in
                    halted.halt()
                    _ = try await connection.query("select 1", deadline: .now + .seconds(120))
                }
            }
            #expect(silent.code == .connectionLost && silent.mayHaveCommitted)
            #expect(silent.context == "the server has fallen silent")
            // One that ran into its deadline cannot tell the server to stop.
            halted.goOn()
            let late = try await postgresError {
                try await pool.withConnection { connection in
                    _ = try await connection.query("select 1")
                    halted.halt()
                    _ = try await connection.query("select 1", deadline: .now + .milliseconds(100))
                }
            }
            #expect(late.code == .timedOut)
            try await eventually("its place is free") { pool.statistics.closing == 0 }
            halted.goOn()
            _ = try await pool.query("select 1")
            await pool.close()
        }
    }
}

/// The processes of a server, which can be halted as a machine that says nothing any more.
private final class Halted: Sendable {
    private let postmaster: pid_t

    init(_ postmaster: pid_t) { self.postmaster = postmaster }

    func halt() { send(SIGSTOP) }
    func goOn() { send(SIGCONT) }

    private func send(_ signal: CInt) {
        kill(postmaster, signal)
        for child in ListedProcess.all where child.parent == postmaster { kill(child.id, signal) }
    }
}
