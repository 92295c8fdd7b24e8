import CareEpisode
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("The outcomes of a period")
struct OutcomesTests {
    private let calendar: LocalCalendar

    init() throws {
        calendar = try LocalCalendar(timeZone: "America/New_York")
    }

    /// An episode with one stay in each of some programs; times are in UTC, the days of the stays
    /// those of New York.
    private func episode(
        _ number: UInt128,
        _ stays: [(program: String, from: String)],
        ended: (at: String, reason: EndReason, days: Int)? = nil
    ) -> EpisodeCensus {
        let ends =
            stays.dropFirst().map { Optional(moment($0.from)) } + [ended.map { moment($0.at) }]
        return EpisodeCensus(
            episodeID: EpisodeID(bits: number),
            clientID: "C-\(number)",
            admittedAt: moment(stays[0].from),
            stays: zip(stays, ends).enumerated().map { index, stay in
                EpisodeCensus.Stay(
                    program: stay.0.program,
                    levelOfCare: .intensiveOutpatient,
                    from: moment(stay.0.from),
                    to: stay.1,
                    startReason: index == 0 ? .admission : .transfer(.programChanged),
                    endReason: index == stays.count - 1
                        ? ended.map { .end($0.reason) } : .transfer(.programChanged),
                    openedBy: EventID(bits: 0)
                )
            },
            end: ended.map {
                EpisodeCensus.End(
                    at: moment($0.at),
                    reason: $0.reason,
                    lastContactAt: moment($0.at),
                    lengthOfStayDays: $0.days
                )
            },
            sessions: [],
            flags: []
        )
    }

    private func outcomes(
        _ models: [EpisodeCensus],
        _ from: String = "2026-03-02",
        _ to: String = "2026-03-05",
        program: String? = nil,
        effectiveAt: String = "2026-03-20"
    ) -> PeriodOutcomes {
        PeriodOutcomes(
            models,
            from: date(from),
            to: date(to),
            program: program,
            effectiveAt: moment(effectiveAt),
            calendar: calendar
        )
    }

    /// Four dates, 2 to 5 March; a New York day begins at 05:00 UTC.
    private var episodes: [EpisodeCensus] {
        [
            // Open throughout: 4 midnights.
            episode(1, [("day", "2026-02-20 15:00")]),
            // There at the midnights of the 3rd and 4th.
            episode(
                2,
                [("day", "2026-03-03 15:00")],
                ended: ("2026-03-05 15:00", .completed, 3)
            ),
            // Came and went on one day.
            episode(
                3,
                [("day", "2026-03-04 15:00")],
                ended: ("2026-03-04 16:00", .discharged(.droppedOut), 1)
            ),
            // At the midnights of the 2nd (day), the 3rd and the 4th (evening): it ended at the
            // 4th's 24:00, which belongs to the 5th.
            episode(
                4,
                [("day", "2026-03-01 15:00"), ("evening", "2026-03-03 15:00")],
                ended: ("2026-03-05 05:00", .completed, 10)
            ),
            // Ended on the eve; and on the day after, there at the midnight of the 5th.
            episode(
                5,
                [("day", "2026-02-01 15:00")],
                ended: ("2026-03-02 04:59", .discharged(.terminated), 28)
            ),
            episode(
                6,
                [("evening", "2026-03-05 15:00")],
                ended: ("2026-03-06 05:00", .discharged(.died), 2)
            ),
        ]
    }

