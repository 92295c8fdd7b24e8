import CareEpisode
import Testing

@testable import Projections

@Suite("Flags of medications")
struct MedicationFlagTests {
    private func story(_ body: (inout Story) -> Void) throws -> Story {
        var story = try Story()
        story.admit("03-01")
        body(&story)
        return story
    }

    @Test("Late is more than 24 hours after the original's own time, whatever corrections say")
    func late() throws {
        let told = try story {
            $0.adjust(.start, medication("a"), mg(1), "03-02", known: "03-03")
            let late = $0.adjust(.start, medication("b"), mg(1), "03-02", known: "03-03 00:01")
            let moved = $0.adjust(.start, medication("c"), mg(1), "03-20")
            for (target, name) in [(late, "b"), (moved, "c")] {
                $0.correct(
                    target,
                    to: .medicationAdjusted(
                        MedicationAdjusted(
                            medication: medication(name),
                            change: .start,
                            prescriber: "p-1",
                            regimen: mg(1)
                        )
                    ),
                    at: name == "b" ? "03-04" : "03-10"
                )
            }
        }.medications().flags.told
        #expect(told == ["late_entry 3"])
    }

    @Test("An admission is late only where it says what the client takes")
    func lateAdmission() throws {
        var with = try Story()
        with.admit(taking: [medication("a"), medication("b")], "03-01", known: "03-05")
        #expect(try with.medications().flags.told == ["late_entry 1"])
        var without = try Story()
        without.admit(taking: [], "03-01", known: "03-05")
        #expect(try without.medications().flags.isEmpty)
    }

    @Test("Decrease, switch, hold and stop need a reason; other changes do not")
    func reasons() throws {
        let a = medication("a", order: "o-1")
        let told = try story {
            $0.adjust(.start, a, mg(4), reason: nil, "03-02")
            $0.adjust(.increase, a, mg(8), reason: nil, "03-03")
            $0.adjust(.decrease, a, mg(4), reason: nil, "03-04")
            $0.adjust(.switch, a, mg(4), replaces: a, reason: nil, "03-05")
            $0.adjust(.hold, a, reason: nil, "03-06")
            $0.adjust(.resume, a, reason: nil, "03-07")
            $0.adjust(.unchanged, a, reason: nil, "03-08")
            $0.adjust(.stop, a, reason: nil, "03-09")
        }.medications().flags.told
        #expect(told == ["no_reason 4", "no_reason 5", "no_reason 6", "no_reason 9"])
    }

    @Test("A start needs dose, route and frequency, and every dose a unit")
    func incomplete() throws {
        let told = try story {
            $0.adjust(.start, medication("a"), "03-02")
            $0.adjust(.start, medication("b"), Regimen(dose: 1, route: "oral"), "03-03")
            $0.adjust(
                .start,
                medication("c"),
                Regimen(dose: 1, route: "oral", frequency: "daily"),
                "03-04"
            )
            $0.adjust(.increase, medication("c"), Regimen(dose: 2), "03-05")
        }.medications().flags.told
        #expect(told == [2, 3, 4, 5].map { "incomplete_regimen \($0)" })
    }

