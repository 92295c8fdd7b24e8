import CareEpisode
import Testing

@testable import Projections

@Suite("Which lineage a change applies to")
struct MedicationMatchingTests {
    private func story(_ body: (inout Story) -> Void) throws -> MedicationCourse {
        var story = try Story()
        story.admit("03-01")
        body(&story)
        return try story.medications()
    }

    private func applied(_ course: MedicationCourse) -> [Int?] {
        course.changes.map { change in
            course.lineages.firstIndex { $0.id == change.lineage }
        }
    }

    @Test("The order comes first, whatever the name")
    func order() throws {
        let course = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            $0.adjust(.start, medication("sertraline", order: "o-2"), mg(25), "03-03")
            $0.adjust(.increase, medication("Zoloft", order: "o-2"), mg(50), "03-04")
        }
        #expect(applied(course) == [0, 1, 1])
        #expect(course.flags.isEmpty)
    }

    @Test("Without an order: by concept, then by name without regard to case and white space")
    func fallBack() throws {
        let course = try story {
            $0.adjust(.start, medication("Zoloft", rxcui: "36437"), mg(50), "03-02")
            $0.adjust(.start, medication("valproic  acid"), mg(250), "03-03")
            $0.adjust(.increase, medication("sertraline", rxcui: "36437"), mg(100), "03-04")
            $0.adjust(.increase, medication(" Valproic Acid", rxcui: "40254"), mg(500), "03-05")
        }
        #expect(applied(course) == [0, 1, 0, 1])
        #expect(course.flags.isEmpty)
    }

    @Test("A new order falls back; one that an earlier entry or any start names does not")
    func namedOrders() throws {
        let fresh = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            $0.adjust(.increase, medication("sertraline", order: "o-2"), mg(75), "03-03")
        }
        #expect(applied(fresh) == [0, 0])
        let named = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            $0.adjust(.unchanged, medication("other", order: "o-2"), "03-03")
            $0.adjust(.increase, medication("sertraline", order: "o-2"), mg(75), "03-04")
        }
        #expect(applied(named) == [0, nil, 1])
        #expect(named.flags.told == ["unmatched_change 3", "unmatched_change 4"])
        let startedLater = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            $0.adjust(.increase, medication("sertraline", order: "o-2"), mg(75), "03-03")
            $0.adjust(.start, medication("sertraline", order: "o-2"), mg(75), "03-09")
        }
        #expect(startedLater.flags.told == ["unmatched_change 3"])
        // The later start goes on with the lineage of its order.
        #expect(applied(startedLater) == [0, 1, 1])
    }

    @Test("An order that an arrival or a replacement names counts as named")
    func otherNames() throws {
        var story = try Story()
        story.admit(taking: [medication("lithium", order: "o-9")], "03-01")
        story.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
        story.adjust(
            .switch,
            medication("lithium citrate", order: "o-3"),
            mg(300),
            replaces: medication("lithium", order: "o-9"),
            "03-03"
        )
        story.adjust(.increase, medication("sertraline", order: "o-9"), mg(75), "03-04")
        let course = try story.medications()
        #expect(applied(course) == [1, 0, 2])
        #expect(course.flags.told == ["unmatched_change 4"])
    }

    @Test("Several of a name: the change opens a lineage of its own and closes none")
    func ambiguous() throws {
        let course = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            $0.adjust(.start, medication("sertraline", order: "o-2"), mg(25), "03-02")
            $0.adjust(.increase, medication("sertraline"), mg(100), "03-03")
            $0.adjust(.hold, medication("sertraline"), "03-04")
            $0.adjust(.stop, medication("sertraline"), "03-05")
            $0.adjust(.unchanged, medication("sertraline"), "03-06")
        }
        #expect(
            course.told == [
                "sertraline 50 03-02- start>", "sertraline 25 03-02- start>",
                "sertraline 100 03-03- increase>",
            ]
        )
        #expect(
            course.flags.told == [
                "ambiguous_change 4", "ambiguous_change 5", "ambiguous_change 6",
                "ambiguous_change 7",
            ]
        )
    }

    @Test("Open lineages come before held ones, and a resume looks at held ones first")
    func states() throws {
        let course = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            $0.adjust(.hold, medication("sertraline", order: "o-1"), "03-03")
            $0.adjust(.start, medication("sertraline", order: "o-2"), mg(25), "03-04")
            $0.adjust(.increase, medication("sertraline"), mg(75), "03-05")
            $0.adjust(.resume, medication("sertraline"), "03-06")
        }
        #expect(applied(course) == [0, 0, 1, 1, 0])
        #expect(course.flags.isEmpty)
    }

    @Test("A stop or hold with an order never falls back onto a lineage that has one")
    func sparedOrders() throws {
        let course = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            $0.adjust(.stop, medication("sertraline", order: "o-2"), "03-03")
            $0.adjust(.hold, medication("sertraline", order: "o-3"), "03-04")
            $0.adjust(.start, medication("sertraline"), mg(25), "03-05")
            $0.adjust(.stop, medication("sertraline", order: "o-4"), "03-06")
        }
        #expect(
            course.told == ["sertraline 50 03-02- start>", "sertraline 25 03-05-03-06 start>stop"]
        )
        #expect(course.flags.told == ["stop_without_start 3", "unmatched_change 4"])
    }

    @Test("A change with a regimen that matches nothing opens a lineage; others open none")
    func unmatched() throws {
        let course = try story {
            $0.adjust(.increase, medication("a"), mg(1), "03-02")
            $0.adjust(.hold, medication("b"), "03-03")
            $0.adjust(.stop, medication("c"), "03-04")
            $0.adjust(.unchanged, medication("d"), "03-05")
        }
        #expect(course.told == ["a 1 03-02- increase>"])
        #expect(
            course.flags.told == [
                "unmatched_change 2", "unmatched_change 3", "stop_without_start 4",
                "unmatched_change 5",
            ]
        )
    }

    @Test("A resume of nothing held opens the last known regimen, with a flag")
    func resume() throws {
        let open = try story {
            $0.adjust(.start, medication("a", order: "o-1"), mg(1), "03-02")
            $0.adjust(.resume, medication("a", order: "o-1"), "03-03")
        }
        #expect(open.told == ["a 1 03-02-03-03 start>resume, a 1 03-03- resume>"])
        #expect(open.flags.told == ["resume_without_hold 3"])
        let closed = try story {
            $0.adjust(.start, medication("a", order: "o-1"), mg(1), "03-02")
            $0.adjust(.stop, medication("a", order: "o-1"), "03-03")
            $0.adjust(.start, medication("a", order: "o-2"), mg(2), "03-04")
            $0.adjust(.stop, medication("a", order: "o-2"), "03-05")
            $0.adjust(.resume, medication("a"), "03-06")
            $0.adjust(.resume, medication("a", order: "o-1"), "03-07")
        }
        #expect(
            closed.told == [
                "a 1 03-02-03-03 start>stop", "a 2 03-04-03-05 start>stop", "a 2 03-06- resume>",
                "a 1 03-07- resume>",
            ]
        )
        #expect(closed.flags.told == ["resume_without_hold 6", "resume_without_hold 7"])
        let unknown = try story { $0.adjust(.resume, medication("a"), mg(3), "03-02") }
        #expect(unknown.told == ["a 3 03-02- resume>"])
        #expect(unknown.flags.told == ["resume_without_hold 2", "unmatched_change 2"])
    }

    @Test("A stop recorded later that takes effect at or before the start empties it")
    func stoppedBeforeStarted() throws {
        let course = try story {
            $0.adjust(.start, medication("a", order: "o-1"), mg(1), "03-10")
            $0.adjust(.stop, medication("a", order: "o-1"), "03-05")
            $0.adjust(.start, medication("b", order: "o-2"), mg(1), "03-10")
            $0.adjust(.stop, medication("b", order: "o-2"), "03-10")
            $0.adjust(.start, medication("c", order: "o-3"), mg(1), "03-10")
            $0.adjust(.hold, medication("c", order: "o-3"), "03-05")
        }
        #expect(
            course.told == [
                "a 1 03-10-03-10 start>stop", "b 1 03-10-03-10 start>stop", "c 1 03-10- start>",
            ]
        )
        #expect(
            course.flags.told == [
                "unmatched_change 7", "stopped_before_started 2 3", "stopped_before_started 4 5",
            ]
        )
    }

    @Test("An emptied start leaves a restart of the same order alone")
    func emptiedBesideRestart() throws {
        let course = try story {
            $0.adjust(.start, medication("a", order: "o-1"), mg(1), "03-10")
            $0.adjust(.stop, medication("a", order: "o-1"), "03-05")
            $0.adjust(.start, medication("a", order: "o-1"), mg(2), "03-07")
        }
        #expect(course.told == ["a 2 03-07- start>", "a 1 03-10-03-10 start>stop"])
        #expect(course.flags.told == ["stopped_before_started 2 3"])
    }

    @Test("A start after the end is cancelled like any other, and its order counts as named")
    func emptiedAfterTheEnd() throws {
        let course = try story {
            $0.adjust(.start, medication("a", order: "o-1"), mg(1), "03-25")
            $0.adjust(.stop, medication("a", order: "o-1"), "03-10")
            $0.adjust(.start, medication("a", order: "o-2"), mg(1), "03-05")
            $0.adjust(.increase, medication("a", order: "o-1"), mg(2), "03-06")
            $0.complete("03-20")
        }
        #expect(
            course.flags.told == [
                "unmatched_change 5", "stopped_before_started 2 3", "after_end 2",
            ]
        )
        #expect(
            course.told == [
                "a 1 03-05-03-20 start>episode_end", "a 2 03-06-03-10 increase>stop",
            ]
        )
        let alone = try story {
            $0.adjust(.start, medication("a", order: "o-1"), mg(1), "03-25")
            $0.adjust(.stop, medication("a", order: "o-1"), "03-10")
            $0.complete("03-20")
        }
        #expect(alone.flags.told == ["stopped_before_started 2 3", "after_end 2"])
        #expect(alone.told.isEmpty)
    }
}
