import Glibc
import TestSupport
import Testing

@testable import EmbeddedPostgres

@Suite("The server keeps to itself")
struct PrivacyTests {
    @Test("Values of statements that fail, warn, or crash the server stay out of its log")
    func logHoldsNoValues() async throws {
        try await ClusterFolder.with { folder in
            let program = try await installation().program("psql")
            let statements = [
                "select 'secret'::int",
                "do $$ begin raise warning 'secret'; end $$",
                "create table unique_one (n text primary key); "
                    + "insert into unique_one values ('secret'), ('secret')",
                "select 'secret' from pg_terminate_backend(pg_backend_pid())",
                "select 'secret', pg_sleep(60)",
            ]
            try await folder.use { connection in
                for statement in statements.dropLast() {
                    _ = try await Command(program, [connection.uri, "-XAtqc", statement]).run()
                }
                // A backend that is killed makes the server log the statement, by default.
                try await withThrowingTaskGroup { group in
                    group.addTask {
                        let sleep = statements[statements.count - 1]
                        return try await Command(program, [connection.uri, "-XAtqc", sleep]).run()
                    }
                    var number = ""
                    try await eventually("the backend sleeps") {
                        number = try await psql(
                            connection,
                            "select pid from pg_stat_activity where wait_event = 'PgSleep'"
                        )
                        return !number.isEmpty
                    }
                    // The server's user is this one, or this one is root.
                    #expect(kill(try #require(pid_t(number)), SIGKILL) == 0)
                    #expect(try await group.next()?.succeeded == false)
                }
            }
            let log = try #require(readSmallFile("\(folder.cluster)/\(ServerLog.name)"))
            #expect(log.contains("terminated by signal 9"))
            #expect(!log.contains("secret"))
        }
    }

    @Test("The URI names the socket so that no environment variable diverts it")
    func uri() {
        let connection = ConnectionString(socketFolder: "/tmp/a b%/ä", port: 5433)
        #expect(
            connection.uri
                == "postgresql://episode_ledger@%2Ftmp%2Fa%20b%25%2F%C3%A4:5433/episode_ledger"
                + "?hostaddr=&target_session_attrs=any"
        )
    }

    @Test("The file of a server is understood at every stage of its start")
    func postmasterFile() {
        let lines = [
            "4711", "/data", "1700000000", "5432", "/tmp/socket", "", "  1 2", "ready   ", "",
        ]
        let whole = Postmaster(file: lines.joined(separator: "\n"))
        #expect(whole?.processID == 4711)
        #expect(whole?.status == "ready")
        #expect(whole?.connection == ConnectionString(socketFolder: "/tmp/socket", port: 5432))
        let early = Postmaster(file: lines[..<4].joined(separator: "\n"))
        #expect(early?.processID == 4711)
        #expect(early?.connection == nil)
        #expect(early?.status == "")
        #expect(Postmaster(file: "-4711\n")?.processID == 4711)
        #expect(Postmaster(file: "") == nil)
        #expect(Postmaster(file: "0\n") == nil)
    }
}
