import CareEpisode
import Testing

@testable import Simulator

@Suite("Assumptions")
struct AssumptionsTests {
    static let calendar = AdmissionCalendar(episodes: 6000, until: Simulation.defaultEnd)

    func plans(_ assumptions: SimulationAssumptions) -> [EpisodePlan] {
        (0..<6000).map { number in
            EpisodePlan(
                number: number,
                seed: 23,
                admission: Self.calendar.day(ofEpisode: number),
                calendar: Self.calendar,
                assumptions: assumptions
            )
        }
    }

    @Test("An assumption that is not made is the standard one")
    func standard() {
        let implied = Simulation(episodes: 20, seed: 1)
        let stated = Simulation(
            episodes: 20,
            seed: 1,
            assumptions: SimulationAssumptions(
                medianDays: 39,
                earlyDropOutsPerMille: 300,
                lateEntriesPerMille: 30,
                correctionsPerMille: 13,
                retractionsPerMille: 6
            )
        )
        #expect(Fingerprint(of: implied).value == Fingerprint(of: stated).value)
    }

    @Test("An assumption sets the median length of stay", arguments: [14, 28, 39, 56, 84, 112])
    func median(days: Int) {
        let plans = plans(SimulationAssumptions(medianDays: days))
        let stays = plans.map { $0.end - $0.phases[0].first }.sorted()
        let median = stays[stays.count / 2]
        #expect(abs(median - days) <= 1 + days / 20, "\(median)")
    }

    /// The end moves to a day on which the clinic is open, so that a few of the sixteenth day count
    /// as early.
    @Test(
        "An assumption sets how many drop out early, and not how many drop out",
        arguments: [0, 150, 300, 1000]
    )
    func early(perMille: Int) {
        let plans = plans(SimulationAssumptions(earlyDropOutsPerMille: perMille))
        // The medication clinic keeps everybody for weeks.
        let droppedOut = plans.filter {
            $0.ending == .discharged(.droppedOut)
                && $0.phases[0].program.name != Program.medicationClinic.name
        }
        let early = droppedOut.count { $0.end - $0.phases[0].first <= 13 }
        let found = 1000 * early / droppedOut.count
        #expect(abs(found - perMille) <= 50, "\(found)")
        #expect(plans.map(\.ending) == self.plans(.standard).map(\.ending))
    }

    @Test("An assumption of early drop-outs holds whatever the median is", arguments: [28, 112])
    func earlyAndMedian(days: Int) {
        let plans = plans(SimulationAssumptions(medianDays: days))
        let droppedOut = plans.filter { $0.ending == .discharged(.droppedOut) }
        let early = droppedOut.count { $0.end - $0.phases[0].first <= 13 }
        #expect((250...450).contains(1000 * early / droppedOut.count))
    }

    /// Late, corrected and retracted events in thousandths of all.
    func dirt(_ assumptions: SimulationAssumptions) throws -> [Int] {
        let simulated = try SimulatedLines(episodes: 120, seed: 9, assumptions: assumptions)
        return [
            simulated.late, simulated.count { $0.type == .entryCorrected },
            simulated.count { $0.type == .entryRetracted },
        ].map { 1000 * $0 / simulated.lines.count }
    }

    @Test("An assumption of late entries, corrections or retractions may be that there are none")
    func none() throws {
        let simulated = try SimulatedLines(
            episodes: 120,
            seed: 9,
            assumptions: SimulationAssumptions(
                lateEntriesPerMille: 0,
                correctionsPerMille: 0,
                retractionsPerMille: 0
            )
        )
        #expect(simulated.lines.count > 4000)
        #expect(simulated.late == 0)
        #expect(simulated.count { $0.type.isAmendment } == 0)
    }

    @Test("An assumption of late entries, corrections or retractions sets their rate")
    func rates() throws {
        let late = try dirt(SimulationAssumptions(lateEntriesPerMille: 150))
        let corrected = try dirt(SimulationAssumptions(correctionsPerMille: 60))
        let retracted = try dirt(SimulationAssumptions(retractionsPerMille: 30))
        #expect((120...180).contains(late[0]), "\(late)")
        #expect((45...75).contains(corrected[1]), "\(corrected)")
        #expect((20...40).contains(retracted[2]), "\(retracted)")
        #expect(late[1] < 20 && late[2] < 10, "\(late)")
    }

    static let extremes = [
        SimulationAssumptions(medianDays: 14, earlyDropOutsPerMille: 1000),
        SimulationAssumptions(medianDays: 112, earlyDropOutsPerMille: 0),
        SimulationAssumptions(
            lateEntriesPerMille: 200,
            correctionsPerMille: 100,
            retractionsPerMille: 50
        ),
    ]

    @Test(
        "An assumption at the limit of its range makes no event that the life cycle refuses",
        arguments: extremes
    )
    func lifeCycle(assumptions: SimulationAssumptions) throws {
        var states: [EpisodeID: EpisodeState] = [:]
        for line in try SimulatedLines(episodes: 120, seed: 31, assumptions: assumptions).lines {
            let errors = states[line.episodeID, default: EpisodeState()].decide(line.draft)
            if !errors.isEmpty { Issue.record("\(errors), event \(line.draft.eventID)") }
            states[line.episodeID, default: EpisodeState()].apply(line.draft)
        }
        #expect(states.count == 120)
    }

    @Test(
        "An assumption at the limit of its range keeps two episodes of a client apart, or in the medication clinic together",
        arguments: extremes
    )
    func clients(assumptions: SimulationAssumptions) {
        let again = Dictionary(grouping: plans(assumptions), by: \.clientID).values
            .filter { $0.count > 1 }
        #expect(again.count > 50)
        for plans in again {
            #expect(plans.count == 2)
            let second = plans[1].phases[0].first
            if plans[1].isInClinicBesides {
                #expect(plans[0].phases[0].program.name == Program.medicationClinic.name)
                #expect(plans[0].phases[0].first < second && second < plans[0].end)
            } else {
                #expect(plans[0].end + 40 < second)
            }
        }
    }
}
