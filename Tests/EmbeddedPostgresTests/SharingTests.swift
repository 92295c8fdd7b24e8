import Glibc
import TestSupport
import Testing

@testable import EmbeddedPostgres

/// Waits until the task is cancelled.
private func untilCancelled() async throws {
    let (nothing, never) = AsyncStream.makeStream(of: Never.self)
    for await _ in nothing {}
    withExtendedLifetime(never) {}
    try Task.checkCancellation()
}

@Suite("Several processes share a cluster")
struct SharingTests {
    @Test("The first user starts a server that has the database and its safe settings")
    func startsFromNothing() async throws {
        try await ClusterFolder.with { folder in
            let settings = try await folder.use { connection in
                try await psql(
                    connection,
                    """
                    select current_database(), current_user, datcollate, datctype,
                           pg_encoding_to_char(encoding), current_setting('data_checksums'),
                           current_setting('listen_addresses') = '',
                           current_setting('unix_socket_permissions')
                    from pg_database where datname = current_database()
                    """
                )
            }
            #expect(
                settings
                    == "episode_ledger|episode_ledger|C.UTF-8|C.UTF-8|UTF8|on|t|0700"
            )
        }
    }

    @Test("A cluster of production flushes every commit to the disk")
    func flushesByDefault() async throws {
        try await ClusterFolder.with { folder in
            var options = folder.options
            options.flushesToDisk = EmbeddedPostgres.Options().flushesToDisk
            let settings = try await EmbeddedPostgres.withCluster(options) { connection in
                try await psql(
                    connection,
                    """
                    select current_setting('fsync'), current_setting('full_page_writes'),
                           current_setting('synchronous_commit'), current_setting('autovacuum')
                    """
                )
            }
            #expect(settings == "on|on|on|on")
        }
    }

    @Test("A second user joins the running server, which ends with the last of them")
    func lastUserStops() async throws {
        try await ClusterFolder.with { folder in
            let first = try UserProcess(using: folder)
            let uri = try await first.firstLine()
            let server = try #require(folder.runningServer, "\(uri)")
            try await folder.use { connection in
                #expect(connection.uri == uri)
                #expect(folder.runningServer == server)
                #expect(try await first.leave() == 0)
                #expect(folder.runningServer == server)
                try await expect(connection)
            }
            #expect(folder.runningServer == nil)
            #expect(folder.serverProcesses.isEmpty)
        }
    }

    @Test("What was committed is there at the next start")
    func keepsData() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { try await psql($0, "create table kept as select 7 as n") }
            #expect(folder.runningServer == nil)
            try await folder.expect("select n from kept", gives: "7")
        }
    }

    @Test("Ten processes at once on an empty folder get one and the same server")
    func tenAtOnce() async throws {
        try await ClusterFolder.with { folder in
            let users = try (0..<10).map { _ in try UserProcess(using: folder) }
            var answers: Set<String> = []
            for user in users { answers.insert(try await user.firstLine()) }
            let uri = try #require(answers.first)
            #expect(answers.count == 1, "\(answers)")
            #expect(try await psql(uri, "select 1") == "1")
            let server = try #require(folder.runningServer)
            for user in users.dropLast() { #expect(try await user.leave() == 0) }
            #expect(folder.runningServer == server)
            #expect(try await users[9].leave() == 0)
            #expect(folder.runningServer == nil)
            #expect(
                Set(namesInFolder(folder.path)) == ["postgresql", "start.lock", "users.lock"]
            )
        }
    }

    @Test("A body that throws leaves no server behind")
    func failingBody() async throws {
        struct Failure: Error {}
        try await ClusterFolder.with { folder in
            await #expect(throws: Failure.self) {
                try await folder.use { _ in
                    #expect(folder.runningServer != nil)
                    throw Failure()
                }
            }
            #expect(folder.runningServer == nil)
        }
    }

    @Test(
        "A task that is cancelled, while it starts the server or uses it, leaves none behind",
        arguments: [false, true]
    )
    func cancelled(inBody: Bool) async throws {
        try await ClusterFolder.with { folder in
            let bodyRuns = Flag()
            try await withThrowingTaskGroup { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) {
                        try await folder.use { _ in
                            bodyRuns.set()
                            try await untilCancelled()
                        }
                    }
                }
                try await eventually("the server runs") {
                    inBody ? bodyRuns.isSet : folder.runningServer != nil
                }
                group.cancelAll()
            }
            #expect(folder.runningServer == nil)
            #expect(folder.serverProcesses.isEmpty)
        }
    }

    @Test("The server is in a session of its own and holds none of our files open but its lock")
    func serverIsDetached() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { _ in
                let server = try #require(folder.runningServer)
                #expect(getsid(server) == server)
                let open = namesInFolder("/proc/\(server)/fd").compactMap {
                    linkTarget("/proc/\(server)/fd/\($0)")
                }
                #expect(open.contains("\(folder.cluster)/\(ServerLog.name)"))
                #expect(!open.contains { $0.hasSuffix(".lock") && $0.hasPrefix(folder.path) })
                #expect(open.filter { $0 == "\(folder.cluster)/PG_VERSION" }.count == 1)
                for descriptor: Int32 in [0, 1, 2] {
                    let ours = linkTarget("/proc/self/fd/\(descriptor)")
                    if let ours, ours.hasPrefix("pipe:") { #expect(!open.contains(ours)) }
                }
            }
        }
    }

    @Test("The lock is held as long as a process of the server lives, and by nothing else we start")
    func lockLivesWithTheServer() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { _ in
                #expect(try !ServerLock(cluster: folder.cluster).attempt())
                // The fourth is the folder that is being listed.
                let open = try await Command("/bin/ls", ["/proc/self/fd"]).run().output
                #expect(open == "0\n1\n2\n3\n")
                let processes = folder.serverProcesses
                let server = try #require(folder.runningServer)
                #expect(processes.count > 1)
                let others = processes.map(\.processID).filter { $0 != server }
                for other in others { kill(other, SIGSTOP) }
                kill(server, SIGKILL)
                try await eventually("the server is dead") { folder.runningServer == nil }
                #expect(try !ServerLock(cluster: folder.cluster).attempt())
                for other in others { kill(other, SIGKILL) }
                try await eventually("the lock is free") {
                    try ServerLock(cluster: folder.cluster).attempt()
                }
            }
            try await folder.expect()
        }
    }

    @Test("A server that the program of before has started, without a lock, is joined and stopped")
    func joinsOlderServer() async throws {
        try await ClusterFolder.with { folder in
            let older = try await OlderUser(of: folder, within: [])
            let server = try #require(folder.runningServer)
            try await folder.use { connection in
                #expect(connection.socketFolder == older.socketFolder)
                #expect(folder.runningServer == server)
                try await psql(connection, "create table kept as select 7 as n")
            }
            #expect(folder.runningServer == server, "stopped although it has a user")
            #expect(try await older.process.leave() == 0)
            try await folder.expect("select n from kept", gives: "7")
            #expect(folder.runningServer == nil)
        }
    }

    @Test("A folder with a long path works, as the socket is elsewhere")
    func longPath() async throws {
        let long = Array(repeating: String(repeating: "long", count: 20), count: 4)
        try await ClusterFolder.with(subfolder: long.joined(separator: "/")) { folder in
            try await folder.use { connection in
                #expect(connection.socketFolder.utf8.count < 60)
                try await expect(connection)
            }
        }
    }

    @Test("A folder whose name a shell would take apart works")
    func shellCharacters() async throws {
        try await ClusterFolder.with(subfolder: "it's \"$HOME\" `x` %20 ä") { folder in
            try await folder.expect()
        }
    }
}
