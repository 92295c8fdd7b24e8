import ArgumentParser
import CareEpisode
import Foundation

/// Events read and written in canonical form per second, beside Foundation's reader of JSON.
struct Parse: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Events read per second, beside Foundation's JSONSerialization.",
        discussion: """
            Reads simulated import lines and writes each event in its canonical form, on one \
            thread and without a database. In turns, JSONSerialization reads the same lines.
            """
    )

    @Option(help: "How many events are read in a round.")
    var events = 100_000

    @Option(help: "How many rounds.")
    var rounds = 5

    func validate() throws {
        guard events > 0, rounds > 0 else {
            throw ValidationError("events and rounds must be at least 1")
        }
    }

    func run() throws {
        let lines = SimulatedImport.lines(events)
        let data = lines.map { Data($0) }
        var (ratios, table): ([Double], [[String]]) = ([], [])
        for round in 1...rounds {
            let ours = try ContinuousClock().measure {
                for line in lines {
                    let draft = try EventParser.parseLine(line).draft
                    precondition(!draft.payload().isEmpty)
                }
            }
            let foundation = try ContinuousClock().measure {
                for line in data { _ = try JSONSerialization.jsonObject(with: line) }
            }
            ratios.append(foundation / ours)
            table.append([
                String(round), grouped(Double(events) / ours.seconds),
                grouped(Double(events) / foundation.seconds),
                decimal(ratios[round - 1], places: 2), Machine.load,
            ])
        }
        table.append(["median", "", "", decimal(ratios.median, places: 2), ""])
        sayTable(["round", "events/s", "JSONSerialization/s", "ratio", "load"], table)
    }
}
