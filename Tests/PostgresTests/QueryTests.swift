import TestSupport
import Testing

@testable import Postgres

@Suite("Queries")
struct QueryTests {
    @Test("every type is written and read back as it was")
    func roundTrips() async throws {
        try await withConnection { connection in
            func check<Value: PostgresEncodable & PostgresDecodable & Equatable>(
                _ values: Value...,
                sql: String
            ) async throws {
                for value in values {
                    let row = try await connection.query(
                        "select \(value) as value, pg_typeof(\(value))::text as type"
                    )[0]
                    #expect(try row.get("value", as: Value.self) == value)
                    #expect(try row.get("type", as: String.self) == sql)
                    let array = try await connection.query("select \([value, value]) as value")[0]
                    #expect(try array.get("value", as: [Value].self) == [value, value])
                    let none = try await connection.query("select \(Value?.none) as value")[0]
                    #expect(try none.get("value", as: Value?.self) == nil)
                }
            }
            try await check(true, false, sql: "boolean")
            try await check(Int16.min, .max, sql: "smallint")
            try await check(Int32.min, .max, sql: "integer")
            try await check(Int64.min, .max, sql: "bigint")
            try await check(Int.min, 0, .max, sql: "bigint")
            try await check(Float(1.5), -.infinity, sql: "real")
            try await check(0.1, -0.0, .infinity, sql: "double precision")
            try await check("", "naïve 🩺 'text' \\ \n", sql: "text")
            try await check([UInt8](0...255), [], sql: "bytea")
            try await check(PostgresUUID(bits: 0x1234 << 100), sql: "uuid")
        }
    }

