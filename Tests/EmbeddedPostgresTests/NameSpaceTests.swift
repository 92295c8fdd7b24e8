import Glibc
import TestSupport
import Testing

@testable import EmbeddedPostgres

@Suite("Containers share the server of a data folder, or are refused", OtherContainer.isNeeded)
struct NameSpaceTests {
    @Test("A user in another container joins the running server, and nothing of either is lost")
    func joins() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { connection in
                try await psql(connection, "create table kept (n integer)")
                let server = try #require(folder.runningServer)
                let user = try UserProcess(using: folder, within: OtherContainer.sharingTmp)
                #expect(try await user.firstLine() == connection.uri)
                #expect(folder.runningServer == server)
                let program = try await installation().program("psql")
                let words =
                    OtherContainer.sharingTmp
                    + [program, connection.uri, "-XAtqc", "insert into kept values (1)"]
                let there = try await Command(words[0], Array(words.dropFirst())).run()
                #expect(there.succeeded, "\(there.output)")
                #expect(try await user.leave() == 0)
                #expect(folder.runningServer == server)
                try await psql(connection, "insert into kept values (2)")
            }
            #expect(folder.runningServer == nil)
            try await folder.expect("select sum(n) from kept", gives: "3")
        }
    }

    @Test("A user in a container with another /tmp is refused and told why, and nothing is lost")
    func refusesThere() async throws {
        try await ClusterFolder.with(in: "/var/tmp") { folder in
            try await folder.use { connection in
                try await psql(connection, "create table kept as select 7 as n")
                let server = try #require(folder.runningServer)
                let user = try UserProcess(using: folder, within: OtherContainer.withOwnTmp)
                let line = try await user.firstLine()
                #expect(line.hasPrefix("failed: PostgreSQL runs in \(folder.cluster) already"))
                #expect(line.contains(connection.socketFolder))
                #expect(line.contains("see the same /tmp"))
                #expect(try await user.leave() == 1)
                #expect(folder.runningServer == server)
                try await expect(connection, "select n from kept", gives: "7")
            }
            #expect(folder.runningServer == nil)
            try await folder.expect("select n from kept", gives: "7")
        }
    }

    @Test("A server that another container has started is joined from here, and left to it")
    func joinsHere() async throws {
        try await ClusterFolder.with { folder in
            let user = try UserProcess(using: folder, within: OtherContainer.sharingTmp)
            let uri = try await user.firstLine()
            try await folder.use { connection in
                #expect(connection.uri == uri)
                try await psql(connection, "create table kept as select 7 as n")
            }
            try await expect(uri, "select n from kept", gives: "7")
            #expect(try await user.leave() == 0)
            #expect(folder.serverProcesses.isEmpty)
            try await folder.expect("select n from kept", gives: "7")
        }
    }

    @Test("The last user does not touch a server that only its own container can stop")
    func leavesRunning() async throws {
        try await ClusterFolder.with { folder in
            let first = try UserProcess(using: folder)
            let uri = try await first.firstLine()
            let server = try #require(folder.runningServer)
            let last = try UserProcess(using: folder, within: OtherContainer.sharingTmp)
            #expect(try await last.firstLine() == uri)
            #expect(try await first.leave() == 0)
            #expect(try await last.leave() == 0)
            #expect(folder.runningServer == server)
            try await folder.expect()
            #expect(folder.runningServer == nil)
        }
    }

    @Test("A server in a container with another /tmp is not doubled here, but followed")
    func refusesHere() async throws {
        try await ClusterFolder.with(in: "/var/tmp") { folder in
            let user = try UserProcess(using: folder, within: OtherContainer.withOwnTmp)
            #expect(try await user.firstLine().hasPrefix("postgresql://"))
            let server = try #require(folder.serverAnywhere)
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await folder.use { _ in Issue.record("started a second server") }
            }
            #expect(error?.code == .runsElsewhere)
            #expect(folder.serverAnywhere == server)
            #expect(try await user.leave() == 0)
            try await folder.expect()
        }
    }

    @Test("While a killed server's backends compute in another container, none is started here")
    func busyBackendsElsewhere() async throws {
        try await ClusterFolder.with { folder in
            let user = try UserProcess(using: folder, within: OtherContainer.sharingTmp)
            let uri = try await user.firstLine()
            try await psql(uri, "create table kept as select 7 as n")
            let program = try await installation().program("psql")
            let endless = "select count(*) from generate_series(1, 1000000000000) as n"
            try await withThrowingTaskGroup { group in
                group.addTask {
                    var command = Command(program, [uri, "-XAtqc", endless])
                    command.timeout = .seconds(120)
                    return try await command.run().succeeded
                }
                let active = """
                    select count(*) from pg_stat_activity
                    where query like 'select count(*) from generate%' and state = 'active'
                    """
                try await eventually("the backend computes") { try await psql(uri, active) == "1" }
                kill(try #require(folder.serverAnywhere), SIGKILL)
                try await eventually("the server is dead") { folder.serverAnywhere == nil }
                let error = await #expect(throws: EmbeddedPostgresError.self) {
                    try await folder.use { _ in Issue.record("started beside the backend") }
                }
                #expect(error?.code == .runsElsewhere)
                #expect(!folder.serverProcesses.isEmpty, "killed what another container may need")
                try await user.kill()
                #expect(try await group.next() == false)
            }
            try await folder.expect("select n from kept", gives: "7")
        }
    }

    @Test("Two containers that give one path to two data folders, and share /tmp, keep them apart")
    func onePathTwoFolders() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { connection in
                try await psql(connection, "create table kept as select 7 as n")
                let other = "\(folder.parent)/other"
                try createFolders(other, permissions: 0o711)
                let container = OtherContainer.seeing(other, as: folder.path)
                let user = try UserProcess(using: folder, within: container)
                let uri = try await user.firstLine()
                #expect(uri != connection.uri)
                try await expect(uri, "select to_regclass('kept') is null", gives: "t")
                try await expect(connection, "select n from kept", gives: "7")
                #expect(try await user.leave() == 0)
                try await expect(connection, "select n from kept", gives: "7")
            }
        }
    }

    @Test("A server that the program of before has started in another container is joined")
    func joinsOlderServer() async throws {
        try await ClusterFolder.with { folder in
            let older = try await OlderUser(of: folder, within: OtherContainer.sharingTmp)
            try await folder.use { connection in
                #expect(connection.socketFolder == older.socketFolder)
                try await psql(connection, "create table kept as select 7 as n")
            }
            #expect(folder.serverAnywhere != nil)
            try await older.process.kill()
            try await folder.expect("select n from kept", gives: "7")
        }
    }

    @Test("A server of the program of before that cannot be reached is not doubled")
    func refusesBesideOlderServer() async throws {
        try await ClusterFolder.with(in: "/var/tmp") { folder in
            let older = try await OlderUser(of: folder, within: OtherContainer.withOwnTmp)
            // From outside its processes can be seen, from a third container only its users' lock.
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await folder.use { _ in Issue.record("started a second server") }
            }
            #expect(error?.code == .runsElsewhere)
            let third = try UserProcess(using: folder, within: OtherContainer.withOwnTmp)
            let line = try await third.firstLine()
            #expect(line.hasPrefix("failed: An older version of this program uses"), "\(line)")
            #expect(try await third.leave() == 1)
            try await older.process.kill()
            try await folder.expect()
        }
    }

    @Test("A copy of a data folder whose server runs gets a server of its own")
    func copyOfRunning() async throws {
        try await ClusterFolder.with { folder in
            let older = try await OlderUser(of: folder, within: OtherContainer.sharingTmp)
            let copy = ClusterFolder(path: "\(folder.parent)/copy", parent: folder.parent)
            let result = try await Command("/bin/cp", ["-a", folder.path, copy.path]).run()
            try #require(result.succeeded, "\(result.output)")
            try await copy.use { connection in
                #expect(connection.socketFolder != older.socketFolder)
                try await expect(connection)
            }
            try await older.process.kill()
        }
    }
}
