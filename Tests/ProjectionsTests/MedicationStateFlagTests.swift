import CareEpisode
import Testing

@testable import Projections

@Suite("Flags of what is taken together")
struct MedicationStateFlagTests {
    private func story(
        allergies: [String]? = nil,
        _ body: (inout Story) -> Void = { _ in }
    ) throws -> Story {
        var story = try Story()
        story.add(
            .admitted(
                Admitted(
                    clientID: "C-1",
                    program: "iop",
                    levelOfCare: .intensiveOutpatient,
                    allergies: allergies
                )
            ),
            "03-01"
        )
        body(&story)
        return story
    }

    private func words(_ dose: Double, _ words: String, times: Double? = 1) -> Regimen {
        Regimen(dose: dose, unit: "mg", route: "oral", frequency: words, timesPerDay: times)
    }

    @Test("One substance, dose and frequency is a duplicate; brand and unit do not matter")
    func duplicates() throws {
        let story = try story {
            $0.adjust(.start, medication("Zoloft"), mg(500), "03-02")
            $0.adjust(
                .start,
                medication("sertraline"),
                Regimen(dose: 0.5, unit: "g", route: "PO", frequency: "qd", timesPerDay: 1),
                "03-02"
            )
        }
        let flags = try story.review(at: "03-03").flags
        #expect(flags.told == ["duplicate_active 2 3"])
        #expect(flags[0].medications == ["Zoloft", "sertraline"])
        #expect(flags[0].lineages.count == 2)
        #expect(flags[0].text.hasSuffix("Zoloft, sertraline."))
    }

    @Test(
        "Strengths, split doses, times of day, as needed: one ingredient, with the total",
        arguments: [
            (words: "in the morning", other: "in the evening", dose: 10.0, total: "20 mg"),
            (words: "daily", other: "daily", dose: 25.0, total: "35 mg"),
        ]
    )
    func ingredients(
        _ given: (words: String, other: String, dose: Double, total: String)
    ) throws {
        let story = try story {
            $0.adjust(.start, medication("buspirone"), words(10, given.words), "03-02")
            $0.adjust(.start, medication("BuSpar"), words(given.dose, given.other), "03-02")
        }
        let flags = try story.review(at: "03-03").flags
        #expect(flags.told == ["same_ingredient 2 3"])
        #expect(flags[0].text.contains("(buspirone: \(given.total) a day in total)"))
    }

    @Test("Two products of one ingredient, and one as needed, have no total")
    func combinations() throws {
        let story = try story {
            $0.adjust(.start, medication("Percocet"), words(5, "daily"), "03-02")
            $0.adjust(.start, medication("Tylenol"), words(500, "daily"), "03-02")
            $0.adjust(.start, medication("hydroxyzine"), words(25, "daily"), "03-02")
            $0.adjust(.start, medication("Vistaril"), mg(25, asNeeded: true), "03-02")
        }
        let flags = try story.review(at: "03-03").flags
        #expect(flags.told == ["same_ingredient 2 3", "same_ingredient 4 5"])
        #expect(flags.allSatisfy { !$0.text.contains("in total") })
        #expect(flags[0].text.contains("(acetaminophen)"))
    }