    @Test("values mean to the server what they mean here")
    func meaning() async throws {
        try await withConnection { connection in
            let row = try await connection.query(
                """
                select \(PostgresUUID(bits: 0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF))::text,
                    \([UInt8]([0, 255]))::text,
                    \(["a", "b,c"])::text
                """
            )[0]
            let texts = try (0..<3).map { try row.get($0, as: String.self) }
            #expect(
                texts == [
                    "01234567-89ab-cdef-0123-456789abcdef", "\\x00ff", "{a,\"b,c\"}",
                ]
            )
        }
    }

    @Test("empty arrays and arrays with NULLs go both ways")
    func emptyArrays() async throws {
        try await withConnection { connection in
            let row = try await connection.query(
                """
                select \([Int64]()) as mine, '{}'::uuid[] as theirs, cardinality(\([String]())) as n,
                    array['a', null]::text[] as holes, array[null, 'b'] = \([nil, "b"] as [String?])
                """
            )[0]
            #expect(try row.get("mine", as: [Int64].self) == [])
            #expect(try row.get("theirs", as: [PostgresUUID].self) == [])
            #expect(try row.get("n", as: Int.self) == 0)
            #expect(try row.get("holes", as: [String?].self) == ["a", nil])
            #expect(try row.get(4, as: Bool.self))
        }
    }

    @Test("json, names and typeless literals are read as text, a text finds varchar and name")
    func textTypes() async throws {
        try await withConnection { connection in
            try await connection.execute(
                script:
                    "create table word (v varchar(10), c char(3)); insert into word values ('a', 'b')"
            )
            let text = "a"
            let row = try await connection.query(
                """
                select '{"a": 1}'::json, \("{\"b\":2}")::text::jsonb, current_user::name, 'x' as y,
                    (select count(*) from word where v = \(text) and c = \("b")),
                    (select count(*) from pg_class where relname = \("word")), '"'::"char"
                """
            )[0]
            let texts = try (0..<4).map { try row.get($0, as: String.self) }
            #expect(texts == [#"{"a": 1}"#, #"{"b": 2}"#, "postgres", "x"])
            #expect(try row.get(4, as: Int.self) == 1)
            #expect(try row.get(5, as: Int.self) == 1)
            #expect(try row.get(6, as: String.self) == "\"")
            let inserted = try await connection.query(
                "insert into word (v) values (\("b")), (\("c"))"
            )
            #expect(inserted.affectedRows == 2)
        }
    }

    @Test("a column that cannot be read is named with its type, its value is not")
    func decodingErrors() async throws {
        try await withConnection { connection in
            let row = try await connection.query("select 'Meier' as patient, null::int8 as bed")[0]
            let mismatch = try #require(throws: PostgresError.self) {
                try row.get("patient", as: Int.self)
            }
            #expect(mismatch.code == .decoding && mismatch.connectionIsUsable)
            #expect(mismatch.description.contains("\"patient\" of type text as Int"))
            #expect(!mismatch.debugDescription.contains("Meier"))
            let null = try #require(throws: PostgresError.self) { try row.get("bed", as: Int.self) }
            #expect(null.description.contains("\"bed\"") && null.description.contains("NULL"))
            let missing = try #require(throws: PostgresError.self) {
                try row.get("ward", as: Int.self)
            }
            #expect(missing.description.contains("\"ward\""))
            #expect(try row.get("bed", as: Int?.self) == nil)
            row.withBytes(0) { #expect($0.map { [UInt8]($0) } == Array("Meier".utf8)) }
            row.withBytes(1) { #expect($0 == nil) }
        }
    }

    @Test("a pipeline is one transaction: one failure undoes it and names its statement")
    func pipelineIsAtomic() async throws {
        try await withConnection { connection in
            try await connection.execute(
                script: "create table t (n int8 constraint t_n primary key)"
            )
            let error = try await postgresError {
                _ = try await connection.pipeline([
                    "insert into t values (\(1))", "insert into t values (\(1))", "select 1",
                ])
            }
            #expect(error.code == .server && error.sqlState == .uniqueViolation)
            #expect(error.constraint == "t_n" && error.table == "t")
            #expect(error.connectionIsUsable && !error.mayHaveCommitted)
            #expect(error.description.contains("statement 2 of 3"))
            #expect(try await connection.query("select from t").isEmpty)

            let results = try await connection.pipeline([
                "insert into t values (\(1)), (\(2))", "select n from t order by n",
                "select 1 where false",
            ])
            #expect(results.map(\.affectedRows) == [2, 2, 0])
            #expect(try results[1].map { try $0.get("n", as: Int.self) } == [1, 2])
            #expect(try await connection.pipeline([]).isEmpty)
        }
    }

    @Test("an error that comes only at the commit is reported, and the connection goes on")
    func deferredConstraint() async throws {
        try await withConnection { connection in
            try await connection.execute(
                script: "create table t (n int8 unique deferrable initially deferred)"
            )
            let error = try await postgresError {
                _ = try await connection.pipeline([
                    "insert into t values (1)", "insert into t values (1)",
                ])
            }
            #expect(error.sqlState == .uniqueViolation && error.description.contains("at commit"))
            #expect(error.connectionIsUsable && !error.mayHaveCommitted)
            #expect(try await connection.query("select from t").isEmpty)
        }
    }

    @Test("a hundred statements are one round trip's worth of results, in order")
    func longPipeline() async throws {
        try await withConnection { connection in
            let results = try await connection.pipeline(
                (0..<1000).map { "select \($0) as n, repeat('x', 1000)" }
            )
            #expect(try results.map { try $0[0].get("n", as: Int.self) } == Array(0..<1000))
        }
    }

    @Test("a value of 100 MB goes there and back")
    func largeValue() async throws {
        try await withDatabase { configuration in
            var configuration = configuration
            configuration.set("statement_timeout", to: "120s")
            try await PostgresConnection.withConnection(configuration) { connection in
                var value = [UInt8](repeating: 7, count: 100_000_000)
                value[99_999_999] = 9
                let row = try await connection.query(
                    "select value, length(value) as length from (select \(value) as value) as v",
                    deadline: .now.advanced(by: .seconds(120))
                )[0]
                #expect(try row.get("length", as: Int.self) == 100_000_000)
                #expect(try row.get("value", as: [UInt8].self) == value)
            }
        }
    }

    @Test("what cannot be sent is refused before anything is sent")
    func refusals() async throws {
        try await withConnection { connection in
            let texts = [
                SQL("select 1\0"), SQL("select 1", (0..<65_536).map { PostgresParameter($0) }),
            ]
            for sql in texts {
                let error = try await postgresError { _ = try await connection.query(sql) }
                #expect(error.code == .invalidUse && error.connectionIsUsable)
            }
            let nul = try await postgresError { _ = try await connection.query("select \("a\0")") }
            #expect(nul.sqlState == SQLState(rawValue: "22021"))
            let past = try await postgresError {
                _ = try await connection.query("select 1", deadline: .now)
            }
            #expect(past.code == .timedOut && past.connectionIsUsable && !past.mayHaveCommitted)
            #expect(try await connection.query("select 1 as n")[0].get("n", as: Int.self) == 1)
        }
    }

    @Test("notices go to the handler and never to stderr")
    func notices() async throws {
        let heard = Shared<[PostgresNotice]>([])
        try await withDatabase { configuration in
            var configuration = configuration
            configuration.noticeHandler = { notice in heard.change { $0.append(notice) } }
            let silent = configuration
            let printed = try await capturingStandardError {
                try await PostgresConnection.withConnection(silent) { connection in
                    try await connection.execute(
                        script: "do $$ begin raise warning 'in a script'; end $$"
                    )
                    _ = try await connection.query("rollback")
                }
                var deaf = silent
                deaf.noticeHandler = nil
                try await PostgresConnection.withConnection(deaf) { connection in
                    _ = try await connection.query("rollback")
                }
            }
            #expect(!printed.contains("in a script"))
            #expect(!printed.contains("no transaction in progress"))
        }
        let messages = heard.value
        #expect(messages.map(\.severity) == ["WARNING", "WARNING"])
        #expect(messages.first?.message == "in a script")
        #expect(messages.last?.sqlState == SQLState(rawValue: "25P01"))
    }

    @Test("a script runs all its statements in one transaction, and a failing one none")
    func scripts() async throws {
        try await withConnection { connection in
            try await connection.execute(
                script: "create table a (); create table b (); select 1; -- the end"
            )
            let error = try await postgresError {
                try await connection.execute(script: "create table c (); create table a ()")
            }
            #expect(error.sqlState?.rawValue == "42P07" && error.connectionIsUsable)
            let tables = try await connection.query(
                "select relname from pg_class where relname in ('a', 'b', 'c') order by 1"
            )
            #expect(try tables.map { try $0.get(0, as: String.self) } == ["a", "b"])
            let copy = try await postgresError {
                try await connection.execute(script: "copy a from stdin")
            }
            #expect(copy.code == .protocolViolation && !copy.connectionIsUsable)
        }
    }
}

