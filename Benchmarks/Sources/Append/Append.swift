import ArgumentParser
import CareEpisode
import Ledger
import Postgres

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
                let commits = CommitCounter(bench)
                let pgbench = try await PgbenchInsert(bench, like: attendance.sample)
                // Fills the caches and prepares the statements.
                _ = try await attendance.run(clients: 8, for: .seconds(1), with: sequencer)
                _ = try await pgbench.run(clients: 8, seconds: 1)
                say("")
                let processors = ProcessorTime(bench)
                var table: [[String]] = []
                for clients in clients {
                    var appends: [Throughput] = []
                    var inserts: [Throughput] = []
                    var sizes: [Double] = []
                    for round in 1...rounds {
                        let start = sequencer.feed.head
                        appends.append(
                            try await processors.measured {
                                try await attendance.run(
                                    clients: clients,
                                    for: .seconds(length),
                                    with: sequencer
                                )
                            }
                        )
                        sizes.append(try await commits.eventsPerCommit(after: start))
                        inserts.append(
                            try await processors.measured {
                                try await pgbench.run(clients: clients, seconds: length)
                            }
                        )
                        note(
                            """
                            \(clients) at once, round \(round) of \(rounds): \
                            append \(appends[round - 1]), \
                            \(decimal(sizes[round - 1], places: 1)) a commit, pgbench \(inserts[round - 1]), \
                            load \(Machine.load)
                            """
                        )
                    }
                    table.append(Self.row(clients, appends, sizes, inserts))
                }
                sayTable(
                    [
                        "at once", "append/s", "p50 ms", "p99 ms", "CPU µs", "a commit",
                        "pgbench/s", "p50 ms", "p99 ms", "CPU µs", "ratio",
                    ],
                    table
                )
            }
        }
    }

    private static func row(
        _ clients: Int,
        _ appends: [Throughput],
        _ sizes: [Double],
        _ inserts: [Throughput]
    ) -> [String] {
        func cells(_ rounds: [Throughput]) -> [String] {
            [
                grouped(rounds.map(\.perSecond).median),
                decimal(rounds.map(\.p50).median, places: 2),
                decimal(rounds.map(\.p99).median, places: 2),
                decimal(rounds.map(\.processorMicroseconds).median, places: 0),
            ]
        }
        let ratio = appends.map(\.perSecond).median / inserts.map(\.perSecond).median
        return [String(clients)] + cells(appends) + [decimal(sizes.median, places: 1)]
            + cells(inserts) + [decimal(ratio, places: 2)]
    }
}

/// Counts the commits that events came in: the events of one commit have the same recorded time.
private struct CommitCounter {
    private let bench: Bench

    init(_ bench: Bench) { self.bench = bench }

    func eventsPerCommit(after start: Position) async throws -> Double {
        let rows = try await bench.database.reader.query(
            """
            select count(*) as events, count(distinct recorded_at) as commits
            from event
            where ledger_id = \(bench.ledger.id.rawValue) and position > \(start.rawValue)
            """
        )
        guard let row = rows.first else { return .nan }
        let events = try row.get("events", as: Int64.self)
        return Double(events) / Double(try row.get("commits", as: Int64.self))
    }
}
