import CareEpisode
import Glibc
import Ledger
import Postgres
import ProjectionTestSupport
import TestSupport
import Testing

/// Another process that keeps the census of a ledger at its head, until it is killed.
struct WorkerProcess {
    let processID: pid_t
    let name: String

    init(_ fixture: ProjectionFixture, name: String, batchLimit: Int) throws {
        // The tests and the program are built into one folder.
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count)
        try #require(length > 0)
        let tests = String(decoding: path[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let folder = tests.split(separator: "/").dropLast().joined(separator: "/")
        let words = [
            "/\(folder)/projection-worker", fixture.url, fixture.ledger.name.description,
            "\(batchLimit)", name,
        ]
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var started: pid_t = 0
        try #require(posix_spawn(&started, words[0], nil, nil, &arguments, environ) == 0)
        processID = started
        self.name = name
    }

    /// Whether it still runs.
    var isRunning: Bool {
        var status: Int32 = 0
        return waitpid(processID, &status, WNOHANG) == 0
    }

    /// Kills it as `kill -9` does, and waits until the server has noticed.
    func kill(_ fixture: ProjectionFixture) async throws {
        Glibc.kill(processID, SIGKILL)
        var status: Int32 = 0
        try await eventually("the process has ended") {
            waitpid(processID, &status, WNOHANG) == processID
        }
        #expect(status & 0x7F == SIGKILL, "it ran until it was killed")
        try await eventually("its sessions have ended") {
            let rows = try await fixture.database.reader.query(
                "select from pg_stat_activity where application_name = \(name)"
            )
            return rows.isEmpty
        }
    }
}
