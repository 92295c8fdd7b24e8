import ArgumentParser
import CareEpisode
import Foundation
import Ledger
import Postgres
import Subprocess

/// Events verified per second: the live ledger, exports, and by the independent verifier.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Events verified per second: live, exported, and by the verifier in Python.",
        discussion: """
            Imports simulated episodes and seals them, then verifies the ledger in its database, \
            an export of its entries, an export with headers and payloads, and both exports with \
            Tests/Independent/verify_export.py. Each verifier is one thread; of the live ledger \
            PostgreSQL's own processor time is apart. Run from the root of the repository.
            """
    )

    @Option(help: "How many events are imported.")
    var events = 1_000_000

    @OptionGroup var options: Bench.Options

    func run() async throws {
        let events = events
        try await Bench.run(options) { bench in
            let lines = SimulatedImport.lines(events)
            try await SimulatedImport.run(lines, bench)
            try await bench.execute("vacuum (analyze) event")
            let sealing = try await ContinuousClock().measure { try await bench.seal() }
            var table: [[String]] = []
            func add(_ name: String, _ seconds: Double) {
                let rate = grouped(Double(events) / seconds)
                note("\(name): \(rate) events/s")
                table.append([name, decimal(seconds, places: 2), rate, Machine.load])
            }
            add("seal, in steps of 4,096", sealing.seconds)
            let live = try await LedgerVerification(
                bench.database,
                ledger: bench.ledger,
                log: bench.place.log
            ).run()
            precondition(live.isClean && live.events == Int64(events))
            add("verify, live", live.duration.seconds)
            for includesEvents in [false, true] {
                let name = includesEvents ? "with events" : "entries"
                let folder = "\(bench.folder)/export-\(includesEvents)"
                let export = LogExport(
                    bench.database,
                    ledger: bench.ledger,
                    to: folder,
                    includesEvents: includesEvents
                )
                guard
                    let newest = try await PublishedCheckpoint.newest(bench.database, bench.ledger)
                else { return }
                let writing = try await ContinuousClock().measure {
                    _ = try await export.run(newest.signed)
                }
                add("export, \(name)", writing.seconds)
                let report = try await ExportVerification(folder).run()
                precondition(report.isClean && report.events == Int64(events))
                add("verify export, \(name)", report.duration.seconds)
                let python = try await ContinuousClock().measure {
                    let result = try await Subprocess.run(
                        .name("python3"),
                        arguments: ["Tests/Independent/verify_export.py", folder],
                        output: .string(limit: 65_536)
                    )
                    precondition(result.terminationStatus.isSuccess, result.standardOutput)
                }
                add("Python, export, \(name)", python.seconds)
            }
            say("")
            sayTable(["\(grouped(Double(events))) events", "s", "events/s", "load"], table)
        }
    }
}
