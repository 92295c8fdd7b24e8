import CareEpisode
import Testing

@testable import Projections

@Suite("Changes of the same substance, and stops of what lies ahead")
struct MedicationSubstanceTests {
    private func story(
        taking arrivals: [Medication] = [],
        _ body: (inout Story) -> Void
    ) throws -> MedicationCourse {
        var story = try Story()
        story.admit(taking: arrivals, "03-01")
        body(&story)
        return try story.medications()
    }

    private func matched(_ course: MedicationCourse) -> [MatchCriterion?] {
        course.changes.map(\.matchedBy)
    }

    private func applied(_ course: MedicationCourse) -> [Int?] {
        course.changes.map { change in
            course.lineages.firstIndex { $0.id == change.lineage }
        }
    }

    private func route(_ route: String, _ dose: Double = 1) -> Regimen {
        Regimen(dose: dose, unit: "mg", route: route, frequency: "daily", timesPerDay: 1)
    }

    @Test("Order, concept, name, then substance: the change says by which it was matched")
    func criteria() throws {
        let course = try story {
            $0.adjust(.start, medication("Zoloft", order: "o-1", rxcui: "208161"), mg(50), "03-02")
            $0.adjust(.unchanged, medication("x", order: "o-1"), "03-03")
            $0.adjust(.unchanged, medication("x", rxcui: "208161"), "03-04")
            $0.adjust(.unchanged, medication("ZOLOFT "), "03-05")
            $0.adjust(.stop, medication("sertraline 50 MG Oral Tablet", rxcui: "312941"), "03-06")
        }
        #expect(matched(course) == [nil, .orderID, .rxcui, .name, .substance])
        #expect(course.lineages.count == 1 && !course.lineages[0].isOpen)
    }

    @Test("Routes must fit, but for a change of the route; an unknown one fits any")
    func routes() throws {
        let course = try story {
            $0.adjust(.start, medication("Haldol"), route("oral"), "03-02")
            $0.adjust(.increase, medication("haloperidol"), route("IM", 50), "03-03")
            $0.adjust(.stop, medication("haloperidol"), "03-04")
            $0.adjust(.changeRoute, medication("haloperidol lactate"), route("IM"), "03-05")
            $0.adjust(.unchanged, medication("haloperidol decanoate injection"), "03-06")
        }
        #expect(applied(course) == [0, 1, 1, 0, 0])
        #expect(course.flags.told == ["unmatched_change 3"])
    }

    @Test("An incomplete set is the same only as its own product")
    func incomplete() throws {
        let course = try story {
            $0.adjust(.start, medication("metoprolol-hydrochlorothiazide"), mg(50), "03-02")
            $0.adjust(.stop, medication("metoprolol"), "03-03")
            $0.adjust(.stop, medication("Metoprolol-Hydrochlorothiazide"), "03-04")
        }
        #expect(applied(course) == [0, nil, 0])
        #expect(course.flags.told == ["stop_without_start 3"])
    }

    @Test("Of several, those that are no single doses; then the only one that is as frequent")
    func narrowed() throws {
        func at(_ words: String, _ dose: Double) -> Regimen {
            Regimen(dose: dose, unit: "mg", route: "oral", frequency: words)
        }
        let course = try story {
            $0.adjust(.start, medication("lorazepam"), at("once", 2), "03-02")
            $0.adjust(.start, medication("lorazepam", order: "o-1"), at("daily", 1), "03-02")
            $0.adjust(.unchanged, medication("lorazepam"), "03-03")
            $0.adjust(.start, medication("lorazepam", order: "o-2"), at("at bedtime", 2), "03-04")
            $0.adjust(.increase, medication("lorazepam"), at("At bedtime", 3), "03-05")
            $0.adjust(.changeFrequency, medication("lorazepam"), at("at bedtime", 3), "03-06")
        }
        #expect(applied(course) == [0, 1, 1, 2, 2, 3])
        #expect(course.flags.told == ["ambiguous_change 7"])
        #expect(course.flags[0].lineages == [course.lineages[1].id, course.lineages[2].id])
    }

