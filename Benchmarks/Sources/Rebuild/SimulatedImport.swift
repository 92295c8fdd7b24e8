import CareEpisode
import DequeModule
import Ledger
import Simulator

/// Fills a ledger with simulated episodes, the way `import` does.
enum SimulatedImport {
    /// How many lines are under way at most.
    private static let window = 4_096

    private struct Enough: Error {}

    /// The first lines of a simulation that has about as many, or a few fewer than wanted.
    static func lines(_ count: Int) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        lines.reserveCapacity(count)
        // A simulated episode has some 55 events, fewer where the simulation ends before it does.
        try? Simulation(episodes: count / 40 + 50, seed: 1).lines { line in
            guard lines.count < count else { throw Enough() }
            lines.append(line)
        }
        precondition(lines.count == count, "the simulation has too few events")
        return lines
    }

    /// Appends lines in their order.
    static func run(_ lines: [[UInt8]], _ bench: Bench) async throws {
        try await Sequencer.with(bench.database, ledger: bench.ledger) { sequencer in
            var underWay: Deque<AppendTicket> = []
            for (number, line) in lines.enumerated() {
                if underWay.count >= window { try await takeFirst(&underWay) }
                let (episode, draft) = try EventParser.parseLine(line)
                underWay.append(
                    try sequencer.submit(
                        AppendRequest(
                            episodeID: episode,
                            events: [draft],
                            recordedBy: "service:benchmark"
                        )
                    )
                )
                if (number + 1).isMultiple(of: 100_000) {
                    note("imported \(grouped(Double(number + 1))) events")
                }
            }
            while !underWay.isEmpty { try await takeFirst(&underWay) }
        }
    }

    private static func takeFirst(_ underWay: inout Deque<AppendTicket>) async throws {
        guard let outcome = try await underWay.popFirst()?.outcome() else { return }
        guard case .appended = outcome else { throw NotAppended(outcome: "\(outcome)") }
    }
}
