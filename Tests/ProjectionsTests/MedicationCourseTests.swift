import CareEpisode
import Testing

@testable import Projections

@Suite("The course of a medication")
struct MedicationCourseTests {
    private let sertraline = medication("sertraline", order: "o-1")

    private func story(_ body: (inout Story) -> Void) throws -> MedicationCourse {
        var story = try Story()
        story.admit("03-01")
        body(&story)
        return try story.medications()
    }

    @Test("A start opens a lineage, changes go on with it, a stop ends it")
    func course() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(.increase, sertraline, mg(100), "03-09")
            $0.adjust(.decrease, sertraline, mg(75), "03-16")
            $0.adjust(.stop, sertraline, "03-23")
        }
        #expect(
            course.told == [
                "sertraline 50 03-02-03-09 start>increase, "
                    + "sertraline 100 03-09-03-16 increase>decrease, "
                    + "sertraline 75 03-16-03-23 decrease>stop"
            ]
        )
        #expect(course.flags.isEmpty)
    }

    @Test("What a client arrives on opens a lineage each, by event and index")
    func arrival() throws {
        var story = try Story()
        let admission = story.admit(taking: [sertraline, medication("lithium")], "03-01")
        story.adjust(.increase, medication("Lithium "), mg(600), "03-05")
        let course = try story.medications()
        #expect(
            course.told == [
                "sertraline 03-01- admitted>",
                "lithium 03-01-03-05 admitted>increase, Lithium  600 03-05- increase>",
            ]
        )
        #expect(course.lineages.map(\.id.description) == ["\(admission)/0", "\(admission)/1"])
        #expect(course.lineages[0].intervals[0].prescriber == nil)
        #expect(course.flags.isEmpty)
    }

    @Test("Two starts of one name are two lineages; of one order, one")
    func starts() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(.start, medication("sertraline", order: "o-2"), mg(25), "03-03")
            $0.adjust(.start, sertraline, Regimen(dose: 75, unit: "mg"), "03-04")
        }
        #expect(
            course.told == [
                "sertraline 50 03-02-03-04 start>start, sertraline 75 03-04- start>",
                "sertraline 25 03-03- start>",
            ]
        )
        #expect(course.lineages[0].intervals[1].regimen?.route == "oral")
    }

    @Test("A start after the stop of its order is a restart, a lineage of its own")
    func restart() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(.stop, sertraline, "03-05")
            $0.adjust(.start, sertraline, mg(25), "03-05")
        }
        #expect(
            course.told == [
                "sertraline 50 03-02-03-05 start>stop", "sertraline 25 03-05- start>",
            ]
        )
        #expect(course.flags.isEmpty)
    }

    @Test("Fields of a regimen that are left out carry over; dose and unit go together")
    func carryOver() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50, times: 2, asNeeded: false), "03-02")
            $0.adjust(.increase, sertraline, Regimen(dose: 4), "03-03")
            $0.adjust(.changeFrequency, sertraline, Regimen(frequency: "weekly"), "03-04")
            $0.adjust(.changeRoute, sertraline, Regimen(unit: "mL", route: "im"), "03-05")
        }
        func regimen(
            _ dose: Double?,
            _ unit: String?,
            _ route: String,
            _ frequency: String,
            _ times: Double?,
            asNeeded: Bool? = nil
        ) -> Regimen {
            Regimen(
                dose: dose,
                unit: unit,
                route: route,
                frequency: frequency,
                timesPerDay: times,
                asNeeded: asNeeded
            )
        }
        #expect(
            course.lineages[0].intervals.map(\.regimen) == [
                regimen(50, "mg", "oral", "daily", 2, asNeeded: false),
                regimen(4, nil, "oral", "daily", 2, asNeeded: false),
                // Twice a day went with the frequency that no longer holds, and so did the rest.
                regimen(4, nil, "oral", "weekly", nil),
                regimen(nil, "mL", "im", "weekly", nil),
            ]
        )
    }

    @Test("The same frequency again keeps the times per day")
    func sameFrequency() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50, times: 2), "03-02")
            $0.adjust(
                .increase,
                sertraline,
                Regimen(dose: 75, unit: "mg", frequency: "daily"),
                "03-03"
            )
        }
        #expect(course.changes.map { $0.toRegimen?.dailyDose } == [100, 150])
    }

    @Test("Daily doses without units, or of unlike ones, are not compared")
    func units() throws {
        let course = try story {
            $0.adjust(.start, sertraline, Regimen(dose: 2, timesPerDay: 1), "03-02")
            $0.adjust(.decrease, sertraline, Regimen(dose: 4, timesPerDay: 1), "03-03")
            $0.adjust(.decrease, sertraline, mg(50), "03-04")
            $0.adjust(.decrease, sertraline, Regimen(dose: 1, unit: "mL"), "03-05")
        }
        #expect(course.changes.map(\.percent) == [nil, nil, nil, nil])
        #expect(course.flags.only(.directionMismatch).isEmpty)
    }

    @Test("A change with a regimen renews the medication; its order stays where none is named")
    func renewed() throws {
        let course = try story {
            $0.adjust(.start, medication("sertraline", order: "o-1", rxcui: "1"), mg(50), "03-02")
            $0.adjust(.increase, medication("Sertraline"), mg(75), "03-03")
            $0.adjust(.hold, medication("sertraline", order: "o-1"), "03-04")
            $0.adjust(.resume, medication("SERTRALINE", order: "o-7"), "03-05")
            $0.adjust(.increase, medication("sertraline", order: "o-8"), mg(100), "03-06")
            $0.adjust(
                .switch,
                medication("fluoxetine"),
                mg(20),
                replaces: medication("sertraline", order: "o-8"),
                "03-07"
            )
        }
        #expect(
            course.lineages.map { $0.intervals.map(\.medication) } == [
                [
                    medication("sertraline", order: "o-1", rxcui: "1"),
                    medication("Sertraline", order: "o-1"),
                    // A resume without a regimen opens the held one.
                    medication("Sertraline", order: "o-1"),
                    medication("sertraline", order: "o-8"),
                    // A switch is to another medication, of which no order is known.
                    medication("fluoxetine"),
                ]
            ]
        )
        #expect(course.flags.isEmpty)
    }

    @Test("A switch goes on with the lineage of what it replaces, under the new order")
    func change() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(
                .switch,
                medication("fluoxetine", order: "o-2"),
                mg(20),
                replaces: sertraline,
                "03-09"
            )
            $0.adjust(.increase, medication("fluoxetine", order: "o-2"), mg(40), "03-16")
            $0.adjust(.stop, sertraline, "03-17")
        }
        #expect(
            course.told == [
                "sertraline 50 03-02-03-09 start>switch, "
                    + "fluoxetine 20 03-09-03-16 switch>increase, fluoxetine 40 03-16- increase>"
            ]
        )
        #expect(course.flags.told == ["stop_without_start 5"])
    }

    @Test("A hold ends the regimen until a resume, which takes up the held one or the given one")
    func hold() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(.hold, sertraline, "03-05")
            $0.adjust(.hold, sertraline, "03-06")
            $0.adjust(.resume, sertraline, "03-08")
            $0.adjust(.hold, sertraline, "03-10")
            $0.adjust(.resume, sertraline, Regimen(dose: 25, unit: "mg"), "03-12")
        }
        #expect(
            course.told == [
                "sertraline 50 03-02-03-05 start>hold, sertraline 50 03-08-03-10 resume>hold, "
                    + "sertraline 25 03-12- resume>"
            ]
        )
        #expect(course.lineages[0].intervals[2].regimen == mg(25))
        #expect(course.flags.isEmpty)
        #expect(course.changes.map { $0.toRegimen?.dose } == [50, nil, nil, 50, nil, 25])
        #expect(course.changes.map { $0.fromRegimen?.dose } == [nil, 50, 50, 50, 50, 50])
    }

    @Test("A second hold changes nothing but the last event")
    func secondHold() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(.hold, sertraline, "03-05")
            $0.adjust(.hold, sertraline, "03-06")
        }
        #expect(course.told == ["sertraline 50 03-02-03-05 start>hold held by 3"])
        #expect(course.lineages[0].lastEventAt == instant("03-06"))
        #expect(course.lineages[0].isHeld && !course.lineages[0].isOpen)
    }

    @Test("A change with a regimen, a start among them, opens what is held, with a flag")
    func changedWhileHeld() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(.hold, sertraline, "03-05")
            $0.adjust(.decrease, sertraline, mg(25), "03-08")
            $0.adjust(.hold, sertraline, "03-09")
            $0.adjust(.start, sertraline, mg(50), "03-10")
            $0.adjust(.hold, sertraline, "03-11")
            $0.adjust(.stop, sertraline, "03-12")
        }
        #expect(
            course.told == [
                "sertraline 50 03-02-03-05 start>hold, sertraline 25 03-08-03-09 decrease>hold, "
                    + "sertraline 50 03-10-03-11 start>hold"
            ]
        )
        #expect(course.flags.told == ["changed_while_held 4", "changed_while_held 6"])
        #expect(!course.lineages[0].isHeld)
    }

    @Test("The end closes every interval and keeps the holds; what lies after it is flagged")
    func end() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, sertraline, mg(50), "03-02")
        story.adjust(.start, medication("lithium", order: "o-2"), mg(300), "03-03")
        story.adjust(.hold, medication("lithium", order: "o-2"), "03-04")
        story.complete("03-20")
        story.adjust(.stop, sertraline, reason: nil, "03-20", known: "03-25")
        story.adjust(.start, medication("quetiapine"), mg(25), "03-21", known: "03-19")
        let course = try story.medications()
        #expect(
            course.told == [
                "sertraline 50 03-02-03-20 start>stop",
                "lithium 300 03-03-03-04 start>hold held by 4",
            ]
        )
        #expect(course.flags.told == ["no_reason 6", "after_end 6", "late_entry 6"])
        #expect(course.changes.count == 5)
        #expect(course.endedAt == instant("03-20"))
        #expect(course.lineages[1].hold?.until == instant("03-20"))
        #expect(!course.lineages[1].isHeld)
        #expect(try story.medications(at: "03-19").lineages.filter(\.isHeld).count == 1)
    }

    @Test("Changes before the admission take part")
    func beforeAdmission() throws {
        var story = try Story()
        story.admit("03-05")
        story.adjust(.start, sertraline, mg(50), "02-20")
        story.adjust(.increase, sertraline, mg(100), "03-07")
        #expect(
            try story.medications().told == [
                "sertraline 50 02-20-03-07 start>increase, sertraline 100 03-07- increase>"
            ]
        )
    }

    @Test("Corrections change the regimen, the time and the order of changes")
    func corrected() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, sertraline, mg(50), "03-02")
        let increase = story.adjust(.increase, sertraline, mg(1000), "03-09")
        story.adjust(.decrease, sertraline, mg(25), "03-12")
        story.correct(
            increase,
            to: .medicationAdjusted(
                MedicationAdjusted(
                    medication: sertraline,
                    change: .increase,
                    prescriber: "p-1",
                    regimen: mg(100)
                )
            ),
            at: "03-10"
        )
        #expect(
            try story.medications().told == [
                "sertraline 50 03-02-03-10 start>increase, "
                    + "sertraline 100 03-10-03-12 increase>decrease, sertraline 25 03-12- decrease>"
            ]
        )
        story.retract(increase)
        #expect(
            try story.medications().told == [
                "sertraline 50 03-02-03-12 start>decrease, sertraline 25 03-12- decrease>"
            ]
        )
    }

    @Test("The change of the daily dose in percent, along the lineage")
    func percent() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(50), "03-02")
            $0.adjust(.increase, sertraline, mg(75), "03-03")
            $0.adjust(.changeFrequency, sertraline, mg(75, times: 2), "03-04")
            $0.adjust(.decrease, sertraline, mg(75, asNeeded: true), "03-05")
        }
        #expect(course.changes.map(\.percent) == [nil, 50, 100, nil])
        #expect(course.changes.map { $0.toRegimen?.dailyDose } == [50, 75, 150, nil])
    }

    @Test("A change that no number tells has no percentage")
    func noPercent() throws {
        let course = try story {
            $0.adjust(.start, sertraline, mg(1e-300), "03-02")
            $0.adjust(.increase, sertraline, mg(1e14), "03-03")
            $0.adjust(.decrease, sertraline, mg(5e13), "03-04")
            let micro = Regimen(dose: 1e-300, unit: "mcg", timesPerDay: 1)
            $0.adjust(.decrease, sertraline, micro, "03-05")
            $0.adjust(.increase, sertraline, mg(1e14), "03-06")
        }
        #expect(course.changes.map(\.percent) == [nil, nil, -50, -100, nil])
    }
}
