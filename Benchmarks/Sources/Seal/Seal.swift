import ArgumentParser
import CareEpisode
import Foundation
import Ledger
import Postgres

/// How long events wait for their seal, and what sealing costs.
struct Seal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Seal lag at a steady rate, and what sealing costs appends and the disk.",
        discussion: """
            First events arrive at a steady rate while a sealer runs: the lag of an event is the \
            time from its recording to the checkpoint that covers it, both by the database \
            server's clock. Then 64 requests at once append as fast as they can, in turns with a \
            sealer and without one: the ratio is what sealing costs.
            """
    )

    @Option(help: "Events per second of the steady rate.")
    var rate = 2_000

    @Option(help: "How many seconds the steady rate, and each round, lasts.")
    var seconds = 10

    @Option(help: "How often appends are measured with a sealer, and without.")
    var rounds = 3

    @OptionGroup var options: Bench.Options

    func validate() throws {
        guard rate > 0, seconds > 0, rounds > 0 else {
            throw ValidationError("rate, seconds and rounds must be at least 1")
        }
    }

    func run() async throws {
        let (rate, seconds, rounds) = (rate, seconds, rounds)
        try await Bench.run(options) { bench in
            try await Sequencer.with(bench.database, ledger: bench.ledger) { sequencer in
                let attendance = try await Attendance.admit(1_000, with: sequencer)
                _ = try await attendance.run(clients: 8, for: .seconds(1), with: sequencer)
                try await bench.seal()
                say("")
                try await Self.steady(bench, sequencer, attendance, rate, seconds)
                say("")
                try await Self.cost(bench, sequencer, attendance, seconds, rounds)
            }
        }
    }

    // MARK: - Lag

    private static func steady(
        _ bench: Bench,
        _ sequencer: Sequencer,
        _ attendance: Attendance,
        _ rate: Int,
        _ seconds: Int
    ) async throws {
        let before = try await bench.head()
        let size = try await bench.evidenceBytes()
        try await bench.withSealer(sequencer.feed) {
            try await attendance.arrive(rate: rate, for: seconds, with: sequencer)
            try await bench.waitUntilSealed()
        }
        let rows = try await bench.database.reader.query(
            """
            select count(*) as events,
                percentile_disc(0.5) within group (order by lag) as p50,
                percentile_disc(0.99) within group (order by lag) as p99, max(lag) as most
            from (
                select (extract(epoch from (
                    select c.sealed_at from checkpoint c
                    where c.ledger_id = e.ledger_id and c.size >= e.position
                    order by c.size limit 1
                )) * 1000000)::bigint - e.recorded_at as lag
                from event e
                where e.ledger_id = \(bench.ledger.id.rawValue) and e.position > \(before.rawValue)
            ) l
            """
        )
        guard let row = rows.first else { return }
        func milliseconds(_ column: String) throws -> String {
            decimal(Double(try row.get(column, as: Int64.self)) / 1_000, places: 0)
        }
        let events = Double(try row.get("events", as: Int64.self))
        let stored = Double(try await bench.evidenceBytes() - size) / events
        // Nonce, commitment and leaf hash: 32 bytes and a byte of length each.
        let total = stored + 3 * 33
        sayTable(
            [
                "events/s", "seal lag p50 ms", "p99 ms", "max ms", "tiles and checkpoints B/event",
                "with hashes and nonce B/event", "load",
            ],
            [
                [
                    grouped(events / Double(seconds)), try milliseconds("p50"),
                    try milliseconds("p99"), try milliseconds("most"),
                    decimal(stored, places: 1), decimal(total, places: 1), Machine.load,
                ]
            ]
        )
    }

    // MARK: - Cost

    private static func cost(
        _ bench: Bench,
        _ sequencer: Sequencer,
        _ attendance: Attendance,
        _ seconds: Int,
        _ rounds: Int
    ) async throws {
        let processors = ProcessorTime(bench)
        var (with, without): ([Throughput], [Throughput]) = ([], [])
        for round in 1...rounds {
            @Sendable func append() async throws -> Throughput {
                try await processors.measured {
                    try await attendance.run(
                        clients: 64,
                        for: .seconds(seconds),
                        with: sequencer
                    )
                }
            }
            without.append(try await append())
            try await bench.seal()
            with.append(try await bench.withSealer(sequencer.feed) { try await append() })
            try await bench.seal()
            let (bare, sealed) = (without[round - 1], with[round - 1])
            note("round \(round) of \(rounds): without \(bare), with \(sealed)")
        }
        func cells(_ name: String, _ rounds: [Throughput], _ ratio: Double) -> [String] {
            [
                name, grouped(rounds.map(\.perSecond).median),
                decimal(rounds.map(\.p99).median, places: 2),
                decimal(rounds.map(\.processorMicroseconds).median, places: 1),
                decimal(ratio, places: 3),
            ]
        }
        // Of each round's pair, since the machine's speed changes from round to round.
        let ratio = zip(with, without).map { $0.perSecond / $1.perSecond }.median
        sayTable(
            ["sealer", "append/s", "p99 ms", "CPU µs", "ratio"],
            [cells("no", without, 1), cells("yes", with, ratio)]
        )
    }
}

extension Attendance {
    /// Appends at a steady rate, whether or not the ones before have been told their outcome.
    func arrive(rate: Int, for seconds: Int, with sequencer: Sequencer) async throws {
        let began = ContinuousClock.now
        var sent = 0
        var tickets: [AppendTicket] = []
        while sent < rate * seconds {
            let due = min(rate * seconds, Int(began.duration(to: .now).seconds * Double(rate)) + 1)
            while sent < due {
                tickets.append(try submit(with: sequencer))
                sent += 1
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        for ticket in tickets { _ = try await ticket.outcome() }
    }
}

extension Bench {
    var place: SealingPlace {
        SealingPlace(
            keys: SigningKeyFile("\(folder)/sealing/key"),
            log: CheckpointLog("\(folder)/sealing/checkpoints")
        )
    }

    private var sealer: Sealer {
        Sealer(database, ledger: ledger, place: place, holder: "benchmark")
    }

    func head() async throws -> Position {
        try await EventReader(database, ledger: ledger).head().position
    }

    /// Seals up to the head.
    func seal() async throws {
        _ = try await sealer.seal(upTo: head())
    }

    /// Runs a sealer beside a body.
    func withSealer<Result: Sendable>(
        _ feed: LiveFeed,
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        let sealer = sealer
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await sealer.run(feed: feed) { note("\($0)") } }
            let result = try await body()
            sealer.stop()
            try await group.waitForAll()
            return result
        }
    }

    func waitUntilSealed() async throws {
        while try await SealStatus(database, ledger: ledger).unsealed > 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// What tiles and checkpoints take on the disk, indexes included.
    func evidenceBytes() async throws -> Int64 {
        let rows = try await database.reader.query(
            """
            select pg_total_relation_size('tile') + pg_total_relation_size('checkpoint') as bytes
            """
        )
        return try rows.first?.get("bytes") ?? 0
    }
}