    // MARK: - Ordered here

    @Test("A new order goes on with what the client arrived on, by product or substance")
    func orderedHere() throws {
        let course = try story(taking: [medication("sertraline"), medication("Ativan")]) {
            $0.adjust(.start, medication("Sertraline", order: "o-1"), mg(50), "03-01 12:00")
            $0.adjust(.start, medication("lorazepam", order: "o-2"), mg(1), "03-01 12:00")
            $0.adjust(.stop, medication("x", order: "o-1"), "03-02")
        }
        #expect(applied(course) == [0, 1, 0])
        #expect(matched(course) == [.name, .substance, .orderID])
        #expect(course.flags.isEmpty)
    }

    @Test("Not without an order, with one that was named, after a change, or of several")
    func notOrderedHere() throws {
        let without = try story(taking: [medication("sertraline")]) {
            $0.adjust(.start, medication("sertraline"), mg(50), "03-02")
        }
        #expect(applied(without) == [1])
        let named = try story(taking: [medication("sertraline")]) {
            $0.adjust(.unchanged, medication("x", order: "o-1"), "03-02")
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-03")
        }
        #expect(applied(named) == [nil, 1])
        let changed = try story(taking: [medication("sertraline")]) {
            $0.adjust(.increase, medication("sertraline"), mg(100), "03-02")
            $0.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-03")
        }
        #expect(applied(changed) == [0, 1])
        let several = try story(taking: [medication("Ativan"), medication("lorazepam 1 mg")]) {
            $0.adjust(.start, medication("lorazepam", order: "o-1"), mg(1), "03-02")
        }
        #expect(applied(several) == [2])
        let needed = try story(taking: [medication("lorazepam")]) {
            $0.adjust(.start, medication("lorazepam", order: "o-1"), mg(1, asNeeded: true), "03-02")
            $0.adjust(
                .start,
                medication("lorazepam", order: "o-2"),
                Regimen(dose: 2, unit: "mg", route: "oral", frequency: "once"),
                "03-02"
            )
        }
        #expect(applied(needed) == [1, 2])
    }

    // MARK: - Stops that cancel

