import Glibc
import TestSupport
import Testing

@testable import EmbeddedPostgres

@Suite("A cluster survives what kills its processes")
struct RecoveryTests {
    @Test("A server that was killed recovers at the next start, with what was committed")
    func killedServer() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { connection in
                try await psql(connection, "create table kept as select 7 as n")
                let server = try #require(folder.runningServer)
                kill(server, SIGKILL)
                try await eventually("the server is dead") { folder.runningServer == nil }
                // The one who used it is still here: the newcomer must start it nevertheless.
                try await folder.use { second in
                    try await expect(second, "select n from kept", gives: "7")
                    #expect(folder.runningServer != server)
                }
                #expect(folder.runningServer != nil, "stopped although it has a user")
            }
            #expect(folder.runningServer == nil)
        }
    }

    @Test("A killed server whose backends still compute is recovered all the same")
    func busyBackends() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { connection in
                let program = try await installation().program("psql")
                let endless = "select count(*) from generate_series(1, 1000000000000) as n"
                try await withThrowingTaskGroup { group in
                    group.addTask {
                        var command = Command(program, [connection.uri, "-XAtqc", endless])
                        command.timeout = .seconds(120)
                        return try await command.run().succeeded
                    }
                    try await eventually("the backend computes") {
                        try await psql(
                            connection,
                            """
                            select count(*) from pg_stat_activity
                            where query like 'select count(*) from generate%' and state = 'active'
                              and wait_event is null
                            """
                        ) == "1"
                    }
                    let server = try #require(folder.runningServer)
                    kill(server, SIGKILL)
                    try await eventually("the server is dead") { folder.runningServer == nil }
                    #expect(!folder.serverProcesses.isEmpty)
                    try await folder.expect()
                    #expect(try await group.next() == false)
                }
            }
        }
    }

    @Test("A user who was killed leaves a server that the next one joins and then stops")
    func killedUser() async throws {
        try await ClusterFolder.with { folder in
            let user = try UserProcess(using: folder)
            let uri = try await user.firstLine()
            let server = try #require(folder.runningServer, "\(uri)")
            try await psql(uri, "create table kept as select 7 as n")
            try await user.kill()
            #expect(folder.runningServer == server)
            try await folder.use { connection in
                #expect(folder.runningServer == server)
                try await expect(connection, "select n from kept", gives: "7")
            }
            #expect(folder.runningServer == nil)
        }
    }

    @Test("A user who was killed while it made the cluster hinders nobody")
    func killedWhileCreating() async throws {
        try await ClusterFolder.with { folder in
            // An initdb that never ends, after the real one has done its work.
            let real = try await installation().folder
            let programs = "\(folder.parent)/programs"
            try #require(mkdir(programs, 0o755) == 0)
            for program in Installation.neededPrograms where program != "initdb" {
                symlink("\(real)/\(program)", "\(programs)/\(program)")
            }
            let script = "#!/bin/sh\n'\(real)/initdb' \"$@\" && touch done && exec sleep 300\n"
            try await writeProgram(script, to: "\(programs)/initdb")
            let user = try UserProcess(using: folder, programs: programs)
            try await eventually("the cluster is under way") {
                namesInFolder(folder.path).contains {
                    FileStatus("\(folder.path)/\($0)/done") != nil
                }
            }
            try await user.kill()
            #expect(FileStatus(folder.cluster) == nil)
            try await folder.expect()
            #expect(folder.runningServer == nil)
        }
    }

    @Test("What an unfinished cluster has left is removed")
    func removesLeftovers() async throws {
        try await ClusterFolder.with { folder in
            let leftover = "\(folder.path)/postgresql.new-abc"
            try createFolders("\(leftover)/base/1", permissions: 0o700)
            chmod(folder.path, 0o711)
            try await folder.expect()
            #expect(FileStatus(leftover) == nil)
        }
    }

    @Test("A process that got the number of the killed server does not keep it from starting")
    func reusedProcessNumber() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { _ in
                kill(try #require(folder.runningServer), SIGKILL)
                try await eventually("the server is dead") { folder.runningServer == nil }
            }
            let owner = try #require(FileStatus(folder.cluster)).owner
            try await withThrowingTaskGroup { group in
                let numberFile = "\(folder.parent)/number"
                group.addTask {
                    let script = "echo $$ > '\(numberFile)'; exec sleep 300"
                    var sleeper = Command("/bin/sh", ["-c", script])
                    sleeper.user = owner == geteuid() ? nil : SystemUser(userID: owner)
                    sleeper.timeout = .seconds(300)
                    _ = try? await sleeper.run()
                }
                try await eventually("the number is there") {
                    readSmallFile(numberFile)?.last == "\n"
                }
                let number = try #require(readSmallFile(numberFile)).dropLast()
                let file = Postmaster.fileName(in: folder.cluster)
                let lines = try #require(readSmallFile(file)).split(separator: "\n").dropFirst()
                let text = ([number] + lines).joined(separator: "\n") + "\n"
                let descriptor = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC)
                #expect(write(descriptor, text, text.utf8.count) == text.utf8.count)
                close(descriptor)
                try await folder.expect()
                #expect(kill(try #require(pid_t(number)), 0) == 0)
                group.cancelAll()
            }
        }
    }

    @Test("Whatever a crash has left as the file with the server's number, the server starts")
    func staleFile() async throws {
        try await startsAfterStaleFiles(within: [])
    }

    @Test(
        "Whatever a crash has left of an ordinary user's server, it starts",
        OtherContainer.othersCanRunThePrograms
    )
    func staleFileOfOrdinaryUser() async throws {
        let nobody = try #require(SystemUser(named: "nobody"))
        try await startsAfterStaleFiles(within: Command.words(toRunAs: nobody))
    }

    private func startsAfterStaleFiles(within container: [String]) async throws {
        try await ClusterFolder.with { folder in
            func use(_ body: (String) async throws -> Void) async throws {
                let process = try UserProcess(using: folder, within: container)
                let uri = try await process.firstLine()
                try #require(uri.hasPrefix("postgresql://"), "\(uri)")
                try await body(uri)
                #expect(try await process.leave() == 0)
            }
            try await use { try await psql($0, "create table kept as select 7 as n") }
            let file = Postmaster.fileName(in: folder.cluster)
            for number in [nil, "", "1", "\(getpid())", "-1", "99999999999", "\0\0\0\0", "what"] {
                try await use { uri in
                    try await expect(uri, "select n from kept", gives: "7")
                    kill(try #require(folder.runningServer), SIGKILL)
                    try await eventually("the server is dead") { folder.runningServer == nil }
                }
                let lines = try #require(readSmallFile(file)).split(separator: "\n").dropFirst()
                let text = number.map { ([$0] + lines.map(String.init)).joined(separator: "\n") }
                let descriptor = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC)
                let bytes = Array((text ?? "").utf8)
                #expect(write(descriptor, bytes, bytes.count) == bytes.count)
                close(descriptor)
            }
            try await use { try await expect($0, "select n from kept", gives: "7") }
        }
    }

    @Test("A server whose socket was removed is restarted when nobody else uses it")
    func removedSocket() async throws {
        try await ClusterFolder.with { folder in
            let user = try UserProcess(using: folder)
            #expect(try await user.firstLine().hasPrefix("postgresql://"))
            let server = try #require(folder.runningServer)
            try await user.kill()
            let text = try #require(readSmallFile(Postmaster.fileName(in: folder.cluster)))
            let socket = try #require(Postmaster(file: text)?.socketFolder)
            #expect(try await Command("/bin/rm", ["-rf", "--", socket]).run().succeeded)
            try await folder.use { connection in
                try await expect(connection)
                #expect(folder.runningServer != server)
            }
        }
    }

    @Test("A server that cannot write its final checkpoint is stopped without, and loses nothing")
    func stuckStop() async throws {
        try await ClusterFolder.with { folder in
            var options = folder.options
            options.stopTimeout = .seconds(1)
            try await EmbeddedPostgres.withCluster(options) { connection in
                try await psql(connection, "create table kept as select 7 as n")
                let sql = "select pid from pg_stat_activity where backend_type = 'checkpointer'"
                let checkpointer = try #require(pid_t(try await psql(connection, sql)))
                kill(checkpointer, SIGSTOP)
            }
            #expect(folder.runningServer == nil)
            try await folder.expect("select n from kept", gives: "7")
        }
    }
}
