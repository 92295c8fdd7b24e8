import CareEpisode
import Foundation
import Glibc
import Ledger
import Postgres
import TestSupport
import Testing
import TransparencyLog

/// Sealers that are killed at random, alone and two at once.
///
/// EPISODE_LEDGER_KILLS=300 makes the long run.
@Suite("Killed sealers", .serialized)
struct SealerKilledTests {
    private static let kills =
        ProcessInfo.processInfo.environment["EPISODE_LEDGER_KILLS"].flatMap { Int($0) } ?? 12

    private func start(_ fixture: SealingFixture, _ name: String) throws -> pid_t {
        // The tests and the program are built into one folder.
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count)
        try #require(length > 0)
        let tests = String(decoding: path[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let folder = tests.split(separator: "/").dropLast().joined(separator: "/")
        let url = try TestCluster.shared.url(database: fixture.configuration.database ?? "")
        let words = [
            "/\(folder)/ledger-sealer", url, fixture.ledger.name.description, fixture.folder, "0.3",
            name,
        ]
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var started: pid_t = 0
        try #require(posix_spawn(&started, words[0], nil, nil, &arguments, environ) == 0)
        return started
    }

    /// Waits until one of the processes is connected and so many more checkpoints are there.
    private func untilSealing(
        _ fixture: SealingFixture,
        _ names: [String],
        seals: Int
    ) async throws {
        try await PostgresConnection.withConnection(fixture.configuration) { connection in
            func checkpoints() async throws -> Int {
                try await connection.query("select from checkpoint").count
            }
            let before = try await checkpoints()
            try await eventually("one is connected and has made \(seals) seals") {
                let sessions = try await connection.query(
                    "select from pg_stat_activity where application_name = any (\(names))"
                )
                let now = try await checkpoints()
                return !sessions.isEmpty && now >= before + seals
            }
        }
    }

    @Test("kill -9 at random: no fork, no wrong root, and sealing goes on", arguments: [1, 2])
    func killed(_ together: Int) async throws {
        try await SealingFixture.with { fixture in
            var random = SeededRandom(seed: UInt64(together))
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !isOver.isSet { try await fixture.append(30) }
                }
                for round in 0..<(Self.kills / together) {
                    let names = (0..<together).map { "sealer-\(round)-\($0)" }
                    let processes = try names.map { try start(fixture, $0) }
                    // Some die before they have the lease, some in the middle of a seal.
                    let seals = Int.random(in: 0...3, using: &random)
                    try await untilSealing(fixture, names, seals: seals)
                    for process in processes.shuffled(using: &random) {
                        Glibc.kill(process, SIGKILL)
                        var status: Int32 = 0
                        try await eventually("the process has ended") {
                            waitpid(process, &status, WNOHANG) == process
                        }
                        #expect(status & 0x7F == SIGKILL, "it ran until it was killed")
                    }
                }
                isOver.set()
                try await group.waitForAll()
            }
            let sealed = try await SealStatus(fixture.database, ledger: fixture.ledger).size
            #expect(sealed > 0, "something was sealed between the kills")
            // Goes on from whatever they left behind.
            let signed = try await fixture.seal(fixture.sealer(lease: 1))
            #expect(signed.checkpoint.size == (try await fixture.head()).rawValue)
            let report = try await fixture.verify()
            #expect(report.faults == [])
            #expect(report.unsealed == 0)
            let published = try await fixture.database.reader.query(
                "select note from checkpoint order by size"
            ).map { try $0.get("note", as: String.self) }
            #expect(published == (try fixture.place.log.notes().map(\.description)))
        }
    }
}