@Suite("Prepared statements")
struct PreparedStatementTests {
    private func prepared(_ connection: PostgresConnection) async throws -> Int {
        try await connection.query("select count(*) as n from pg_prepared_statements")[0].get("n")
    }

    @Test("a statement is prepared once per session, in the round trip that first uses it")
    func once() async throws {
        try await withConnection { connection in
            let before = try await prepared(connection)
            for n in 1...3 { _ = try await connection.query("select \(n)") }
            #expect(try await prepared(connection) == before + 1)
            let uses = try await connection.query(
                """
                select generic_plans + custom_plans as n
                from pg_prepared_statements where statement = 'select $1'
                """
            )
            #expect(try uses[0].get("n", as: Int.self) == 3)
        }
    }

    @Test("a session keeps no more statements prepared than its limit")
    func bounded() async throws {
        try await withDatabase { configuration in
            var configuration = configuration
            configuration.preparedStatementLimit = 4
            try await PostgresConnection.withConnection(configuration) { connection in
                for n in 0..<20 { _ = try await connection.query("select \(raw: "\(n)")") }
                #expect(try await prepared(connection) == 4)
                // Also when the pipeline that would drop one fails.
                for n in 20..<40 {
                    _ = try await postgresError {
                        _ = try await connection.pipeline([
                            "select 1/0, \(raw: "\(n)")", "select \(raw: "\(n)")",
                        ])
                    }
                }
                #expect(try await prepared(connection) <= 5)
                _ = try await connection.query("select 'last'")
                #expect(try await prepared(connection) == 4)
            }
        }
    }

    @Test("a statement whose result type has changed is prepared anew")
    func stalePlan() async throws {
        try await withConnection { connection in
            try await connection.execute(
                script: "create table t (a int8); insert into t values (1)"
            )
            #expect(try await connection.query("select * from t").columns == ["a"])
            try await connection.execute(script: "alter table t add b text default 'b'")
            #expect(try await connection.query("select * from t").columns == ["a", "b"])
            try await connection.execute(script: "alter table t add c text")
            let pipelined = try await connection.pipeline([
                "insert into t (a) values (\(2))", "select * from t",
            ])
            #expect(pipelined[1].columns == ["a", "b", "c"])
            #expect(pipelined[1].count == 2)
        }
    }

    @Test("within a transaction a stale statement is the caller's to repeat")
    func stalePlanInTransaction() async throws {
        try await withConnection { connection in
            try await connection.execute(script: "create table t (a int8)")
            _ = try await connection.query("select * from t")
            try await connection.execute(script: "alter table t add b text")
            let error = try await postgresError {
                try await connection.withTransaction { transaction in
                    _ = try await transaction.query("select * from t")
                }
            }
            #expect(error.sqlState == .featureNotSupported && error.connectionIsUsable)
            let columns = try await connection.query("select * from t").columns
            #expect(columns == ["a", "b"])
        }
    }

    @Test("a session that lost its statements prepares them again")
    func discarded() async throws {
        try await withConnection { connection in
            for _ in 0..<2 { _ = try await connection.query("select \(1)") }
            try await connection.execute(script: "deallocate all")
            #expect(try await connection.query("select \(5) as n")[0].get("n", as: Int.self) == 5)
        }
    }
}
