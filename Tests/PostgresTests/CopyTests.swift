import TestSupport
import Testing

@testable import Postgres

@Suite("COPY")
struct CopyTests {
    private struct BrokenOff: Error {}

    @Test("half a million rows go in and come out in binary")
    func roundTrip() async throws {
        try await withConnection { connection in
            let rows = 500_000
            try await connection.execute(
                script:
                    "set statement_timeout = '300s'; create table t (n int8, id uuid, name text, payload bytea)"
            )
            let copied = try await connection.copyIn("copy t from stdin (format binary)") {
                writer in
                var encoder = BinaryCopyEncoder()
                for n in 0..<rows {
                    encoder.row(columns: 4)
                    encoder.append(n)
                    encoder.append(PostgresUUID(bits: UInt128(n)))
                    encoder.append(n.isMultiple(of: 2) ? "even" : String?.none)
                    encoder.append([UInt8(truncatingIfNeeded: n), 0])
                    try await writer.write(&encoder)
                }
                encoder.finish()
                try await writer.write(&encoder, atLeast: 0)
            }
            #expect(copied == rows)
            var decoder = BinaryCopyDecoder()
            var sum = 0
            var nulls = 0
            try await connection.copyOut("copy t to stdout (format binary)") { message in
                try decoder.decode(message) { row in
                    sum += try row.next(Int.self)
                    _ = try row.nextBytes()
                    nulls += try row.nextBytes() == nil ? 1 : 0
                }
            }
            #expect(decoder.isFinished && decoder.rowCount == rows)
            #expect(sum == rows * (rows - 1) / 2)
            #expect(nulls == rows / 2)
            #expect(try await connection.query("select \(1) as n")[0].get("n", as: Int.self) == 1)
        }
    }

    @Test("COPY of nothing works both ways")
    func nothing() async throws {
        try await withConnection { connection in
            try await connection.execute(script: "create table t (n int8)")
            let copied = try await connection.copyIn("copy t from stdin (format binary)") {
                writer in
                var encoder = BinaryCopyEncoder()
                encoder.finish()
                try await writer.write(encoder.bytes)
            }
            #expect(copied == 0)
            var decoder = BinaryCopyDecoder()
            try await connection.copyOut("copy t to stdout (format binary)") { message in
                try decoder.decode(message) { _ in }
            }
            #expect(decoder.isFinished && decoder.rowCount == 0)
        }
    }

    @Test("a row that breaks a constraint fails the COPY and leaves the connection usable")
    func constraint() async throws {
        try await withConnection { connection in
            try await connection.execute(script: "create table t (n int8 primary key)")
            let error = try await postgresError {
                _ = try await connection.copyIn("copy t from stdin") { writer in
                    try await writer.write(Array("1\n1\n".utf8))
                }
            }
            #expect(error.sqlState == .uniqueViolation && error.connectionIsUsable)
            #expect(try await connection.query("select from t").isEmpty)
        }
    }

    @Test("a COPY whose body throws leaves nothing behind, going in or out")
    func bodyThrows() async throws {
        try await withPool(limit: 1) { pool in
            _ = try await pool.query("create table t (n int8)")
            await #expect(throws: BrokenOff.self) {
                try await pool.withConnection { connection in
                    _ = try await connection.copyIn("copy t from stdin") { writer in
                        try await writer.write(Array("1\n".utf8))
                        throw BrokenOff()
                    }
                }
            }
            #expect(pool.statistics.idle == 1)
            #expect(try await pool.query("select from t").isEmpty)
            await #expect(throws: BrokenOff.self) {
                try await pool.withConnection { connection in
                    try await connection.copyOut(
                        "copy (select generate_series(1, 1000000)) to stdout"
                    ) { _ in throw BrokenOff() }
                }
            }
            #expect(try await pool.query("select 1 as n")[0].get("n", as: Int.self) == 1)
        }
    }

    @Test("cancelling a COPY ends it on both sides", arguments: [true, false])
    func cancelled(goesIn: Bool) async throws {
        try await withPool(limit: 1) { pool in
            _ = try await pool.query("create table t (n int8)")
            let task = Task {
                try await pool.withConnection { connection in
                    if goesIn {
                        _ = try await connection.copyIn("copy t from stdin") { writer in
                            try await writer.write(Array("1\n".utf8))
                            withUnsafeCurrentTask { $0?.cancel() }
                            for _ in 0..<1_000_000 { try await writer.write(Array("1\n".utf8)) }
                        }
                    } else {
                        try await connection.copyOut(
                            "copy (select generate_series(1, 100000000)) to stdout"
                        ) { _ in withUnsafeCurrentTask { $0?.cancel() } }
                    }
                }
            }
            let error = try await postgresError { try await task.value }
            #expect(error.code == .cancelled)
            #expect(try await pool.query("select from t").isEmpty)
        }
    }

    @Test("what is no COPY, or goes the other way, is refused")
    func misuse() async throws {
        try await withConnection { connection in
            let query = try await postgresError {
                try await connection.copyOut("select 1") { _ in }
            }
            #expect(query.code == .invalidUse && query.connectionIsUsable)
            let missing = try await postgresError {
                try await connection.copyOut("copy missing to stdout") { _ in }
            }
            #expect(missing.sqlState?.rawValue == "42P01" && missing.connectionIsUsable)
            let parameters = try await postgresError {
                try await connection.copyOut("copy (select \(1)) to stdout") { _ in }
            }
            #expect(parameters.code == .invalidUse && parameters.connectionIsUsable)
            let direction = try await postgresError {
                _ = try await connection.copyIn("copy (select 1) to stdout") { _ in }
            }
            #expect(direction.code == .invalidUse && !direction.connectionIsUsable)
        }
    }

    @Test("another call on the connection during COPY is refused, not interleaved")
    func interleaved() async throws {
        try await withConnection { connection in
            try await connection.execute(script: "create table t (n int8)")
            let rows = try await connection.copyIn("copy t from stdin") { writer in
                let error = try await postgresError { _ = try await connection.query("select 1") }
                #expect(error.code == .invalidUse && error.connectionIsUsable)
                try await writer.write(Array("1\n".utf8))
            }
            #expect(rows == 1)
        }
    }
}