    @Test("Ends, lengths of stay and midnights are those of the period's local dates")
    func byHand() {
        let answer = outcomes(episodes)
        #expect(
            answer.byReason == [
                PeriodOutcomes.Count(reason: .completed, records: 2),
                PeriodOutcomes.Count(reason: .discharged(.droppedOut), records: 1),
            ]
        )
        #expect(answer.discharges == 3)
        #expect(answer.lengthsOfStay.mean == 14.0 / 3)
        #expect(answer.midnights == 4 + 2 + 3 + 1)
        #expect(answer.averageDailyCensus == 2.5)
        // Each on all of its dates, the last one too: 4 + 3 + 1 + 4 + 1 over 4 dates.
        #expect(answer.enrolledDates == 13 && answer.averageDailyEnrolment == 3.25)
        // 1, 3 and 10 days: halfway to the middle one on either side.
        #expect(answer.lengthsOfStay.median == 3)
        #expect(answer.lengthsOfStay.quartiles == [2, 6.5])
    }

    @Test("Quartiles are those of QUARTILE.INC: linear between the two nearest lengths")
    func quartiles() {
        let four = LengthsOfStay([20, 4, 9, 6])
        #expect(four.quartiles == [5.5, 11.75] && four.median == 7.5 && four.mean == 9.75)
        #expect(LengthsOfStay([7]).quartiles == [7, 7] && LengthsOfStay([7]).median == 7)
        #expect(LengthsOfStay().quartiles == nil && LengthsOfStay().median == nil)
    }

    @Test("An episode in two stays of a program on a date is there once; a program has its own")
    func enrolment() {
        // Both programs on the 3rd; back in the first on the same date as it left.
        let moved = episode(
            7,
            [
                ("day", "2026-03-02 15:00"), ("evening", "2026-03-03 15:00"),
                ("day", "2026-03-03 18:00"),
            ],
            ended: ("2026-03-04 15:00", .completed, 3)
        )
        #expect(outcomes([moved]).enrolledDates == 3)
        #expect(outcomes([moved], program: "day").enrolledDates == 3)
        #expect(outcomes([moved], program: "evening").enrolledDates == 1)
        #expect(outcomes([moved], program: "evening").midnights == 0)
    }

    @Test("A service is an unbroken time at one level: TEDS 4 where another level follows")
    func services() throws {
        var story = try Story(timeZone: "America/New_York")
        // 5 to 15 January, both counted: 11 days. To 13 February: 30 days.
        story.admit(.partialHospitalization, program: "php", "01-05 14:00")
        story.step(.partialHospitalization, .intensiveOutpatient, program: "iop", "01-15 15:00")
        // Another program of the same level goes on with the service, and gives it its name.
        story.add(.programChanged(ProgramChanged(rationale: "r", program: "eve")), "01-20 15:00")
        story.add(
            .completed(EpisodeEnd(lastContactAt: instant("02-13 20:00"))),
            "02-16 20:00"
        )
        let census = try #require(try story.census())
        func services(_ from: String, _ to: String, program: String? = nil) -> PeriodOutcomes {
            PeriodOutcomes(
                [census],
                from: date(from),
                to: date(to),
                program: program,
                by: .service,
                effectiveAt: instant("12-01"),
                calendar: story.calendar
            )
        }
        let both = services("2024-01-01", "2024-02-29")
        #expect(
            both.byReason == [
                PeriodOutcomes.Count(reason: .completed, tedsReason: 1, records: 1),
                PeriodOutcomes.Count(
                    reason: .discharged(.transferred),
                    tedsReason: 4,
                    records: 1
                ),
            ]
        )
        #expect(both.lengthsOfStay.days == [11, 30])
        #expect(services("2024-01-01", "2024-01-31").lengthsOfStay.days == [11])
        #expect(services("2024-01-01", "2024-02-29", program: "php").lengthsOfStay.days == [11])
        #expect(services("2024-01-01", "2024-02-29", program: "eve").lengthsOfStay.days == [30])
        #expect(services("2024-01-01", "2024-02-29", program: "iop").discharges == 0)
        // By episode there is one end, by the last level's rule.
        #expect(outcomes([census], "2024-02-01", "2024-02-29").lengthsOfStay.days == [40])
    }

    @Test("The length of a service goes by its own level, and is at least 1")
    func serviceLengths() throws {
        var story = try Story()
        // Nights for residential: 3. The last contact lies before the step: 1.
        story.admit(.residential, "03-01 10:00")
        story.step(.residential, .outpatient, "03-04 10:00")
        story.add(
            .discharged(
                Discharged(
                    reason: .droppedOut,
                    end: EpisodeEnd(lastContactAt: instant("03-02 10:00"))
                )
            ),
            "03-20 10:00"
        )
        let services = try #require(try story.census()).services(story.calendar)
        #expect(services.map(\.lengthOfStayDays) == [3, 1])
        #expect(services.map(\.reason) == [.discharged(.transferred), .discharged(.droppedOut)])
        // One that lasts has neither.
        let open = try #require(try story.census(effectiveAt: instant("03-10")))
        #expect(open.services(story.calendar).map(\.lengthOfStayDays) == [3, nil])
    }

    @Test("A program has its own stays, and the episodes that ended in it")
    func program() {
        let day = outcomes(episodes, program: "day")
        #expect(day.byReason.map(\.reason) == [.completed, .discharged(.droppedOut)])
        #expect(day.byReason.map(\.records) == [1, 1])
        #expect(day.lengthsOfStay.mean == 2)
        #expect(day.midnights == 4 + 2 + 1)
        let evening = outcomes(episodes, program: "evening")
        #expect(evening.byReason.map(\.reason) == [.completed])
        #expect(evening.lengthsOfStay.mean == 10)
        #expect(evening.midnights == 2 + 1)
        let other = outcomes(episodes, program: "other")
        #expect(other.discharges == 0 && other.averageDailyCensus == 0)
        #expect(other.lengthsOfStay.mean == nil)
    }

    @Test("What lies after the time asked for has not happened")
    func effectiveTime() {
        let before = outcomes(episodes, effectiveAt: "2026-03-05 04:59")
        #expect(before.byReason.map(\.reason) == [.discharged(.droppedOut)])
        let then = outcomes(episodes, effectiveAt: "2026-03-05 05:00")
        #expect(then.byReason.map(\.reason) == [.completed, .discharged(.droppedOut)])
        // Still open, the second is there at the last midnight too, like the fourth.
        #expect(before.midnights == 4 + 3 + 4)
    }

    @Test("Reasons stand in the order of TEDS, with their codes")
    func teds() throws {
        let reasons = [
            "other", "died", "incarcerated", "transferred", "terminated", "dropped_out",
            "completed",
        ]
        let answer = outcomes(
            try reasons.enumerated().map { number, reason in
                episode(
                    UInt128(number),
                    [("day", "2026-03-02 15:00")],
                    ended: ("2026-03-03 15:00", try #require(EndReason(rawValue: reason)), 2)
                )
            }
        )
        #expect(answer.byReason.map(\.reason.teds) == Array(1...7))
        #expect(answer.byReason.map(\.reason.rawValue) == reasons.reversed())
    }

    @Test("Items are the reasons and the numbers by name")
    func items() {
        let items = outcomes(episodes, program: "evening").items
            .map { "\($0.name) \(String(decoding: $0.value.bytes, as: UTF8.self))" }
        #expect(
            items == [
                #"by_reason/completed {"reason":"completed","n":1}"#,
                "discharges 1", "alos_days 10", "median_los_days 10",
                "los_quartile_days [10,10]", "adc 0.75", "average_daily_enrolment 1",
            ]
        )
        #expect(
            outcomes([]).items.map { String(decoding: $0.value.bytes, as: UTF8.self) }
                == ["0", "null", "null", "null", "0", "0"]
        )
    }

    @Test(
        "The average daily census times the days is the sum of the midnight censuses",
        arguments: [
            ("UTC", "2024-02-20"), ("America/New_York", "2024-02-25"),
            ("Africa/Cairo", "2024-04-10"), ("Pacific/Apia", "2011-12-01"),
        ],
        [71, 72, 73] as [UInt64]
    )
    func sums(_ zone: (String, String), _ seed: UInt64) throws {
        let calendar = try LocalCalendar(timeZone: zone.0)
        let first = date(zone.1)
        var histories = RandomHistories(seed: seed, calendar: calendar, firstDate: first, days: 40)
        let models = try recorded(histories.events(500, episodes: 40)).compactMap {
            try EpisodeCensus.fold($0, try EffectiveHistory($1), calendar: calendar)
        }
        var generator = SeededRandom(seed: seed)
        var total = (midnights: 0, discharges: 0)
        for _ in 0..<30 {
            let from = first.adding(days: Int.random(in: -5..<60, using: &generator))
            let to = from.adding(days: generator.pick([0, 1, 6, 30, 90]))
            let program = generator.pick([nil] + RandomHistories.programs.map(Optional.some))
            let end = calendar.startOfDay(to.adding(days: 1))
            let effectiveAt = generator.pick([
                justBefore(end), end.advanced(bySeconds: -40_000), calendar.startOfDay(from),
            ])
            let outcomes = PeriodOutcomes(
                models,
                from: from,
                to: to,
                program: program,
                effectiveAt: effectiveAt,
                calendar: calendar
            )
            let tally = CensusTally(
                models,
                from: from,
                to: to,
                program: program,
                effectiveAt: effectiveAt,
                calendar: calendar
            )
            let sum = tally.days.reduce(0) { $0 + $1.total }
            #expect(outcomes.midnights == sum, "seed \(seed) \(zone.0) \(from) \(to)")
            let days = Double(tally.days.count)
            #expect(abs(outcomes.averageDailyCensus * days - Double(sum)) < 1e-6)
            // An episode's end closes its last stay, which the census counts as a discharge.
            let discharges = tally.days.flatMap(\.groups).reduce(0) { $0 + $1.discharges }
            #expect(outcomes.enrolledDates >= outcomes.midnights)
            #expect(outcomes.discharges == discharges, "seed \(seed) \(zone.0) \(from) \(to)")
            total.midnights += sum
            total.discharges += discharges
        }
        #expect(total.midnights > 100 && total.discharges > 3, "\(total)")
    }
}
