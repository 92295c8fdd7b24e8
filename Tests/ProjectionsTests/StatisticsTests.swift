import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("The statistics of a period")
struct StatisticsTests {
    private let calendar: LocalCalendar

    init() throws {
        calendar = try LocalCalendar(timeZone: "UTC")
    }

    /// An episode of a client of its own.
    private func episode(
        _ number: UInt128,
        _ client: String,
        _ tell: (inout Story) -> Void
    ) throws -> EpisodeCensus {
        var story = try Story()
        tell(&story)
        var census = try #require(try story.census())
        census.episodeID = EpisodeID(bits: number)
        census.clientID = client
        return census
    }

    /// Four clients in March 2024, two programs.
    private var clinic: [EpisodeCensus] {
        get throws {
            [
                // There since February; two sessions on one date, one that does not count.
                try episode(1, "a") { story in
                    story.admit(
                        Admitted(
                            clientID: "x",
                            program: "day",
                            levelOfCare: .intensiveOutpatient,
                            track: .mentalHealth,
                            referralSource: .court,
                            priorLevelOfCare: .inpatient,
                            payer: Payer(class: .medicaid)
                        ),
                        "02-20"
                    )
                    story.attend("s-1", "03-04 09:00")
                    story.attend("s-2", "03-04 13:00")
                    story.miss("s-3", .noShow, "03-05 09:00")
                    story.attend("s-4", counts: false, "03-06 09:00")
                    story.miss("s-5", .cancelledByProgram, "03-07 09:00")
                    story.add(.completed(EpisodeEnd(lastContactAt: instant("03-10"))), "03-10")
                },
                // Goes on in another program.
                try episode(2, "b") { story in
                    story.admit(program: "day", "03-05")
                    story.add(
                        .programChanged(
                            ProgramChanged(
                                rationale: "r",
                                program: "evening",
                                track: .coOccurring,
                                schedule: .evening
                            )
                        ),
                        "03-15"
                    )
                },
                // Comes back after 10 dates, elsewhere.
                try episode(3, "a") { story in
                    story.admit(program: "evening", "03-20")
                    story.attend("s-6", "03-21 09:00")
                },
                // Comes back after 29 dates; and one after 31, which is none.
                try episode(4, "c") { story in
                    story.admit(program: "day", "01-05")
                    story.add(.discharged(Discharged(reason: .terminated)), "02-01")
                },
                try episode(5, "c") { story in story.admit(program: "day", "03-01") },
                try episode(6, "d") { story in
                    story.admit(program: "day", "01-05")
                    story.add(.completed(EpisodeEnd()), "01-30")
                },
                try episode(7, "d") { story in story.admit(program: "day", "03-01") },
            ]
        }
    }

    private func statistics(
        _ models: [EpisodeCensus],
        _ from: String = "2024-03-01",
        _ to: String = "2024-03-31",
        program: String? = nil,
        by span: Statistics.Span? = nil,
        effectiveAt: String = "12-01"
    ) -> Statistics {
        Statistics(
            models,
            from: date(from),
            to: date(to),
            program: program,
            by: span,
            effectiveAt: instant(effectiveAt),
            calendar: calendar
        )
    }

    private func isBalanced(_ figures: Figures) -> Bool {
        figures.carriedOver + figures.admitted + figures.transferredIn
            == figures.ended.values.reduce(0, +) + figures.transferredOut + figures.remaining
    }

