import CareEpisode
import Testing

@testable import Projections

@Suite("The medications of a discharge summary")
struct DischargeSummaryMedicationTests {
    /// Admitted on 03-01 and taking what is named.
    private func story(taking names: [String] = []) throws -> Story {
        var story = try Story()
        story.admit(taking: names.map { medication($0, order: "o-\($0)") }, "03-01")
        return story
    }

    private func medications(_ story: Story) throws -> DischargeSummary.Medications {
        var story = story
        story.complete("04-01")
        return try #require(try story.summary()).medications
    }

    private func names(
        _ outcomes: [DischargeSummary.Element<DischargeSummary.MedicationOutcome>]
    ) -> [String] {
        outcomes.compactMap(\.value?.prescription.medication.name)
    }

    @Test("Every medication has one outcome, or is held or started and stopped in between")
    func outcomes() throws {
        var story = try story(taking: ["a", "b", "c", "d"])
        story.adjust(.increase, medication("b", order: "o-b"), mg(20), "03-05")
        story.adjust(.stop, medication("c", order: "o-c"), "03-06")
        story.adjust(.hold, medication("d", order: "o-d"), "03-07")
        story.adjust(.start, medication("e", order: "o-e"), mg(5), "03-08")
        story.adjust(.start, medication("f", order: "o-f"), mg(5), "03-09")
        story.adjust(.stop, medication("f", order: "o-f"), "03-10")
        story.adjust(.start, medication("g", order: "o-g"), mg(5), "03-11")
        story.adjust(.hold, medication("g", order: "o-g"), "03-12")
        let all = try medications(story)
        let before = all.atAdmission.compactMap(\.value?.prescription.medication.name)
        let after = all.atDischarge.compactMap(\.value?.prescription.medication.name)
        #expect(before == ["a", "b", "c", "d"] && after == ["a", "b", "d", "e", "g"])
        #expect(names(all.continued) == ["a"] && names(all.changed) == ["b"])
        #expect(names(all.stopped) == ["c"] && names(all.held) == ["d", "g"])
        #expect(names(all.new) == ["e"] && names(all.startedAndStopped) == ["f"])
    }

    @Test("A changed medication shows both regimens and every step with who and why")
    func changed() throws {
        var story = try story()
        let start = story.adjust(.start, medication("a", order: "o"), mg(10), "02-20")
        let first = story.adjust(.increase, medication("a", order: "o"), mg(20), "03-05")
        let review = story.adjust(.unchanged, medication("a", order: "o"), "03-06")
        let second = story.adjust(
            .increase,
            medication("a", order: "o"),
            mg(30),
            reason: "lack of effect",
            "03-09"
        )
        let changed = try #require(try medications(story).changed.first)
        #expect(changed.eventIDs == [start, first, second], "no review is named")
        #expect(!changed.eventIDs.contains(review))
        let outcome = try #require(changed.value)
        #expect(outcome.steps.map(\.at) == [instant("03-05"), instant("03-09")])
        #expect(outcome.prescription.regimen?.dose == 30)
        #expect(outcome.reason?.text == "lack of effect" && outcome.prescriber == "p-1")
        guard case .changed(let before) = outcome.kind else {
            Issue.record("not changed")
            return
        }
        #expect(before.regimen?.dose == 10)
    }

    @Test("A switch is one pair, from one medication to another")
    func switched() throws {
        var story = try story(taking: ["a"])
        story.adjust(
            .switch,
            medication("b", order: "o-b"),
            mg(5),
            replaces: medication("a", order: "o-a"),
            "03-05"
        )
        let all = try medications(story)
        let changed = try #require(all.changed.first?.value)
        guard case .changed(let before) = changed.kind else {
            Issue.record("not changed")
            return
        }
        #expect(before.medication.name == "a" && changed.prescription.medication.name == "b")
        #expect(all.stopped.isEmpty && all.new.isEmpty && all.continued.isEmpty)
    }

    @Test("What was changed and changed back is continued, from the last change on")
    func changedBack() throws {
        var story = try story()
        let start = story.adjust(.start, medication("a", order: "o"), mg(10), "02-20")
        let up = story.adjust(.increase, medication("a", order: "o"), mg(20), "03-05")
        let down = story.adjust(.decrease, medication("a", order: "o"), mg(10), "03-06")
        let all = try medications(story)
        #expect(all.continued.map(\.eventIDs) == [[start, down]])
        #expect(!all.continued[0].eventIDs.contains(up))
        #expect(all.continued.first?.value?.kind == .continued(from: instant("03-06")))
    }