    @Test("Codes do not tell a duplicate apart at one dose; one product without a dose is one")
    func codes() throws {
        let coded = try story {
            $0.adjust(
                .start,
                medication("lamotrigine", rxcui: "198427"),
                words(1, "daily"),
                "03-02"
            )
            $0.adjust(
                .start,
                medication("lamotrigine", rxcui: "282401"),
                words(1, "daily"),
                "03-02"
            )
        }
        #expect(try coded.review(at: "03-03").flags.told == ["duplicate_active 2 3"])
        let lacking = try story {
            $0.adjust(.start, medication("x"), mg(1), "03-02")
            $0.adjust(.resume, medication("x"), Regimen(route: "oral"), "03-02")
            $0.adjust(.start, medication("X"), Regimen(route: "oral"), "03-02")
        }
        #expect(
            try lacking.review(at: "03-03").flags.only(.duplicateActive).told == [
                "duplicate_active 3 4"
            ]
        )
    }

    @Test("A single dose is no course, and counts for a day in combinations")
    func single() throws {
        let story = try story {
            $0.adjust(.start, medication("lorazepam"), words(1, "daily"), "03-02")
            $0.adjust(.start, medication("Ativan"), words(2, "ONCE", times: nil), "03-02")
            $0.adjust(.start, medication("oxycodone"), words(5, "once", times: nil), "03-02")
        }
        #expect(
            try story.review(at: "03-02 23:59").flags.told == ["opioid_and_benzodiazepine 2 3 4"]
        )
        #expect(try story.review(at: "03-03").flags.isEmpty)
        #expect(try story.review(at: "03-20").flags.told == ["not_reviewed 2"])
    }

    @Test("What is given every 28 days is reviewed when the next one is due")
    func interval() throws {
        let story = try story {
            $0.adjust(
                .start,
                medication("paliperidone"),
                mg(156, times: 0.0357142857142857),
                "03-02"
            )
        }
        #expect(try story.review(at: "03-30").flags.isEmpty)
        #expect(try story.review(at: "03-30 00:01").flags.told == ["not_reviewed 2"])
    }

    @Test("Stopped in one entry, still there in another that nobody has touched since")
    func stillListed() throws {
        let story = try story {
            $0.adjust(.start, medication("Zoloft", order: "o-1"), mg(50), "03-02")
            $0.adjust(.start, medication("sertraline", order: "o-2"), mg(25), "03-03")
            $0.adjust(.start, medication("sertraline"), mg(75), "03-30", known: "03-04")
            $0.adjust(.stop, medication("Zoloft", order: "o-1"), "03-10")
            $0.adjust(.unchanged, medication("sertraline", order: "o-2"), "03-12")
        }
        #expect(
            try story.review(at: "03-11").flags.told == [
                "stopped_still_listed 5 3", "stopped_still_listed 5 4",
            ]
        )
        #expect(try story.review(at: "03-12").flags.told == ["stopped_still_listed 5 4"])
    }

    @Test("An allergy names an ingredient; one that names nothing known is not assessed")
    func allergies() throws {
        let story = try story(allergies: ["Lamictal: rash", "cats"]) {
            $0.adjust(.start, medication("lamotrigine"), mg(25), "03-05", known: "03-02")
        }
        let review = try story.review(at: "03-03")
        #expect(review.flags.told == ["allergy_recorded 2 1"])
        #expect(review.flags[0].text.contains("lamotrigine. Recorded: Lamictal: rash."))
        #expect(review.allergies?.map(\.isAssessed) == [true, false])
        #expect(try self.story(allergies: []).review(at: "03-03").allergies == [])
        #expect(try self.story().review(at: "03-03").allergies == nil)
    }

    @Test("Another open episode of the client counts in combinations, and is named")
    func otherEpisode() throws {
        let methadone = try story(allergies: ["clonazepam"]) {
            $0.adjust(.start, medication("methadone"), mg(60), "03-02")
        }
        let story = try story {
            $0.adjust(.start, medication("clonazepam"), mg(1), "03-03")
        }
        let review = try story.review(at: "03-04", beside: [methadone])
        #expect(
            Set(review.flags.map(\.flag)) == [.opioidAndBenzodiazepine, .allergyRecorded]
        )
        #expect(review.otherOpenEpisodes?.count == 1)
        // None of this episode's own: no flag of it.
        let none = try self.story().review(at: "03-04", beside: [methadone, story])
        #expect(none.flags.isEmpty)
    }

    @Test("What was not known yet on a day stands apart from what was scheduled")
    func hindsight() throws {
        let story = try story {
            $0.adjust(.start, medication("x"), mg(1), "03-02")
            $0.adjust(.stop, medication("x"), "03-10")
            $0.adjust(.start, medication("y"), mg(1), "03-12")
            $0.adjust(.start, medication("z"), mg(1), "03-12", known: "03-04")
        }
        let review = try story.review(at: "03-05")
        #expect(review.scheduled.map(\.interval.medication.name) == ["z"])
        #expect(review.later.map(\.interval.medication.name) == ["y"])
        #expect(review.later[0].interval.knownAt == instant("03-12"))
        #expect(review.active[0].scheduledEnd == nil)
        #expect(review.active[0].laterEnd?.knownAt == instant("03-10"))
    }

    @Test("A review of a time before the end keeps what was ordered for after it")
    func afterTheEnd() throws {
        var story = try story {
            $0.adjust(.start, medication("x"), mg(2), "03-02")
            $0.adjust(.decrease, medication("x"), mg(1), "03-15", known: "03-08")
        }
        story.complete("03-10")
        let before = try story.review(at: "03-09")
        #expect(before.scheduled.count == 1 && before.active[0].scheduledEnd?.change == "decrease")
        let after = try story.review(at: "03-10")
        #expect(after.active.isEmpty && after.scheduled.isEmpty && after.later.isEmpty)
        #expect(after.timeline.map(\.interval.endedBy) == ["episode_end"])
    }
}
