import CareEpisode
import Testing

@testable import Simulator

@Suite("Medication")
struct MedicationTests {
    /// The changes of each episode in the order they were decided in, mistakes put right.
    func changes() throws -> [[MedicationAdjusted]] {
        try SimulatedLines.shared.get().byEpisode.values.map { lines in
            var replacements: [EventID: MedicationAdjusted] = [:]
            for line in lines {
                guard case .entryCorrected(let correction) = line.draft.data,
                    let right = try? correction.replacement.decode(as: .medicationAdjusted),
                    case .medicationAdjusted(let adjusted) = right
                else { continue }
                replacements[correction.targetEventID] = adjusted
            }
            return lines.compactMap { line in
                guard case .medicationAdjusted(let adjusted) = line.draft.data else { return nil }
                return replacements[line.draft.eventID] ?? adjusted
            }
        }
    }

    @Test("Simulated medication changes in every way there is, most of all in dose")
    func kinds() throws {
        let kinds = try changes().joined().map(\.change)
        func share(_ changes: MedicationChange...) -> Double {
            Double(kinds.count { changes.contains($0) }) / Double(kinds.count)
        }
        #expect(Set(kinds) == Set(MedicationChange.allCases))
        #expect((0.22...0.38).contains(share(.increase, .decrease)))
        #expect((0.17...0.30).contains(share(.start)))
        #expect((0.01...0.06).contains(share(.changeFrequency)))
        #expect((0.003...0.03).contains(share(.changeRoute)))
        #expect((0.02...0.07).contains(share(.switch)))
        #expect(share(.resume) < share(.hold))
    }

    @Test("Simulated medication has a name and code of the formulary, and one of its doses")
    func formulary() throws {
        let drugs = Dictionary(grouping: Formulary.all, by: \.rxcui).compactMapValues(\.first)
        for change in try changes().joined() {
            let drug = try #require(change.medication.rxcui.flatMap { drugs[$0] })
            #expect(change.medication.name == drug.name)
            if let dose = change.regimen?.dose { #expect(drug.doses.contains(dose)) }
        }
    }

    @Test("Simulated medication is titrated: raised to the next dose, lowered to the one before")
    func titration() throws {
        for (number, changes) in try changes().enumerated() {
            var regimens: [String: Regimen] = [:]
            for change in changes {
                let code = try #require(change.medication.rxcui)
                let doses = Formulary.all.first { $0.rxcui == code }?.doses ?? []
                let before = regimens[code]
                if let regimen = change.regimen {
                    let step: Int? =
                        switch change.change {
                        case .increase: 1
                        case .decrease: -1
                        case .changeFrequency: 0
                        default: nil
                        }
                    if let step, let old = before?.dose, let new = regimen.dose {
                        let index = doses.firstIndex(of: old).map { $0 + step }
                        #expect(index == doses.firstIndex(of: new), "episode \(number)")
                    }
                    if change.change == .changeFrequency, let before {
                        #expect(regimen.frequency != before.frequency)
                        #expect(regimen.route == before.route)
                    }
                    regimens[code] = regimen
                }
            }
        }
    }

    @Test(
        "Simulated medication changes its route from mouth to a long-acting injection of the same substance"
    )
    func routes() throws {
        let changed = try changes().joined().filter { $0.change == .changeRoute }
        #expect(!changed.isEmpty)
        for change in changed {
            let old = try #require(change.replaces?.rxcui)
            let drug = try #require(Formulary.all.first { $0.rxcui == old })
            #expect(Formulary.injection(insteadOf: drug)?.rxcui == change.medication.rxcui)
            #expect(change.regimen?.route != drug.route)
            #expect(change.regimen?.frequency == "every 4 weeks")
        }
    }

    @Test("Simulated medication never is naltrexone and buprenorphine at once")
    func antagonists() throws {
        func substance(_ medication: Medication) -> Int? {
            if medication.name.contains("naltrexone") { return 1 }
            return medication.name.contains("buprenorphine") ? 2 : nil
        }
        for lines in try SimulatedLines.shared.get().byEpisode.values {
            var taken: [String: Int] = [:]
            for line in lines {
                switch line.draft.data {
                case .admitted(let admission):
                    for arrival in admission.medications ?? [] {
                        taken[arrival.medication.name] = substance(arrival.medication)
                    }
                case .medicationAdjusted(let change):
                    if let replaced = change.replaces { taken[replaced.name] = nil }
                    taken[change.medication.name] =
                        change.change == .stop ? nil : substance(change.medication)
                default: continue
                }
                #expect(Set(taken.values).count < 2)
            }
        }
    }
}
