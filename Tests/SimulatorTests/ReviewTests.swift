import CareEpisode
import Testing

@testable import Simulator

@Suite("Reviews of medication")
struct ReviewTests {
    /// The time of the last entry of each medication that is taken or held, as known at an instant.
    func lastEntries(_ lines: [SimulatedLines.Line], at instant: Instant) -> [(Drug, Instant)] {
        var last: [Substring: (Drug, Instant)] = [:]
        for line in lines where line.knownAt <= instant && line.draft.occurredAt <= instant {
            switch line.draft.data {
            case .admitted(let admission):
                for arrival in admission.medications ?? [] {
                    guard let drug = Formulary.drug(of: arrival.medication) else { continue }
                    last[drug.ingredient] = (drug, line.draft.occurredAt)
                }
            case .medicationAdjusted(let change):
                guard let drug = Formulary.drug(of: change.medication) else { continue }
                if let old = change.replaces.flatMap(Formulary.drug(of:)) {
                    last[old.ingredient] = nil
                }
                if change.regimen?.frequency == nil || change.regimen?.timesPerDay != nil {
                    last[drug.ingredient] =
                        change.change == .stop ? nil : (drug, line.draft.occurredAt)
                }
            case .completed, .discharged: last = [:]
            default: continue
            }
        }
        return Array(last.values)
    }

    /// What `medication-review` flags as not reviewed: nothing about it for more than 14 days, of an
    /// injection for more than the days from one to the next.
    @Test(
        "Simulated medication is reviewed: on no day more than a tenth of it was not for two weeks",
        arguments: [1, 2, 3]
    )
    func reviewed(seed: UInt64) throws {
        let simulated = try SimulatedLines(episodes: 200, seed: seed)
        let episodes = simulated.byEpisode.values
        let first = Simulation.defaultEnd.dayNumber - 90
        var shares: [Double] = []
        for number in stride(from: first, to: Simulation.defaultEnd.dayNumber, by: 2) {
            let instant = ClinicDay(number).at(minute: 23 * 60)
            let last = episodes.flatMap { lastEntries($0, at: instant) }
            let stale = last.count { drug, entry in
                let days = drug.frequencies[0].timesPerDay < 0.1 ? 28 : 14
                return entry.advanced(bySeconds: Int64(days) * 86_400) < instant
            }
            shares.append(Double(stale) / Double(last.count))
        }
        #expect(try #require(shares.max()) <= 0.1, "\(shares)")
        #expect(try #require(shares.max()) > 0)
    }
}
