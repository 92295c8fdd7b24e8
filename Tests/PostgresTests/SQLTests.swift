import Testing

@testable import Postgres

@Suite("SQL text")
struct SQLTests {
    @Test("values become parameters and never enter the text")
    func interpolation() {
        let name = "'; drop table episode; --"
        let missing: Int? = nil
        let sql: SQL = "select * from episode where name = \(name) and n = \(7) and x = \(missing)"
        #expect(sql.text == "select * from episode where name = $1 and n = $2 and x = $3")
        #expect(sql.parameters.map(\.type) == [.text, .int8, .int8])
        #expect(sql.parameters[0].bytes == Array(name.utf8))
        #expect(sql.parameters[1].bytes == [0, 0, 0, 0, 0, 0, 0, 7])
        #expect(sql.parameters[2].bytes == nil)
    }

    @Test("a statement inside another is numbered on, outside strings and comments only")
    func nesting() {
        let inner = SQL(
            #"b = $1 and '$1' <> E'\'$1' and "$1" = $tag$ $1 $tag$ and a$1 = $12 -- $1"# + "\n"
                + "/* $1 /* $1 */ $1 */ or $2",
            []
        )
        let numbered = SQL(inner.text, (0..<12).map { PostgresParameter($0) })
        let sql: SQL = "select \(1) where \(numbered)"
        #expect(
            sql.text == #"select $1 where b = $2 and '$1' <> E'\'$1' and "$1" = $tag$ $1 $tag$"#
                + " and a$1 = $13 -- $1\n/* $1 /* $1 */ $1 */ or $3"
        )
        #expect(sql.parameters.count == 13)
    }

    @Test("identifiers and constants are quoted")
    func quoting() {
        let sql: SQL = "select \(raw: "1") from \(identifier: "a\"b")"
        #expect(sql.text == #"select 1 from "a""b""#)
        #expect(SQL.quoted(literal: "it's") == "'it''s'")
        #expect(SQL.quoted(literal: #"a\'"#) == #" E'a\\'''"#)
    }

    @Test("a parameter's description hides its value")
    func parameterDescription() {
        #expect("\(PostgresParameter("secret"))" == "text, 6 bytes")
    }
}

@Suite("Errors")
struct ErrorTests {
    @Test("an error's description names state and constraint and hides what the server said")
    func description() {
        var message = ServerMessage(
            severity: "ERROR",
            sqlState: .uniqueViolation,
            message: "Key (name)=(Meier) exists",
            constraint: "patient_name_key"
        )
        message.detail = "Meier"
        message.context = "Meier"
        let error = PostgresError(
            .server,
            "statement 1 of 2",
            message: message,
            statement: "select 'Meier'",
            connectionIsUsable: true
        )
        #expect(
            error.description
                == "PostgreSQL: server error 23505 unique_violation "
                + "(constraint patient_name_key): statement 1 of 2"
        )
        #expect(!"\(error)".contains("Meier"))
        #expect(error.debugDescription.contains("Meier"))
    }

    @Test(
        "what may succeed the next time is called retryable",
        arguments: [
            (SQLState.serializationFailure, true), (.deadlockDetected, true),
            (.lockNotAvailable, true), (SQLState(rawValue: "08006"), true),
            (.idleSessionEnded, true), (.cannotConnectNow, true), (.tooManyConnections, true),
            (.uniqueViolation, false), (.insufficientPrivilege, false), (.queryCanceled, false),
            (.readOnlyTransaction, false), (SQLState(rawValue: "53100"), false),
        ]
    )
    func retryable(state: SQLState, expected: Bool) {
        #expect(state.isRetryable == expected)
    }

    @Test("a server that takes no writes or is short of something refuses for now")
    func refusedForNow() {
        for state in ["25006", "53000", "53100", "53200", "53300", "53400"] {
            #expect(SQLState(rawValue: state).isRefusedForNow, "\(state)")
        }
        for state in ["25001", "42501", "57014", "57P01", "23505"] {
            #expect(!SQLState(rawValue: state).isRefusedForNow, "\(state)")
        }
    }
}
