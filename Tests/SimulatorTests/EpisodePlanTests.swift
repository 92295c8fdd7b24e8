import CareEpisode
import Testing

@testable import Simulator

@Suite("Episode plans")
struct EpisodePlanTests {
    let calendar = AdmissionCalendar(episodes: 6000, until: Simulation.defaultEnd)
    let plans: [EpisodePlan]

    init() {
        let calendar = calendar
        plans = (0..<6000).map { number in
            EpisodePlan(
                number: number,
                seed: 17,
                admission: calendar.day(ofEpisode: number),
                calendar: calendar
            )
        }
    }

    @Test("The plans of many episodes last a median of four to eight weeks, whoever drops out less")
    func lengths() {
        func median(_ plans: [EpisodePlan]) -> Int {
            plans.map { $0.end - $0.phases[0].first }.sorted()[plans.count / 2]
        }
        #expect((28...56).contains(median(plans)))
        let completed = plans.filter { $0.ending == .completed }
        let droppedOut = plans.filter { $0.ending == .discharged(.droppedOut) }
        #expect(median(droppedOut) < 28)
        #expect(median(completed) > 42)
    }

    @Test("The plans of many episodes keep the census of each program steady")
    func census() throws {
        for program in Program.admitting.map(\.0.name) {
            let sizes = stride(from: 200, to: calendar.days, by: 150).map { days in
                let day = calendar.first + days
                return plans.count {
                    $0.phases[0].first <= day && day < $0.end
                        && $0.phase(on: day).program.name == program
                }
            }
            let (least, most) = (try #require(sizes.min()), try #require(sizes.max()))
            #expect(least >= 3, "\(program) \(sizes)")
            #expect(most <= 45, "\(program) \(sizes)")
        }
    }

    @Test(
        "The plans of many episodes overlap where one client has two only in the medication clinic"
    )
    func clients() {
        let again = Dictionary(grouping: plans, by: \.clientID).values.filter { $0.count > 1 }
        #expect(again.count > 150)
        for plans in again {
            // Who comes back after a discharge stays a month at most.
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

    @Test(
        "The plans of many episodes begin phases in order, each step in its direction, all before the end"
    )
    func phases() {
        for plan in plans {
            for (before, after) in zip(plan.phases, plan.phases.dropFirst()) {
                let isRight =
                    switch after.beginning {
                    case .admission: false
                    case .stepDown: after.program.level < before.program.level
                    case .stepUp: after.program.level > before.program.level
                    case .programChange: after.program.level == before.program.level
                    }
                if !isRight || after.first <= before.first || after.first >= plan.end {
                    Issue.record("phases of plan \(plan.number)")
                }
            }
            let intensive = plan.phases.filter { $0.program.level == .intensiveOutpatient }
            if !intensive.allSatisfy({ (9...15).contains($0.hoursPerWeek) }) {
                Issue.record("hours of plan \(plan.number)")
            }
        }
    }
}