    @Test("A month, counted by hand")
    func byHand() throws {
        let answer = statistics(try clinic)
        #expect(answer.periods.count == 1)
        let month = answer.periods[0]
        var expected = Figures()
        expected.carriedOver = 1
        expected.admitted = 4
        expected.transferredIn = 1
        expected.ended = [.completed: 1]
        expected.transferredOut = 1
        expected.remaining = 4
        expected.clients = 4
        expected.readmissions = 2
        // 20 February to 10 March, both counted.
        expected.lengthsOfStay = LengthsOfStay([20])
        // The 4th, with two sessions, and the 21st; the one of the 6th does not count.
        expected.serviceDays = 2
        expected.attended = 4
        expected.missed = [.noShow: 1, .cancelledByProgram: 1]
        // Weeks from 26 February on: 1 of the first client, 3 of the second, 1 of her second episode, 4
        // and 4 of those who were admitted on 1 March; nobody came for nine hours.
        expected.judgedWeeks = 13
        expected.weeksBelow = 13
        #expect(month.total == expected)
        #expect(month.total.attendanceRate == 0.8 && month.total.noShowRate == 0.2)
        #expect(
            month.readmissions == [
                Statistics.Readmission(
                    episodeID: EpisodeID(bits: 5),
                    clientID: "c",
                    program: "day",
                    admittedAt: instant("03-01"),
                    previousEpisodeID: EpisodeID(bits: 4),
                    previousEndedAt: instant("02-01"),
                    days: 29
                ),
                Statistics.Readmission(
                    episodeID: EpisodeID(bits: 3),
                    clientID: "a",
                    program: "evening",
                    admittedAt: instant("03-20"),
                    previousEpisodeID: EpisodeID(bits: 1),
                    previousEndedAt: instant("03-10"),
                    days: 10
                ),
            ]
        )
    }

    @Test("A program has its own stays, sessions and readmissions; both balance")
    func program() throws {
        let day = statistics(try clinic, program: "day").periods[0]
        #expect(isBalanced(day.total))
        #expect(
            [
                day.total.carriedOver, day.total.admitted, day.total.transferredIn,
                day.total.transferredOut, day.total.remaining, day.total.clients,
            ] == [1, 3, 0, 1, 2, 4]
        )
        #expect(day.readmissions.map(\.clientID) == ["c"])
        #expect(day.total.serviceDays == 1 && day.total.attended == 3)
        #expect(day.total.lengthsOfStay.days == [20])
        #expect(day.total.judgedWeeks == 9)
        let evening = statistics(try clinic, program: "evening").periods[0]
        #expect(isBalanced(evening.total))
        #expect(
            [
                evening.total.carriedOver, evening.total.admitted, evening.total.transferredIn,
                evening.total.transferredOut, evening.total.remaining, evening.total.clients,
            ] == [0, 1, 1, 0, 2, 2]
        )
        // The end in the other program counts before the admission in this one.
        #expect(evening.readmissions.map(\.clientID) == ["a"])
        #expect(evening.total.attended == 1 && evening.total.missed.isEmpty)
        // A week counts in the program in which it ended.
        #expect(evening.total.judgedWeeks == 4)
    }

    @Test("Of two whole weeks one is below nine hours; a week counts where its last date lies")
    func judgedWeeks() throws {
        let client = try episode(1, "a") { story in
            // 3 June 2024 is a Monday.
            story.admit(program: "day", "06-03")
            for day in ["03", "05", "07"] {
                story.attend("s-\(day)", minutes: 180, "06-\(day) 09:00")
            }
            for day in ["10", "12"] { story.attend("s-\(day)", minutes: 180, "06-\(day) 09:00") }
            story.attend("s-17", "06-17 09:00")
            story.add(.completed(EpisodeEnd()), "06-20")
        }
        func judged(_ from: String, _ to: String, at time: String = "12-01") -> [Int] {
            let figures = statistics([client], from, to, effectiveAt: time).periods[0].total
            return [figures.judgedWeeks, figures.weeksBelow]
        }
        #expect(judged("2024-06-01", "2024-06-30") == [2, 1])
        let rate = statistics([client], "2024-06-01", "2024-06-30").periods[0].total.belowRate
        #expect(rate == 0.5)
        #expect(judged("2024-06-01", "2024-06-09") == [1, 0])
        #expect(judged("2024-06-01", "2024-06-08") == [0, 0])
        #expect(judged("2024-06-16", "2024-06-16") == [1, 1])
        // A week is not judged before it is over.
        #expect(judged("2024-06-01", "2024-06-30", at: "06-15") == [1, 0])
        #expect(statistics([], "2024-06-01", "2024-06-30").periods[0].total.belowRate == nil)
    }

    @Test("Groups are those of the admission, and the last track and schedule of the period")
    func groups() throws {
        func values(_ period: Statistics.Period, _ dimension: Statistics.Dimension) -> [String] {
            period.groups.filter { $0.dimension == dimension }.map {
                "\($0.value ?? "-") \($0.figures.admitted) \($0.figures.clients)"
            }
        }
        let all = statistics(try clinic).periods[0]
        #expect(values(all, .referralSource) == ["court 0 1", "- 4 4"])
        #expect(values(all, .payerClass) == ["medicaid 0 1", "- 4 4"])
        #expect(values(all, .priorLevelOfCare) == ["inpatient 0 1", "- 4 4"])
        #expect(values(all, .track) == ["co_occurring 1 1", "mental_health 0 1", "- 3 3"])
        #expect(values(all, .schedule) == ["evening 1 1", "- 3 3"])
        // Before the change, and in the program that was left, nobody had named a track.
        let first = statistics(try clinic, "2024-03-01", "2024-03-14").periods[0]
        #expect(values(first, .track) == ["mental_health 0 1", "- 3 3"])
        let day = statistics(try clinic, program: "day").periods[0]
        #expect(values(day, .track) == ["mental_health 0 1", "- 3 3"])
    }

    @Test("Months and weeks are those of the calendar, cut where the period begins and ends")
    func spans() throws {
        let months = statistics(try clinic, "2024-02-10", "2024-04-05", by: .month)
        #expect(
            months.periods.map { "\($0.from) \($0.to)" } == [
                "2024-02-10 2024-02-29", "2024-03-01 2024-03-31", "2024-04-01 2024-04-05",
            ]
        )
        #expect(months.periods[1].total == statistics(try clinic).periods[0].total)
        #expect(months.periods.map(\.total.remaining) == [1, 4, 4])
        // 4 March 2024 is a Monday.
        let weeks = statistics(try clinic, "2024-03-02", "2024-03-12", by: .week)
        #expect(
            weeks.periods.map { "\($0.from) \($0.to)" } == [
                "2024-03-02 2024-03-03", "2024-03-04 2024-03-10", "2024-03-11 2024-03-12",
            ]
        )
        // As weeks from Sunday on.
        let weeksFromSunday = LedgerSettings([
            LedgerSetting(
                entry: 1,
                key: "first_day_of_week",
                value: "sunday",
                fromDate: date("2024-01-01"),
                recordedBy: "a",
                recordedAt: instant("01-01")
            )
        ])
        let sundays = Statistics(
            try clinic,
            from: date("2024-03-02"),
            to: date("2024-03-12"),
            program: nil,
            by: .week,
            attendance: AttendanceSettings(ledger: weeksFromSunday),
            effectiveAt: instant("12-01"),
            calendar: calendar
        )
        #expect(
            sundays.periods.map(\.from) == [
                date("2024-03-02"), date("2024-03-03"), date("2024-03-10"),
            ]
        )
        let year = statistics(try clinic, "2023-12-31", "2024-01-01", by: .month)
        #expect(year.periods.map(\.from) == [date("2023-12-31"), date("2024-01-01")])
    }

    @Test("A readmission is 0 to 30 dates after an end; of several the latest end is named")
    func readmissions() throws {
        func ended(_ number: UInt128, _ from: String, _ to: String) throws -> EpisodeCensus {
            try episode(number, "a") { story in
                story.admit(from)
                story.add(.completed(EpisodeEnd()), to)
            }
        }
        let again = try episode(9, "a") { story in story.admit("03-20 10:00") }
        func found(_ before: [EpisodeCensus]) -> [String] {
            statistics(before + [again]).periods[0].readmissions.map {
                "\($0.previousEpisodeID == before[0].episodeID) \($0.days)"
            }
        }
        #expect(found([try ended(1, "01-01", "02-19 23:00")]) == ["true 30"])
        #expect(found([try ended(1, "01-01", "02-18 23:00")]) == [])
        // On one date, whichever hour comes first.
        #expect(found([try ended(1, "01-01", "03-20 15:00")]) == ["true 0"])
        #expect(found([try ended(1, "01-01", "03-21")]) == [])
        #expect(
            found([try ended(1, "01-01", "03-10"), try ended(2, "01-01", "03-05")])
                == ["true 10"]
        )
        // At a time before the later end only the earlier one is known to have come.
        #expect(found([]) == [])
    }

    @Test("What lies after the time asked for has not happened")
    func effectiveTime() throws {
        let before = statistics(try clinic, effectiveAt: "03-09").periods[0].total
        #expect(before.ended.isEmpty && before.remaining == 4 && before.lengthsOfStay.days == [])
        #expect(before.transferredOut == 0 && before.attended == 3)
    }

    @Test("A spreadsheet has a line for each period and group, each reason in a column")
    func lines() throws {
        let table = CSVTable(statistics(try clinic).lines, Statistics.Line.columns)
        let lines = String(decoding: table.bytes, as: UTF8.self).split(separator: "\r\n")
        let names = """
            from,to,dimension,value,carried_over,admitted,transferred_in,ended_completed,\
            ended_dropped_out,ended_terminated,ended_transferred,ended_incarcerated,ended_died,\
            ended_other,transferred_out,remaining,clients,readmissions,mean_los_days,\
            median_los_days,service_days,attended,missed_no_show,missed_cancelled_by_client,\
            missed_cancelled_by_program,missed_excused,attendance_rate,no_show_rate,judged_weeks,\
            weeks_below,below_rate
            """
        #expect(lines[0] == names)
        let total =
            "2024-03-01,2024-03-31,,,1,4,1,1,0,0,0,0,0,0,1,4,4,2,20,20,2,4,1,0,1,0,0.8,0.2,13,13,1"
        #expect(lines[1] == total)
        #expect(lines[2].hasPrefix("2024-03-01,2024-03-31,referral_source,court,1,0,0,1,"))
        // The names, the total, and the values of five dimensions.
        #expect(lines.count == 13)
    }

    @Test(
        "The identity holds for every period and group, and agrees with census and outcomes",
        arguments: ["UTC", "America/New_York", "Australia/Lord_Howe"],
        [81, 82, 83] as [UInt64]
    )
    func identity(_ zone: String, _ seed: UInt64) throws {
        let calendar = try LocalCalendar(timeZone: zone)
        var histories = RandomHistories(seed: seed, calendar: calendar, days: 90)
        let models = try recorded(histories.events(700, episodes: 50)).compactMap {
            try EpisodeCensus.fold($0, try EffectiveHistory($1), calendar: calendar)
        }
        var generator = SeededRandom(seed: seed)
        var seen = (readmissions: 0, ended: 0, groups: 0, sessions: 0)
        for round in 0..<12 {
            let from = date("2024-02-10").adding(days: Int.random(in: 0..<40, using: &generator))
            let to = from.adding(days: Int.random(in: 0..<90, using: &generator))
            let program = generator.pick([nil] + RandomHistories.programs.map(Optional.some))
            let effectiveAt = justBefore(calendar.startOfDay(to.adding(days: 1)))
            let answer = Statistics(
                models,
                from: from,
                to: to,
                program: program,
                by: generator.pick([nil, .month, .week]),
                effectiveAt: effectiveAt,
                calendar: calendar
            )
            let note: Comment = "\(zone) seed \(seed) round \(round)"
            #expect(answer.periods.first?.from == from && answer.periods.last?.to == to, note)
            for (before, after) in zip(answer.periods, answer.periods.dropFirst()) {
                #expect(before.to.adding(days: 1) == after.from, note)
                #expect(before.total.remaining == after.total.carriedOver, note)
            }
            for period in answer.periods {
                #expect(isBalanced(period.total), note)
                for group in period.groups { #expect(isBalanced(group.figures), note) }
                for dimension in Statistics.Dimension.allCases {
                    var sum = Figures()
                    for group in period.groups where group.dimension == dimension {
                        sum.add(group.figures)
                        #expect(group.figures.clients <= period.total.clients, note)
                    }
                    sum.clients = period.total.clients
                    sum.lengthsOfStay = LengthsOfStay(sum.lengthsOfStay.days.sorted())
                    var total = period.total
                    total.lengthsOfStay = LengthsOfStay(total.lengthsOfStay.days.sorted())
                    #expect(sum == total, note)
                }
                #expect(period.readmissions.count == period.total.readmissions, note)
                // Stay by stay and session by session, by the definitions.
                let stays = models.compactMap { $0.cut(effectiveAt) }.flatMap { model in
                    model.stays.map { (model, $0) }
                }.filter { program == nil || $0.1.program == program }
                let start = calendar.startOfDay(period.from)
                let next = calendar.startOfDay(period.to.adding(days: 1))
                let there = stays.filter { $0.1.from < next && $0.1.to.map { $0 >= start } ?? true }
                #expect(period.total.clients == Set(there.map(\.0.clientID)).count, note)
                #expect(
                    period.total.remaining
                        == there.filter { $0.1.to.map { $0 >= next } ?? true }.count,
                    note
                )
                #expect(
                    period.total.carriedOver == there.filter { $0.1.from < start }.count,
                    note
                )
                let attended = models.flatMap { model in
                    model.sessions.filter { session in
                        session.outcome == .attended && session.start >= start
                            && session.start < next && session.start <= effectiveAt
                            && (program == nil || model.stay(at: session.start)?.program == program)
                    }.map { (model.episodeID, calendar.date(of: $0.start), $0.minutes > 0) }
                }
                #expect(period.total.attended == attended.count, note)
                let days = Set(
                    attended.filter(\.2).map { "\($0.0) \($0.1)" }
                )
                #expect(period.total.serviceDays == days.count, note)
                let outcomes = PeriodOutcomes(
                    models,
                    from: period.from,
                    to: period.to,
                    program: program,
                    effectiveAt: effectiveAt,
                    calendar: calendar
                )
                #expect(outcomes.lengthsOfStay.days == period.total.lengthsOfStay.days.sorted())
                #expect(
                    Dictionary(
                        uniqueKeysWithValues: outcomes.byReason.map { ($0.reason, $0.records) }
                    ) == period.total.ended,
                    note
                )
                seen.readmissions += period.readmissions.count
                seen.ended += outcomes.discharges
                seen.groups += period.groups.count
                seen.sessions += attended.count
            }
        }
        #expect(
            seen.readmissions > 0 && seen.ended > 5 && seen.groups > 20 && seen.sessions > 10,
            "\(zone) seed \(seed): \(seen)"
        )
    }
}
