import CareEpisode
import EmbeddedPostgres
import Foundation
import Ledger
import Subprocess

/// pgbench inserting rows like those of the event table, one for each transaction.
///
/// It is given every advantage: the bytes are constants of a prepared statement, so that they
/// neither travel nor are hashed, and nothing is looked up, decided or returned.
struct PgbenchInsert: Sendable {
    private let bench: Bench
    private var script: String { "\(bench.folder)/insert.sql" }
    private var log: String { "\(bench.folder)/pgbench_log" }

    /// Makes the table and the script.
    ///
    /// - Parameter request: whose header and payload have the size of those that are inserted.
    init(_ bench: Bench, like request: AppendRequest) async throws {
        self.bench = bench
        try await bench.execute("create table pgbench_event (like event including all)")
        try await bench.execute("create sequence pgbench_position")
        try Self.insert(request, bench.ledger)
            .write(toFile: script, atomically: true, encoding: .utf8)
    }

    private static func insert(_ request: AppendRequest, _ ledger: LedgerDescription) -> String {
        let event = request.events[0]
        let header = event.header(
            ledger: ledger.name,
            episodeID: request.episodeID,
            recordedBy: request.recordedBy
        )
        let digest = [UInt8](repeating: 0xA5, count: 32)
        return """
            \\set episode random(1, 1000)
            insert into pgbench_event (
                ledger_id, position, version, occurred_at, recorded_at, known_at, episode_id,
                event_id, type, nonce, commitment, leaf_hash, header, payload
            ) values (
                1, nextval('pgbench_position'), currval('pgbench_position'),
                \(event.occurredAt.microseconds), \(event.occurredAt.microseconds),
                \(event.occurredAt.microseconds),
                ('00000000-0000-4000-8000-' || lpad(:episode::text, 12, '0'))::uuid,
                gen_random_uuid(), '\(event.type.rawValue)', \(literal(digest)), \(literal(digest)),
                \(literal(digest)), \(literal(header)), \(literal(event.payload()))
            );

            """
    }

    private static func literal(_ bytes: [UInt8]) -> String {
        "'\\x\(bytes.map { String(format: "%02x", $0) }.joined())'::bytea"
    }

    /// Runs pgbench once.
    func run(clients: Int, seconds: Int) async throws -> Throughput {
        let result = try await Subprocess.run(
            .name("pgbench"),
            arguments: [
                "--no-vacuum", "--protocol=prepared", "--file=\(script)",
                "--client=\(clients)", "--jobs=\(min(clients, Machine.cores))",
                "--time=\(seconds)", "--log", "--log-prefix=\(log)",
                "--host=\(bench.connection.socketFolder)", "--port=\(bench.connection.port)",
                "--username=\(bench.connection.user)", bench.connection.database,
            ],
            output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20)
        )
        guard result.terminationStatus.isSuccess,
            let rate = Self.rate(result.standardOutput)
        else {
            throw PgbenchFailed(output: result.standardError)
        }
        return Throughput(perSecond: rate, microseconds: try takeLatencies())
    }

    /// `tps = 1234.5 (without initial connection time)`.
    private static func rate(_ output: String) -> Double? {
        output.split(separator: "\n")
            .first { $0.hasPrefix("tps = ") }
            .flatMap { Double($0.split(separator: " ")[2]) }
    }

    /// The third column of the logs, of which each thread has written one.
    private func takeLatencies() throws -> [Int] {
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.folder)
        var latencies: [Int] = []
        for file in files where file.hasPrefix("pgbench_log") {
            let path = "\(bench.folder)/\(file)"
            for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
                let columns = line.split(separator: " ", maxSplits: 3)
                if columns.count > 2, let time = Int(columns[2]) { latencies.append(time) }
            }
            try FileManager.default.removeItem(atPath: path)
        }
        return latencies
    }
}

/// pgbench did not run to its end; it comes with PostgreSQL (Debian: `postgresql-contrib`).
struct PgbenchFailed: Error, CustomStringConvertible {
    let output: String

    var description: String { "pgbench failed: \(output)" }
}
