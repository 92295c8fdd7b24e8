import Glibc
import TestSupport
import Testing

@testable import Postgres

@Suite("What a session inherits")
struct SessionTests {
    /// Settings that could change an answer, each with a value that would, and what a session has.
    private static let odd: [(name: String, odd: String, own: String)] = [
        ("search_path", "nowhere", "public, pg_temp"),
        ("standard_conforming_strings", "off", "on"),
        ("backslash_quote", "on", "safe_encoding"),
        ("array_nulls", "off", "on"),
        ("transform_null_equals", "on", "off"),
        ("quote_all_identifiers", "on", "off"),
        ("check_function_bodies", "off", "on"),
        ("exit_on_error", "on", "off"),
        ("TimeZone", "Asia/Tokyo", "UTC"),
        ("DateStyle", "SQL, DMY", "ISO, MDY"),
        ("IntervalStyle", "iso_8601", "postgres"),
        ("bytea_output", "escape", "hex"),
        ("extra_float_digits", "-15", "1"),
        ("lc_monetary", "C.UTF-8", "C"),
        ("lc_numeric", "C.UTF-8", "C"),
        ("lc_time", "C.UTF-8", "C"),
        ("synchronous_commit", "off", "on"),
        ("client_min_messages", "error", "notice"),
        ("statement_timeout", "1h", "30s"),
        ("lock_timeout", "1h", "10s"),
        ("jit", "on", "off"),
        ("idle_in_transaction_session_timeout", "1h", "1min"),
    ]

    /// Gives a database of its own every odd setting, and `more`.
    private func withOddDatabase(
        _ more: [(name: String, odd: String)] = [],
        _ body: (PostgresConfiguration) async throws -> Void
    ) async throws {
        try await withDatabase { configuration in
            let name = configuration.database ?? ""
            let all = Self.odd.map { ($0.name, $0.odd) } + more.map { ($0.name, $0.odd) }
            let script = all.map { setting, value in
                let quoted = SQL.quoted(literal: value)
                // A list of names is no text.
                let value = setting == "search_path" ? value : quoted
                return "alter database \(name) set \(setting) = \(value);"
            }
            try await TestCluster.shared.sql(script.joined(separator: "\n"))
            try await body(configuration)
        }
    }

    private static let looks: SQL = {
        let names = odd.map(\.name)
        return """
            select n.name, pg_catalog.current_setting(n.name) as value
            from unnest(\(names)) with ordinality as n (name, place)
            order by n.place
            """
    }()

    private func check(_ rows: PostgresRows, _ place: Comment) throws {
        let found = try rows.map { try $0.get("value", as: String.self) }
        #expect(found == Self.odd.map(\.own), place)
    }

    @Test(
        "no setting of server, database or user that could change an answer reaches a session",
        arguments: [PostgresConfiguration.Pooling.session, .transaction]
    )
    func settings(pooling: PostgresConfiguration.Pooling) async throws {
        try await withOddDatabase { configuration in
            var bare = configuration
            bare.settings = []
            try await PostgresConnection.withConnection(bare) { connection in
                let found = try await connection.query(Self.looks)
                    .map { try $0.get("value", as: String.self) }
                #expect(found == Self.odd.map(\.odd), "the database does not have them")
            }
            var configuration = configuration
            configuration.pooling = pooling
            try await PostgresConnection.withConnection(configuration) { connection in
                try check(try await connection.query(Self.looks), "a statement")
                try check(try await connection.pipeline(["select 1", Self.looks])[1], "a pipeline")
                try await connection.withTransaction(.readOnlySnapshot) { transaction in
                    try check(try await transaction.query(Self.looks), "a transaction")
                }
                try await connection.execute(
                    script: Self.odd.map { setting in
                        """
                        do $$ begin assert current_setting('\(setting.name)') = '\(setting.own)',
                        '\(setting.name)'; end $$;
                        """
                    }.joined(separator: "\n")
                )
                var shown = ""
                try await connection.copyOut("copy (select '\\\\x00', null) to stdout") {
                    shown += String(decoding: $0, as: UTF8.self)
                }
                #expect(shown == "\\\\\\\\x00\t\\N\n")
            }
        }
    }

    @Test(
        "the isolation is as asked for, in pipelines and scripts and behind a transaction pooler too",
        arguments: [PostgresConfiguration.Pooling.session, .transaction],
        ["serializable", "repeatable read", "read uncommitted"]
    )
    func isolation(pooling: PostgresConfiguration.Pooling, inherited: String) async throws {
        let more = [
            ("default_transaction_isolation", inherited), ("default_transaction_deferrable", "on"),
        ]
        try await withOddDatabase(more) { configuration in
            var configuration = configuration
            configuration.pooling = pooling
            configuration.role = "postgres"
            let notices = Shared<[String]>([])
            configuration.noticeHandler = { notice in notices.change { $0.append(notice.message) } }
            let look: SQL = "select current_setting('transaction_isolation') as v"
            try await PostgresConnection.withConnection(configuration) { connection in
                let alone = try await connection.query(look)[0].get("v", as: String.self)
                #expect(alone == "read committed")
                let last = try await connection.pipeline(["select 1", look])[1][0]
                #expect(try last.get("v", as: String.self) == "read committed")
                try await connection.execute(
                    script: """
                        do $$ begin
                        assert current_setting('transaction_isolation') = 'read committed';
                        end $$
                        """
                )
                for options in [TransactionOptions.serializable, .repeatableRead, .readCommitted] {
                    try await connection.withTransaction(options) { transaction in
                        let row = try await transaction.query(look)[0]
                        #expect(try row.get("v", as: String.self) == options.isolation.rawValue)
                        let deferrable: SQL =
                            "select current_setting('transaction_deferrable') as v"
                        let waits = try await transaction.query(deferrable)[0]
                        #expect(try waits.get("v", as: String.self) == "off")
                    }
                }
            }
            // The server's log is somebody's to read: no warning comes with each statement.
            #expect(notices.value.isEmpty)
        }
    }

