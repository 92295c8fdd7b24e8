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

    @Test("Simulated medication changes in every way there is; most reviews leave it unchanged")
    func kinds() throws {
        let kinds = try changes().joined().map(\.change)
        func share(_ changes: MedicationChange...) -> Double {
            Double(kinds.count { changes.contains($0) }) / Double(kinds.count)
        }
        #expect(Set(kinds) == Set(MedicationChange.allCases))
        #expect((0.40...0.60).contains(share(.unchanged)))
        #expect((0.08...0.18).contains(share(.increase, .decrease)))
        #expect((0.20...0.32).contains(share(.start)))
        #expect((0.005...0.04).contains(share(.changeFrequency)))
        #expect((0.005...0.04).contains(share(.changeRoute)))
        #expect((0.003...0.03).contains(share(.switch)))
        #expect(share(.resume) < share(.hold))
    }

    @Test("Simulated medication is one of the formulary, in one of its strengths and doses")
    func formulary() throws {
        for change in try changes().joined() {
            let drug = try #require(Formulary.drug(of: change.medication), "\(change.medication)")
            if let dose = change.regimen?.dose { #expect(drug.doses.contains(dose)) }
            guard let strength = change.medication.strength else {
                #expect(change.change == .stop)
                continue
            }
            let known = drug.strengths.flatMap { strength in
                [true, false].map {
                    drug.medication(strength: strength.mg, isBrand: $0, order: nil).strength
                }
            }
            #expect(known.contains(strength))
        }
    }

    @Test("Simulated medication is titrated: raised to the next dose, lowered to the one before")
    func titration() throws {
        var titrated = 0
        for (number, changes) in try changes().enumerated() {
            var regimens: [String: Regimen] = [:]
            for change in changes {
                let drug = try #require(Formulary.drug(of: change.medication))
                // Of a split dose both parts are the same medication.
                if drug.split != nil { continue }
                let before = regimens[drug.generic]
                guard let regimen = change.regimen, regimen.frequency != "once",
                    regimen.frequency != "x1", regimen.frequency != "single dose"
                else { continue }
                let step: Int? =
                    switch change.change {
                    case .increase: 1
                    case .decrease: -1
                    case .changeFrequency: 0
                    default: nil
                    }
                if let step, let old = before?.dose, let new = regimen.dose {
                    titrated += 1
                    let index = drug.doses.firstIndex(of: old).map { $0 + step }
                    #expect(index == drug.doses.firstIndex(of: new), "episode \(number)")
                }
                if change.change == .changeFrequency, let before, before.frequency != nil {
                    #expect(regimen.frequency != before.frequency)
                    #expect(regimen.route == before.route || before.route == nil)
                }
                regimens[drug.generic] = regimen
            }
        }
        #expect(titrated > 50)
    }

    @Test("Simulated medication changes its route to a long-acting injection of the same substance")
    func routes() throws {
        let changed = try changes().joined().filter { $0.change == .changeRoute }
        #expect(!changed.isEmpty)
        for change in changed {
            let old = try #require(change.replaces.flatMap(Formulary.drug(of:)))
            let new = try #require(Formulary.drug(of: change.medication))
            #expect(Formulary.injections(insteadOf: old).contains { $0.brand == new.brand })
            #expect(change.regimen?.route != old.route)
            #expect(["weekly", "every 4 weeks"].contains(change.regimen?.frequency))
        }
    }

    @Test(
        "Simulated medication never is naltrexone and buprenorphine at once, in all of a client's episodes"
    )
    func antagonists() throws {
        let lines = try SimulatedLines.shared.get().lines
        var clients: [EpisodeID: String] = [:]
        var taken: [String: [Substring: Drug]] = [:]
        for line in lines {
            switch line.draft.data {
            case .admitted(let admission):
                clients[line.episodeID] = admission.clientID
                for drug in (admission.medications ?? []).compactMap({
                    Formulary.drug(of: $0.medication)
                }) {
                    taken[admission.clientID, default: [:]][drug.ingredient] = drug
                }
            case .medicationAdjusted(let change):
                let client = try #require(clients[line.episodeID])
                let drug = try #require(Formulary.drug(of: change.medication))
                if let old = change.replaces.flatMap(Formulary.drug(of:)) {
                    taken[client]?[old.ingredient] = nil
                }
                taken[client, default: [:]][drug.ingredient] = change.change == .stop ? nil : drug
            case .completed, .discharged:
                // A second episode comes months later, or is with another prescriber.
                continue
            default: continue
            }
            for drugs in taken.values {
                let meet =
                    drugs.values.contains(where: \.isOpioid)
                    && drugs.values.contains(where: \.isAntagonist)
                if meet { Issue.record("event \(line.draft.eventID)") }
            }
        }
    }
}
