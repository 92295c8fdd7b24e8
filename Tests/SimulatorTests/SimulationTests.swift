import CareEpisode
import Simulator
import Testing

@Suite("Simulation")
struct SimulationTests {
    @Test("A simulation writes the same bytes for the same arguments")
    func repeats() {
        let simulation = Simulation(episodes: 40, seed: 7)
        #expect(Fingerprint(of: simulation).value == Fingerprint(of: simulation).value)
    }

    @Test("A simulation writes other bytes for another seed, number or end")
    func differs() throws {
        let end = try #require(CalendarDate(iso8601: "2025-12-31"))
        let fingerprints = [
            Simulation(episodes: 40, seed: 7), Simulation(episodes: 40, seed: 8),
            Simulation(episodes: 41, seed: 7), Simulation(episodes: 40, seed: 7, until: end),
        ].map { Fingerprint(of: $0).value }
        #expect(Set(fingerprints).count == 4)
    }

    /// Whoever changes what is simulated changes this number with it, knowingly: files made from the
    /// same arguments by older versions differ from then on.
    @Test("A simulation of seed 1 has the bytes it has always had")
    func golden() {
        #expect(
            Fingerprint(of: Simulation(episodes: 100, seed: 1)).value == 2_214_307_101_447_651_325
        )
    }

    @Test("A simulation of nobody has no lines")
    func empty() {
        for episodes in [0, -1] {
            Simulation(episodes: episodes, seed: 1).lines { _ in Issue.record("a line") }
        }
    }

    @Test("A simulation of one episode begins with its admission")
    func single() throws {
        let lines = try SimulatedLines(episodes: 1, seed: 3).lines
        #expect(lines.first?.draft.type == .admitted)
        #expect(Set(lines.map(\.episodeID)).count == 1)
    }

    @Test("A simulation stops when its reader does")
    func stops() {
        struct Enough: Error {}
        var count = 0
        #expect(throws: Enough.self) {
            try Simulation(episodes: 10, seed: 1).lines { _ in
                count += 1
                if count == 5 { throw Enough() }
            }
        }
        #expect(count == 5)
    }

    @Test("A simulation writes canonical import lines")
    func canonical() throws {
        let other = try SimulatedLines.shared.get().lines.first {
            $0.draft.importLine(episodeID: $0.episodeID) != $0.bytes
        }
        #expect(other == nil)
    }

    @Test("A simulation has no event that the life cycle refuses")
    func lifeCycle() throws {
        var states: [EpisodeID: EpisodeState] = [:]
        for line in try SimulatedLines.shared.get().lines {
            let errors = states[line.episodeID, default: EpisodeState()].decide(line.draft)
            if !errors.isEmpty { Issue.record("\(errors), event \(line.draft.eventID)") }
            states[line.episodeID, default: EpisodeState()].apply(line.draft)
        }
        #expect(states.count == 600)
    }

    @Test("A simulation is ordered by knowledge time")
    func ordered() throws {
        let times = try SimulatedLines.shared.get().lines.map(\.knownAt)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test(
        "A simulation records nothing on its last date or after it",
        arguments: ["2026-01-01", "2025-12-25", "2025-03-10", "2024-07-06", "2024-02-29"]
    )
    func end(date: String) throws {
        let until = try #require(CalendarDate(iso8601: date))
        let end = try LocalCalendar(timeZone: "UTC").startOfDay(until)
        let lines = try SimulatedLines(episodes: 30, seed: 5, until: until).lines
        #expect(lines.allSatisfy { $0.knownAt < end })
        #expect(lines.count { $0.draft.type == .admitted } == 30)
        #expect(lines.contains { end < $0.knownAt.advanced(bySeconds: 5 * 86_400) })
    }

    @Test("A simulation knows nothing before it happened, save what is planned")
    func knowledge() throws {
        for line in try SimulatedLines.shared.get().lines where line.knownAt < line.draft.occurredAt
        {
            switch line.draft.data {
            case .medicationAdjusted(let adjusted):
                // Starts for one of the next mornings, and what is planned at the end.
                #expect([.start, .decrease, .stop, .changeRoute].contains(adjusted.change))
                let days: Int64 = adjusted.change == .start ? 8 : 40
                #expect(line.draft.occurredAt < line.knownAt.advanced(bySeconds: days * 86_400))
            case .sessionMissed(let missed):
                #expect(missed.reason == .cancelledByProgram)
            default:
                Issue.record("\(line.draft.type) of the future")
            }
        }
    }

    @Test("A simulation admits as many as were asked for, each event under an id of its own")
    func identifiers() throws {
        let simulated = try SimulatedLines.shared.get()
        #expect(simulated.byEpisode.count == 600)
        #expect(simulated.lines.count { $0.draft.type == .admitted } == 600)
        #expect(Set(simulated.lines.map(\.draft.eventID)).count == simulated.lines.count)
        #expect(simulated.lines.allSatisfy { $0.draft.eventID.bits >> 76 & 0xF == 7 })
        #expect(simulated.lines.allSatisfy { $0.draft.eventID.bits >> 62 & 0x3 == 2 })
    }

    @Test("A simulation says in everything that it is not real")
    func marked() throws {
        for line in try SimulatedLines.shared.get().lines {
            if line.draft.author.id != "simulator" { Issue.record("by \(line.draft.author.id)") }
            if case .admitted(let admission) = line.draft.data {
                #expect(admission.clientID.hasPrefix("SIM-"))
                #expect(admission.reason?.contains("not a real person") == true)
            }
        }
    }

    @Test("A simulation of 200 episodes has 8,000 to 12,000 events")
    func size() {
        var count = 0
        Simulation(episodes: 200, seed: 1).lines { _ in count += 1 }
        #expect((8000...12_000).contains(count))
    }
}