    @Test("A part of the regimen that carries over names the event that gave it")
    func carriedOver() throws {
        var story = try story()
        let start = story.adjust(.start, medication("a", order: "o"), mg(10), "03-02")
        let dose = story.adjust(
            .increase,
            medication("a", order: "o"),
            Regimen(dose: 20, unit: "mg"),
            "03-05"
        )
        let often = story.adjust(
            .changeFrequency,
            medication("a", order: "o"),
            Regimen(frequency: "bid", timesPerDay: 2),
            "03-06"
        )
        let state = try #require(try medications(story).atDischarge.first)
        #expect(state.value?.prescription.regimen?.dose == 20)
        #expect(state.eventIDs == [start, dose, often])
    }

    @Test("The same medication named with other particulars is another only by form or strength")
    func sameProduct() throws {
        func outcome(_ later: Medication) throws -> [String] {
            var story = try Story()
            story.admit("03-01")
            story.adjust(.start, medication("Zoloft  Oral", order: "o"), mg(10), "02-20")
            story.adjust(.changeRoute, later, mg(10), "03-05")
            let all = try medications(story)
            return all.continued.map { _ in "continued" } + all.changed.map { _ in "changed" }
        }
        var same = medication("zoloft oral", order: "o", rxcui: "312940")
        #expect(try outcome(same) == ["continued"])
        same.strength = "50 mg"
        #expect(try outcome(same) == ["continued"], "the first names no strength")
        #expect(try outcome(medication("sertraline", order: "o")) == ["changed"])
    }

    @Test("What was held at the admission and resumed is judged by its regimen")
    func heldAtAdmission() throws {
        var story = try Story()
        story.admit("03-01")
        let start = story.adjust(.start, medication("a", order: "o"), mg(10), "02-20")
        let hold = story.adjust(.hold, medication("a", order: "o"), "02-25")
        story.adjust(.resume, medication("a", order: "o"), nil, "03-05")
        let all = try medications(story)
        #expect(all.atAdmission.first?.value?.heldSince == instant("02-25"))
        #expect(all.atAdmission.first?.eventIDs == [start, hold])
        #expect(names(all.continued) == ["a"])
    }

    @Test("What was stopped before the admission or never took effect counts nowhere")
    func nowhere() throws {
        var story = try Story()
        story.adjust(.start, medication("a", order: "o"), mg(10), "02-20")
        story.adjust(.stop, medication("a", order: "o"), "02-25")
        story.admit("03-01")
        story.adjust(.start, medication("b", order: "p"), mg(10), "03-05")
        story.adjust(.stop, medication("b", order: "p"), "03-04")
        let all = try medications(story)
        #expect(all.startedAndStopped.isEmpty && all.stopped.isEmpty && all.new.isEmpty)
        #expect(all.atAdmission.isEmpty && all.atDischarge.isEmpty)
    }

    @Test("A hold names who held and why, and since when")
    func held() throws {
        var story = try story(taking: ["a"])
        let hold = story.adjust(
            .hold,
            medication("a", order: "o-a"),
            reason: "surgery",
            "03-05"
        )
        let held = try #require(try medications(story).held.first)
        #expect(held.value?.kind == .held(since: instant("03-05"), before: nil))
        #expect(held.value?.reason?.text == "surgery" && held.eventIDs.last == hold)
    }

    @Test("What was switched or titrated and then held or stopped shows what it came from, and how")
    func changedThenHeldOrStopped() throws {
        var story = try Story()
        let admission = story.admit(
            taking: ["a", "b", "c"].map { medication($0, order: "o-\($0)") },
            "03-01"
        )
        let switched = ["a", "b"].map { name in
            story.adjust(
                .switch,
                medication("\(name)2", order: "o-\(name)2"),
                mg(5),
                replaces: medication(name, order: "o-\(name)"),
                reason: "no effect on \(name)",
                "03-05"
            )
        }
        let raised = story.adjust(.increase, medication("c", order: "o-c"), mg(20), "03-05")
        let hold = story.adjust(.hold, medication("a2", order: "o-a2"), reason: "h", "03-08")
        let stop = story.adjust(.stop, medication("b2", order: "o-b2"), reason: "s", "03-09")
        let other = story.adjust(.hold, medication("c", order: "o-c"), "03-10")
        let all = try medications(story)

        let held = try #require(all.held.first)
        #expect(
            held.value?.kind
                == .held(
                    since: instant("03-08"),
                    before: DischargeSummary.Prescription(
                        medication: medication("a", order: "o-a"),
                        regimen: nil
                    )
                )
        )
        #expect(held.value?.prescription.medication.name == "a2")
        #expect(held.value?.steps.map(\.change) == [.switch, .hold])
        #expect(held.value?.steps.map(\.reason?.text) == ["no effect on a", "h"])
        #expect(held.value?.reason?.text == "h")
        #expect(held.eventIDs == [admission, switched[0], hold])

