import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

/// Events folded per second when the census is rebuilt.
struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Events per second of a rebuild of the census.",
        discussion: """
            Imports simulated episodes, then rebuilds the census several times. The time is that \
            of reading every event, folding and writing the rows with their keys and indexes, \
            without the comparison with the live rows and the switch.
            """
    )

    @Option(help: "How many events are imported.")
    var events = 500_000

    @Option(help: "How often the census is rebuilt.")
    var rounds = 3

    @Option(help: "How many ranges of episodes are folded at once.")
    var parallelism = Machine.cores

    @OptionGroup var options: Bench.Options

    func validate() throws {
        guard events > 0, rounds > 0, parallelism > 0 else {
            throw ValidationError("events, rounds and parallelism must be at least 1")
        }
    }

    func run() async throws {
        let (events, rounds, parallelism) = (events, rounds, parallelism)
        try await Bench.run(options) { bench in
            let lines = SimulatedImport.lines(events)
            let importing = try await ContinuousClock().measure {
                try await SimulatedImport.run(lines, bench)
            }
            let rate = Double(events) / importing.seconds
            let seconds = decimal(importing.seconds, places: 1)
            say("import      \(grouped(rate)) events/s, \(seconds) s")
            try await Self.settle(bench)
            say("")
            var rates: [Double] = []
            var table: [[String]] = []
            for round in 1...rounds {
                let (report, total) = try await Self.rebuild(bench, parallelism: parallelism)
                rates.append(Double(report.events) / report.foldTime.seconds)
                table.append([
                    String(round), grouped(Double(report.events)),
                    grouped(Double(report.episodes)),
                    decimal(report.foldTime.seconds, places: 2), grouped(rates[round - 1]),
                    decimal(total.seconds, places: 2), Machine.load,
                ])
            }
            table.append(["median", "", "", "", grouped(rates.median), "", ""])
            sayTable(
                ["round", "events", "episodes", "fold s", "events/s", "with switch s", "load"],
                table
            )
        }
    }

    private static func rebuild(
        _ bench: Bench,
        parallelism: Int
    ) async throws -> (ProjectionRebuild<CensusProjection>.Report, Duration) {
        let rebuild = ProjectionRebuild(
            try CensusProjection(bench.ledger),
            bench.database,
            ledger: bench.ledger,
            holder: "benchmark"
        )
        let began = ContinuousClock.now
        let report = try await rebuild.run(parallelism: parallelism)
        return (report, began.duration(to: .now))
    }

    /// Leaves the table as autovacuum leaves one that has rested for a while.
    private static func settle(_ bench: Bench) async throws {
        try await bench.execute("vacuum (analyze) event")
        try await bench.execute("checkpoint")
    }
}