    @Test("An increase whose daily dose falls, and the reverse")
    func direction() throws {
        let a = medication("a", order: "o-1")
        let told = try story {
            $0.adjust(.start, a, mg(10, times: 2), "03-02")
            $0.adjust(.increase, a, mg(15), "03-03")
            $0.adjust(.decrease, a, mg(10, times: 3), "03-04")
            $0.adjust(.increase, a, mg(30), "03-05")
            $0.adjust(.increase, a, Regimen(dose: 1, unit: "g"), "03-06")
            $0.adjust(.increase, a, Regimen(dose: 900, unit: "MG"), "03-07")
        }.medications().flags.told
        #expect(
            told == ["direction_mismatch 3", "direction_mismatch 4", "direction_mismatch 7"]
        )
    }

    @Test("Two active lineages connected by concept or name are one flag")
    func duplicates() throws {
        let story = try story {
            $0.adjust(.start, medication("Zoloft", order: "o-1", rxcui: "36437"), mg(1), "03-02")
            $0.adjust(.start, medication("x", order: "o-2", rxcui: "36437"), mg(1), "03-03")
            $0.adjust(.start, medication("X ", order: "o-3"), mg(1), "03-04")
            $0.adjust(.start, medication("y", order: "o-4"), mg(1), "03-05")
            $0.adjust(.hold, medication("Zoloft", order: "o-1"), "03-10")
        }
        #expect(try story.review(at: "03-05").flags.told == ["duplicate_active 2 3 4"])
        #expect(try story.review(at: "03-10").flags.told == ["duplicate_active 3 4"])
        #expect(try story.review(at: "03-02").flags.isEmpty)
    }

    @Test("Not reviewed is more than the limit since the last event of any kind, open or held")
    func notReviewed() throws {
        let story = try story {
            $0.adjust(.start, medication("a", order: "o-1"), mg(1), "03-02")
            $0.adjust(.start, medication("b", order: "o-2"), mg(1), "03-02")
            $0.adjust(.hold, medication("b", order: "o-2"), "03-03")
            $0.adjust(.unchanged, medication("a", order: "o-1"), "03-10")
        }
        #expect(try story.review(at: "03-17").flags.isEmpty)
        #expect(try story.review(at: "03-17 00:01").flags.told == ["not_reviewed 4"])
        #expect(
            try story.review(at: "03-24 00:01").flags.told == ["not_reviewed 5", "not_reviewed 4"]
        )
        let strict = MedicationReview.Settings(notReviewedDays: 3)
        #expect(
            try story.review(at: "03-07", strict).flags.told == [
                "not_reviewed 2", "not_reviewed 4",
            ]
        )
        var ended = story
        ended.complete("03-20")
        #expect(try ended.review(at: "04-20").flags.isEmpty)
    }

    @Test("An opioid and a benzodiazepine at once; of MOUD the text says to monitor")
    func opioidAndBenzodiazepine() throws {
        let story = try story {
            $0.adjust(.start, medication("LORazepam"), mg(1), "03-02")
            $0.adjust(.start, medication("Oxycodone-Acetaminophen"), mg(5), "03-03")
            $0.adjust(.stop, medication("Oxycodone-Acetaminophen"), "03-05")
            $0.adjust(.start, medication("Suboxone", rxcui: "1010600"), mg(8), "03-06")
            $0.adjust(
                .start,
                medication("naloxone nasal spray"),
                Regimen(dose: 4, unit: "mg", route: "nasal", frequency: "in an emergency"),
                "03-07"
            )
        }
        let opioid = try #require(try story.review(at: "03-04").flags.first)
        #expect([opioid].told == ["opioid_and_benzodiazepine 2 3"])
        #expect(!opioid.text.contains("monitor"))
        #expect(try story.review(at: "03-05").flags.isEmpty)
        let moud = try #require(try story.review(at: "03-07").flags.first)
        #expect([moud].told == ["opioid_and_benzodiazepine 2 5"])
        #expect(moud.text.contains("monitor; not a reason to withhold"))
    }

    @Test("Naltrexone and naloxone are no opioids")
    func antagonists() throws {
        let story = try story {
            $0.adjust(.start, medication("lorazepam"), mg(1), "03-02")
            $0.adjust(.start, medication("naltrexone 50 mg"), mg(50), "03-03")
            $0.adjust(.start, medication("Vivitrol", rxcui: "637213"), mg(380), "03-04")
            $0.adjust(.start, medication("naloxone"), mg(4), "03-05")
        }
        #expect(
            try story.review(at: "03-06").flags.only(.opioidAndBenzodiazepine).isEmpty
        )
    }

    @Test("Two antipsychotics are two ingredients, not two orders of one")
    func antipsychotics() throws {
        let story = try story {
            $0.adjust(.start, medication("quetiapine 25 mg", order: "o-1"), mg(25), "03-02")
            $0.adjust(.start, medication("QUEtiapine fumarate", order: "o-2"), mg(50), "03-03")
            $0.adjust(.start, medication("fluoxetine", order: "o-3"), mg(20), "03-03")
            $0.adjust(.start, medication("haloperidol decanoate", order: "o-4"), mg(50), "03-04")
        }
        #expect(try story.review(at: "03-03").flags.told == ["same_ingredient 2 3"])
        #expect(
            try story.review(at: "03-04").flags.told == [
                "same_ingredient 2 3", "two_antipsychotics 2 3 5",
            ]
        )
    }

    @Test("Every kind of flag has its place in the order of seriousness")
    func seriousness() {
        typealias Flag = MedicationFlag.Flag
        #expect(Set(Flag.bySeriousness) == Set(Flag.allCases))
        #expect(Flag.bySeriousness.map(\.seriousness) == Array(0..<Flag.allCases.count))
        let steps: [[Flag]] = [
            [.allergyRecorded, .opioidAndBenzodiazepine, .twoAntipsychotics],
            [.duplicateActive, .stoppedStillListed],
            [.unmatchedChange, .afterEnd, .directionMismatch, .changedAfterStop],
            [.incompleteRegimen, .noReason, .lateEntry], [.sameIngredient], [.notReviewed],
        ]
        for (more, less) in zip(steps, steps.dropFirst()) {
            let last = more.map(\.seriousness).max()
            #expect(last.map { $0 < less[0].seriousness } == true, "\(more) before \(less)")
        }
    }
}