    @Test("What was recorded before a stop, for later, goes with the lineage that it stops")
    func cancelled() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, medication("sertraline"), mg(50), "03-02")
        story.adjust(.increase, medication("sertraline"), mg(100), "03-17", known: "03-10")
        story.adjust(.stop, medication("Zoloft"), "03-20", known: "03-10")
        story.adjust(.stop, medication("sertraline"), "03-13", known: "03-24")
        let course = try story.medications()
        #expect(
            course.told == [
                "sertraline 50 03-02-03-13 start>stop, sertraline 100 03-17-03-17 increase>stop"
            ]
        )
        #expect(course.flags.told == ["late_entry 5", "stopped_before_started 3 5"])
        let review = try story.review(at: "03-14")
        #expect(review.active.isEmpty && review.scheduled.isEmpty && review.later.isEmpty)
    }

    @Test("A stop of what is only ordered for later is no stop without a start, whatever E")
    func cancelledAhead() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, medication("Lithobid"), mg(300), "03-20", known: "03-05")
        story.adjust(.increase, medication("lithium"), mg(600), "03-25", known: "03-05")
        story.adjust(.stop, medication("lithium carbonate"), "03-10")
        for time in ["03-10", "03-19", "03-26"] {
            let review = try story.review(at: time)
            #expect(review.active.isEmpty && review.scheduled.isEmpty, "\(time)")
            #expect(review.flags.only(.stopWithoutStart, .stoppedStillListed).isEmpty, "\(time)")
        }
        #expect(
            try story.review(at: "03-26").flags.told == [
                "stopped_before_started 2 4", "stopped_before_started 3 4",
            ]
        )
        #expect(try story.medications().told.count == 1)
    }

    @Test("What is recorded after the stop is a restart; another change says so")
    func restarted() throws {
        let course = try story {
            $0.adjust(.start, medication("Zoloft"), mg(50), "03-02")
            $0.adjust(.stop, medication("Zoloft"), "03-05")
            $0.adjust(.increase, medication("sertraline"), Regimen(dose: 75, unit: "mg"), "03-06")
        }
        #expect(
            course.told == ["Zoloft 50 03-02-03-05 start>stop", "sertraline 75 03-06- increase>"]
        )
        #expect(course.lineages[1].intervals[0].regimen?.route == "oral")
        #expect(course.flags.told == ["changed_after_stop 4"])
        #expect(matched(course) == [nil, .name, .substance])
    }

    @Test("Of several that lie ahead none is cancelled, and the stop is ambiguous")
    func ambiguousAhead() throws {
        let course = try story {
            $0.adjust(.start, medication("lithium"), mg(300), "03-20", known: "03-05")
            $0.adjust(.start, medication("lithium"), mg(600), "03-25", known: "03-05")
            $0.adjust(.stop, medication("lithium"), "03-10")
        }
        #expect(course.flags.told == ["ambiguous_change 4"])
        #expect(course.lineages.filter(\.isOpen).count == 2)
    }

    @Test("Starts of one order that lie ahead are one course: a stop that means one means all")
    func orderAhead() throws {
        let course = try story {
            let later = medication("sertraline 50 MG Oral Tablet", order: "o-1", rxcui: "312941")
            $0.adjust(.start, later, mg(50), "03-20", known: "03-05")
            $0.adjust(.start, medication("Zoloft", order: "o-1"), mg(50), "03-15", known: "03-05")
            $0.adjust(.stop, medication("sertraline", rxcui: "312941"), "03-10")
        }
        #expect(course.lineages.filter(\.isOpen).isEmpty)
        #expect(course.flags.told == ["stopped_before_started 3 4", "stopped_before_started 2 4"])
        let two = try story {
            $0.adjust(.start, medication("lithium", order: "o-1"), mg(300), "03-15", known: "03-05")
            $0.adjust(.start, medication("lithium", order: "o-2"), mg(300), "03-20", known: "03-05")
            $0.adjust(.stop, medication("lithium"), "03-10")
        }
        #expect(two.flags.told == ["ambiguous_change 4"])
    }

    @Test("A start at the instant of the stop that was recorded after it never was in force")
    func startedAsStopped() throws {
        for order in [nil, "o-1"] {
            let course = try story {
                $0.adjust(.start, medication("sertraline", order: order), mg(50), "03-10")
                $0.adjust(.stop, medication("Zoloft"), "03-10")
            }
            #expect(course.told == ["sertraline 50 03-10-03-10 start>stop"])
            #expect(course.flags.told == ["stopped_before_started 2 3"])
        }
    }

    @Test("An emptied start belongs to the stopped course, though its order was started again")
    func emptiedBesideRestart() throws {
        let course = try story {
            let lithium = medication("lithium", order: "o-1")
            $0.adjust(.start, lithium, mg(300), "03-12", known: "03-05")
            $0.adjust(.start, lithium, mg(300), "03-20", known: "03-05")
            $0.adjust(.stop, lithium, "03-10")
            $0.adjust(.start, lithium, mg(600), "03-15")
        }
        #expect(
            course.told == [
                "lithium 300 03-12-03-12 start>stop, lithium 300 03-20-03-20 start>stop",
                "lithium 600 03-15- start>",
            ]
        )
        #expect(course.flags.told == ["stopped_before_started 2 4", "stopped_before_started 3 4"])
    }

    @Test("Every stop that cancels a start is named")
    func cancelledTwice() throws {
        let course = try story {
            let lithium = medication("lithium", order: "o-1")
            $0.adjust(.start, lithium, mg(300), "03-20", known: "03-05")
            $0.adjust(.stop, lithium, "03-12", known: "03-10")
            $0.adjust(.stop, medication("lithium"), "03-10")
        }
        #expect(course.lineages.filter(\.isOpen).isEmpty)
        #expect(course.flags.told == ["stopped_before_started 2 3", "stopped_before_started 2 4"])
    }
}
