import Glibc
import Testing

@testable import EmbeddedPostgres

/// A folder for one test's cluster, which is gone after the test, with all that still runs in it.
struct ClusterFolder: Sendable {
    /// The data folder, which does not exist yet.
    let path: String
    /// Where the data folder lies, and where any user may write.
    let parent: String

    var cluster: String { "\(path)/postgresql" }

    var options: EmbeddedPostgres.Options {
        var options = EmbeddedPostgres.Options(dataDirectory: path)
        options.flushesToDisk = false
        options.startTimeout = .seconds(120)
        options.systemFolder = "\(parent)/system"
        return options
    }

    /// - Parameter place: The folder to make it in.
    static func with(
        subfolder: String = "data",
        in place: String = "/tmp",
        _ body: (ClusterFolder) async throws -> Void
    ) async throws {
        let parent = "\(place)/epl-test-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        try #require(mkdir(parent, 0o700) == 0)
        try #require(chmod(parent, 0o777) == 0)
        let folder = ClusterFolder(path: "\(parent)/\(subfolder)", parent: parent)
        let outcome = await outcome { try await body(folder) }
        for processID in namesInFolder("/proc").compactMap({ pid_t($0) })
        where linkTarget("/proc/\(processID)/cwd")?.hasPrefix(parent) == true {
            kill(processID, SIGKILL)
        }
        // The socket's lock file names the cluster in its second line.
        for name in namesInFolder("/tmp") where name.hasPrefix(".epl-") {
            let lock = readSmallFile("/tmp/\(name)/.s.PGSQL.\(SocketFolder.port).lock") ?? ""
            guard lock.split(separator: "\n").dropFirst().first?.hasPrefix("\(parent)/") == true
            else { continue }
            _ = try await Command("/bin/rm", ["-rf", "--", "/tmp/\(name)"]).run()
        }
        _ = try await Command("/bin/rm", ["-rf", "--", parent]).run()
        try outcome.get()
    }

    private static func outcome(
        _ body: () async throws -> Void
    ) async -> Result<Void, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    /// The server that runs, if any.
    var runningServer: pid_t? {
        if case .running(let postmaster) = try? ServerState(of: cluster) {
            return postmaster.processID
        }
        return nil
    }

    /// The processes of the server, and of what a killed one has left.
    var serverProcesses: [ServerProcess] { ServerProcess.all(of: cluster) }

    /// The server's first process, in whatever name space it was started; by its number here.
    var serverAnywhere: pid_t? {
        let processes = serverProcesses
        let parents = Set(processes.map(\.parentID))
        return processes.first { parents.contains($0.processID) }?.processID
    }

    /// Uses the cluster and returns what `body` does.
    @discardableResult
    func use<R>(_ body: (ConnectionString) async throws -> R) async throws -> R {
        try await EmbeddedPostgres.withCluster(options, body)
    }
}

extension ClusterFolder {
    /// Uses the cluster for one statement, and expects its answer.
    func expect(
        _ sql: String = "select 1",
        gives answer: String = "1",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let given = try await use { try await psql($0, sql) }
        #expect(given == answer, sourceLocation: sourceLocation)
    }
}

/// The PostgreSQL that the tests run with.
func installation() async throws -> Installation {
    try await InstallationLocator.system.installation(for: nil, in: "")
}

/// Runs SQL and returns its rows as text, columns separated by `|`.
@discardableResult
func psql(_ connection: ConnectionString, _ sql: String) async throws -> String {
    try await psql(connection.uri, sql)
}

@discardableResult
func psql(_ uri: String, _ sql: String) async throws -> String {
    let program = try await installation().program("psql")
    let result = try await Command(program, [uri, "-XAtqc", sql]).run()
    try #require(result.succeeded, "\(result.output)")
    return String(
        result.output.drop(while: \.isNewline).reversed().drop(while: \.isNewline).reversed()
    )
}

/// Expects the answer of a statement.
func expect(
    _ connection: ConnectionString,
    _ sql: String = "select 1",
    gives answer: String = "1",
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let given = try await psql(connection, sql)
    #expect(given == answer, sourceLocation: sourceLocation)
}

func expect(
    _ uri: String,
    _ sql: String,
    gives answer: String,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let given = try await psql(uri, sql)
    #expect(given == answer, sourceLocation: sourceLocation)
}

/// Writes a script that can be run.
func writeProgram(_ script: String, to path: String) async throws {
    var command = Command("/bin/sh", ["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh", path])
    command.input = script
    let result = try await command.run()
    try #require(result.succeeded, "\(result.output)")
}
