import ArgumentParser
import CareEpisode
import Ledger

/// Durable appends per second, beside the same row inserted by pgbench one per transaction.
struct Append: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Durable appends per second, beside pgbench inserting the same row.",
        discussion: """
            Every request appends one session_attended to one of many open episodes and waits \
            until it is on disk. pgbench inserts a row of the same columns, keys and sizes, one \
            for each transaction, into a table of its own in the same cluster. Both run in turns; \
            a figure is the median of its rounds.
            """
    )

    @Option(parsing: .upToNextOption, help: "How many requests are under way at once.")
    var clients = [1, 8, 64]

    @Option(help: "How often each is measured.")
    var rounds = 3

    @Option(help: "How many seconds a round takes.")
    var seconds = 5

    @Option(help: "How many open episodes the events are spread over.")
    var episodes = 1_000

    @OptionGroup var options: Bench.Options

    func validate() throws {
        guard clients.allSatisfy({ 1...80 ~= $0 }), !clients.isEmpty else {
            throw ValidationError("clients must be 1 to 80: the cluster takes 100 connections")
        }
        guard rounds > 0, seconds > 0 else {
            throw ValidationError("rounds and seconds must be at least 1")
        }
        guard ((clients.max() ?? 1)...10_000).contains(episodes) else {
            throw ValidationError("episodes must be one for each client, and 10,000 at most")
        }
    }

    func run() async throws {
        let (clients, rounds, length) = (clients, rounds, seconds)
        let episodes = episodes
        try await Bench.run(options) { bench in
            try await Sequencer.with(bench.database, ledger: bench.ledger) { sequencer in
                let attendance = try await Attendance.admit(episodes, with: sequencer)
                let pgbench = try await PgbenchInsert(bench, like: attendance.sample)
                // Fills the caches and prepares the statements.
                _ = try await attendance.run(clients: 8, for: .seconds(1), with: sequencer)
                _ = try await pgbench.run(clients: 8, seconds: 1)
                say("")
                var table: [[String]] = []
                for clients in clients {
                    var appends: [Throughput] = []
                    var inserts: [Throughput] = []
                    for round in 1...rounds {
                        appends.append(
                            try await attendance.run(
                                clients: clients,
                                for: .seconds(length),
                                with: sequencer
                            )
                        )
                        inserts.append(try await pgbench.run(clients: clients, seconds: length))
                        note(
                            """
                            \(clients) at once, round \(round) of \(rounds): \
                            append \(appends[round - 1]), pgbench \(inserts[round - 1]), \
                            load \(Machine.load)
                            """
                        )
                    }
                    table.append(Self.row(clients, appends, inserts))
                }
                sayTable(
                    [
                        "at once", "append/s", "p50 ms", "p99 ms", "pgbench/s", "p50 ms", "p99 ms",
                        "ratio",
                    ],
                    table
                )
            }
        }
    }

    private static func row(
        _ clients: Int,
        _ appends: [Throughput],
        _ inserts: [Throughput]
    ) -> [String] {
        func cells(_ rounds: [Throughput]) -> [String] {
            [
                grouped(rounds.map(\.perSecond).median),
                decimal(rounds.map(\.p50).median, places: 2),
                decimal(rounds.map(\.p99).median, places: 2),
            ]
        }
        let ratio = appends.map(\.perSecond).median / inserts.map(\.perSecond).median
        return [String(clients)] + cells(appends) + cells(inserts) + [decimal(ratio, places: 2)]
    }
}

/// What one round achieved.
struct Throughput: CustomStringConvertible {
    /// Transactions or requests for each second.
    let perSecond: Double
    /// The median latency in milliseconds.
    let p50: Double
    /// The latency in milliseconds that 99 of 100 stay below.
    let p99: Double

    /// - Parameters:
    ///   - count: how many were completed.
    ///   - elapsed: in this time.
    ///   - microseconds: how long each took.
    init(perSecond: Double, microseconds: [Int]) {
        self.perSecond = perSecond
        let ordered = microseconds.sorted()
        func percentile(_ part: Int) -> Double {
            ordered.isEmpty ? .nan : Double(ordered[(ordered.count - 1) * part / 100]) / 1_000
        }
        p50 = percentile(50)
        p99 = percentile(99)
    }

    var description: String {
        "\(grouped(perSecond))/s (p50 \(decimal(p50, places: 2)), p99 \(decimal(p99, places: 2)) ms)"
    }
}