    @Test(
        "what a name means is not decided by a schema called after the role, nor a temporary table"
    )
    func names() async throws {
        try await withDatabase { configuration in
            try await PostgresConnection.withConnection(configuration) { connection in
                try await connection.execute(
                    script: """
                        create table thing as select 'ours' as v;
                        create schema postgres;
                        create table postgres.thing as select 'theirs' as v;
                        create function postgres.lower(text) returns text
                        language sql as 'select $1';
                        """
                )
            }
            for pooling in [PostgresConfiguration.Pooling.session, .transaction] {
                var configuration = configuration
                configuration.pooling = pooling
                try await PostgresConnection.withConnection(configuration) { connection in
                    if pooling == .session {
                        let temporary: SQL =
                            "create temporary table thing as select 'nobody''s' as v"
                        _ = try await connection.query(temporary)
                    }
                    let row = try await connection.query("select v, lower('A') as l from thing")[0]
                    #expect(try row.get("v", as: String.self) == "ours")
                    #expect(try row.get("l", as: String.self) == "a")
                }
            }
        }
    }

    @Test("a pooler that nobody has told of gets nothing left behind in its sessions")
    func unknownPooler() async throws {
        try await withDatabase { configuration in
            let cluster = try TestCluster.shared
            try await PoolerStandIn.with("\(cluster.folder)/.s.PGSQL.\(cluster.port)") { port in
                var configuration = try PostgresConfiguration(
                    url: "host=127.0.0.1 port=\(port) user=postgres sslmode=disable"
                        + " gssencmode=disable dbname=\(configuration.database ?? "")"
                )
                configuration.role = "pg_read_all_data"
                try await PostgresConnection.withConnection(configuration) { connection in
                    let look: SQL = """
                        select current_setting('statement_timeout') as t, current_user::text as u,
                            current_setting('search_path') as p, pg_backend_pid() as process
                        """
                    let row = try await connection.query(look)[0]
                    #expect(try row.get("t", as: String.self) == "30s")
                    #expect(try row.get("u", as: String.self) == "pg_read_all_data")
                    #expect(try row.get("p", as: String.self) == "public, pg_temp")
                    #expect(try row.get("process", as: Int32.self) != connection.processID)
                    try await connection.withTransaction { transaction in
                        let inside = try await transaction.query(look)[0]
                        #expect(try inside.get("t", as: String.self) == "30s")
                        #expect(try inside.get("u", as: String.self) == "pg_read_all_data")
                    }
                    // What the next user of the pooler's session would find.
                    let limit = connection.limit(nil)
                    let bare = try await connection.run([look], limit, addsPrefix: false)[0][0]
                    #expect(try bare.get("t", as: String.self) == "0")
                    #expect(try bare.get("u", as: String.self) == "postgres")
                    #expect(try bare.get("p", as: String.self).contains("$user"))
                }
            }
        }
    }
}

/// Stands for a pooler: passes bytes on, and gives the client a process number of its own.
private enum PoolerStandIn {
    static func with(_ serverSocket: String, _ body: (Int) async throws -> Void) async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        try #require(bound)
        let started = BlockingCalls.onHelperThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                let passes = BlockingCalls.onHelperThread { pass(client, serverSocket) }
                #expect(passes)
            }
        }
        #expect(started)
        defer {
            shutdown(listener, Int32(SHUT_RDWR))
            close(listener)
        }
        try await body(Int(UInt16(bigEndian: address.sin_port)))
    }

    private static func pass(_ client: CInt, _ serverSocket: String) {
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(client)
            close(server)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: serverSocket.utf8) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                connect(server, generic, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard connected else { return }
        // What the server says until it is ready for the first time, message by message.
        var greeting: [UInt8]? = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            var sockets = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&sockets, 2, -1) > 0 else { return }
            if sockets[0].revents != 0 {
                let count = read(client, &buffer, buffer.count)
                guard count > 0, write(server, buffer, count) == count else { return }
            }
            guard sockets[1].revents != 0 else { continue }
            let count = read(server, &buffer, buffer.count)
            guard count > 0 else { return }
            var bytes = Array(buffer[..<count])
            if let begun = greeting {
                greeting = begun + bytes
                guard let ready = changed(begun + bytes) else { continue }
                bytes = ready
                greeting = nil
            }
            guard write(client, bytes, bytes.count) == bytes.count else { return }
        }
    }

    /// The greeting with another process number, once it is whole; nil before.
    private static func changed(_ greeting: [UInt8]) -> [UInt8]? {
        var greeting = greeting
        var place = 0
        while place + 5 <= greeting.count {
            let length = greeting[(place + 1)..<(place + 5)].reduce(0) { $0 << 8 | Int($1) }
            guard place + 1 + length <= greeting.count else { return nil }
            switch greeting[place] {
            case UInt8(ascii: "K"): greeting[place + 5] ^= 0x40
            case UInt8(ascii: "Z"), UInt8(ascii: "E"): return greeting
            default: break
            }
            place += 1 + length
        }
        return nil
    }
}