        let stopped = try #require(all.stopped.first)
        guard case .stopped(instant("03-09"), let before) = stopped.value?.kind else {
            Issue.record("not stopped on 03-09")
            return
        }
        #expect(before?.medication.name == "b")
        #expect(stopped.value?.prescription.medication.name == "b2")
        #expect(stopped.value?.steps.map(\.change) == [.switch, .stop])
        #expect(stopped.value?.reason?.text == "s")
        #expect(stopped.eventIDs == [admission, switched[1], stop])

        guard case .held(_, let titrated) = all.held.last?.value?.kind else {
            Issue.record("c is not held")
            return
        }
        #expect(titrated?.medication.name == "c" && titrated?.regimen == nil)
        #expect(all.held.last?.eventIDs == [admission, raised, other])
    }

    @Test("What is held or stopped as it was at the admission came from nothing else")
    func heldOrStoppedUnchanged() throws {
        var story = try Story()
        let starts = ["a", "b"].map {
            story.adjust(.start, medication($0, order: "o-\($0)"), mg(10), "02-20")
        }
        story.admit("03-01")
        let up = story.adjust(.increase, medication("a", order: "o-a"), mg(20), "03-02")
        let down = story.adjust(.decrease, medication("a", order: "o-a"), mg(10), "03-03")
        let hold = story.adjust(.hold, medication("a", order: "o-a"), "03-04")
        let stop = story.adjust(.stop, medication("b", order: "o-b"), "03-04")
        // New in the episode: there is nothing it was at the admission.
        story.adjust(.start, medication("c", order: "o-c"), mg(1), "03-05")
        story.adjust(.increase, medication("c", order: "o-c"), mg(2), "03-06")
        story.adjust(.hold, medication("c", order: "o-c"), "03-07")
        let all = try medications(story)
        let (a, b) = (try #require(all.held.first), try #require(all.stopped.first))
        #expect(a.value?.kind == .held(since: instant("03-04"), before: nil))
        #expect(a.value?.steps.map(\.change) == [.increase, .decrease, .hold])
        #expect(a.eventIDs == [starts[0], up, down, hold])
        #expect(b.value?.kind == .stopped(at: instant("03-04"), before: nil))
        #expect(b.eventIDs == [starts[1], stop])
        let c = try #require(all.held.last?.value)
        #expect(c.kind == .held(since: instant("03-07"), before: nil))
        #expect(c.steps.map(\.change) == [.start, .increase, .hold])
    }

    @Test("So far, an open episode's medications are those in force or held at its time")
    func interim() throws {
        var story = try story(taking: ["a"])
        story.adjust(.stop, medication("a", order: "o-a"), "03-10")
        let before = try #require(try story.summary(at: "03-09")).medications
        #expect(names(before.continued) == ["a"] && before.stopped.isEmpty)
        let after = try #require(try story.summary(at: "03-10")).medications
        #expect(names(after.stopped) == ["a"] && after.atDischarge.isEmpty)
    }

    @Test("What an open episode has ahead was known at its time, by the clock of the history")
    func interimPlan() throws {
        var story = try story()
        story.adjust(.start, medication("a"), mg(20), "03-20", known: "03-05")
        for (clock, planned) in [(KnowledgeClock.source, 1), (.ledger, 0)] {
            let summary = try DischargeSummaryQuery.fold(
                Story.episode,
                try EffectiveHistory(story.recordedEvents, knownBy: clock),
                story.calendar,
                instant("03-10")
            )
            #expect(summary?.medications.afterDischarge.count == planned)
        }
    }
}
