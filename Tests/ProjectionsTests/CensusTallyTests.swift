import CareEpisode
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

/// Zones, and the first date of two months in which their clocks change.
private let zones = [
    ("UTC", "2024-02-20"), ("America/New_York", "2024-02-25"), ("Europe/Berlin", "2024-10-01"),
    ("America/Havana", "2024-02-25"), ("Africa/Cairo", "2024-04-10"),
    ("Asia/Beirut", "2024-03-15"), ("Australia/Lord_Howe", "2024-03-20"),
    // Without a 30 December 2011.
    ("Pacific/Apia", "2011-12-01"),
]

@Suite("The numbers of the census")
struct CensusTallyTests {
    private func models(
        seed: UInt64,
        _ calendar: LocalCalendar,
        _ firstDate: CalendarDate
    ) throws -> [EpisodeCensus] {
        var histories = RandomHistories(
            seed: seed,
            calendar: calendar,
            firstDate: firstDate,
            days: 40
        )
        return try recorded(histories.events(400, episodes: 40)).compactMap { episode, events in
            try EpisodeCensus.fold(episode, try EffectiveHistory(events), calendar: calendar)
        }
    }

    @Test(
        "Every day is its eve, plus who came, less who went, for every program and level",
        arguments: zones,
        [11, 12, 13] as [UInt64]
    )
    func identity(_ zone: (String, String), _ seed: UInt64) throws {
        let calendar = try LocalCalendar(timeZone: zone.0)
        let first = date(zone.1).adding(days: -5)
        let models = try models(seed: seed, calendar, date(zone.1))
        let stays = models.flatMap(\.stays)
        let tally = CensusTally(
            models,
            from: first,
            to: first.adding(days: 100),
            program: nil,
            effectiveAt: Instant(microseconds: .max),
            calendar: calendar
        )
        struct Key: Hashable {
            let program: String
            let level: LevelOfCare
        }
        var before: [Key: Int] = [:]
        var moves = 0
        for (index, day) in tally.days.enumerated() {
            #expect(day.date == first.adding(days: index))
            var groups: [Key: CensusGroup] = [:]
            for group in day.groups {
                groups[Key(program: group.program, level: group.levelOfCare)] = group
            }
            #expect(groups.count == day.groups.count, "a group is listed once")
            if index > 0 {
                for key in Set(groups.keys).union(before.keys) {
                    let group = groups[key]
                    let change =
                        (group?.admissions ?? 0) + (group?.transfersIn ?? 0)
                        - (group?.transfersOut ?? 0) - (group?.discharges ?? 0)
                    #expect(
                        group?.census ?? 0 == before[key, default: 0] + change,
                        "\(zone.0) seed \(seed) \(day.date) \(key)"
                    )
                }
            }
            // By the definition, stay by stay.
            let start = calendar.startOfDay(day.date)
            let midnight = calendar.startOfDay(day.date.adding(days: 1))
            let there = stays.filter { $0.from < midnight && $0.to.map { $0 >= midnight } ?? true }
            #expect(day.total == there.count, "\(zone.0) seed \(seed) \(day.date)")
            let clients = models.filter { $0.stays.contains { there.contains($0) } }
            #expect(day.clients == Set(clients.map(\.clientID)).count)
            let begun = stays.filter { $0.from >= start && $0.from < midnight }
            let admissions = day.groups.reduce(0) { $0 + $1.admissions }
            #expect(admissions == begun.filter { $0.startReason == .admission }.count)
            let arrivals = admissions + day.groups.reduce(0) { $0 + $1.transfersIn }
            #expect(arrivals == begun.count, "\(zone.0) seed \(seed) \(day.date)")
            let ended = stays.filter { $0.to.map { $0 >= start && $0 < midnight } ?? false }
            let departures = day.groups.reduce(0) { $0 + $1.transfersOut + $1.discharges }
            #expect(departures == ended.count, "\(zone.0) seed \(seed) \(day.date)")
            moves += arrivals + departures
            before = groups.mapValues(\.census)
        }
        #expect(moves > 40, "the histories move")
    }

    @Test("The day of a period is the census of that date", arguments: zones)
    func dayOfPeriod(_ zone: (String, String)) throws {
        let calendar = try LocalCalendar(timeZone: zone.0)
        let first = date(zone.1)
        let models = try models(seed: 21, calendar, first)
        let last = first.adding(days: 60)
        let tally = CensusTally(
            models,
            from: first,
            to: last,
            program: nil,
            effectiveAt: justBefore(calendar.startOfDay(last.adding(days: 1))),
            calendar: calendar
        )
        for day in tally.days {
            let census = CensusOfDate(
                day.date,
                models,
                effectiveAt: justBefore(calendar.startOfDay(day.date.adding(days: 1))),
                program: nil,
                calendar: calendar
            )
            #expect(census.day.groups == day.groups, "\(zone.0) \(day.date)")
            #expect(census.episodes.count == day.total, "\(zone.0) \(day.date)")
            #expect(Set(census.episodes.map(\.episodeID)).count == day.total)
            #expect(Set(census.episodes.map(\.clientID)).count == day.clients)
            #expect(census.day.clients == day.clients)
            let overlapping = census.episodes.filter { $0.overlap != nil }
            #expect(overlapping.isEmpty == (day.clients == day.total))
        }
        #expect(tally.days.contains { $0.total > 0 })
    }

    @Test("A cut of the whole fold is the fold of the cut, save for duplicates across it")
    func cut() throws {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        var generator = SeededRandom(seed: 31)
        var checked = (cut: 0, doubtful: 0)
        for seed in 100..<110 {
            var histories = RandomHistories(seed: UInt64(seed), calendar: calendar)
            for (episode, events) in recorded(histories.events(300, episodes: 12)) {
                guard
                    let whole = try EpisodeCensus.fold(
                        episode,
                        try EffectiveHistory(events),
                        calendar: calendar
                    )
                else { continue }
                for _ in 0..<12 {
                    let time = generator.pick(events).occurredAt
                    let effectiveAt = Instant(
                        microseconds: time.microseconds + generator.pick([-1, 0, 1])
                    )
                    let fold = try EpisodeCensus.fold(
                        episode,
                        try EffectiveHistory(events, effectiveAt: effectiveAt),
                        calendar: calendar
                    )
                    if whole.needsFold(at: effectiveAt) {
                        checked.doubtful += 1
                    } else {
                        checked.cut += 1
                        #expect(whole.cut(effectiveAt) == fold, "seed \(seed) at \(effectiveAt)")
                    }
                }
            }
        }
        #expect(checked.cut > 500 && checked.doubtful > 50, "\(checked)")
    }

    // MARK: One by one

    private func census(
        _ story: Story,
        _ day: String,
        effectiveAt: Instant? = nil,
        program: String? = nil
    ) throws -> CensusOfDate {
        let day = date(day)
        return CensusOfDate(
            day,
            [try #require(try story.census())],
            effectiveAt: effectiveAt
                ?? justBefore(story.calendar.startOfDay(day.adding(days: 1))),
            program: program,
            calendar: story.calendar
        )
    }

    private func counts(_ census: CensusOfDate) -> [[Int]] {
        census.day.groups.map {
            [$0.census, $0.admissions, $0.transfersIn, $0.transfersOut, $0.discharges]
        }
    }

    @Test("What happens at 24:00 belongs to the next day")
    func midnight() throws {
        var story = try Story()
        story.admit("03-02")
        story.add(.completed(EpisodeEnd()), "03-05")
        #expect(try counts(census(story, "2024-03-01")) == [])
        #expect(try counts(census(story, "2024-03-02")) == [[1, 1, 0, 0, 0]])
        #expect(try counts(census(story, "2024-03-03")) == [[1, 0, 0, 0, 0]])
        #expect(try counts(census(story, "2024-03-04")) == [[1, 0, 0, 0, 0]])
        #expect(try counts(census(story, "2024-03-05")) == [[0, 0, 0, 0, 1]])
        #expect(try counts(census(story, "2024-03-06")) == [])
        #expect(try census(story, "2024-03-05").episodes.isEmpty)
    }

    @Test("Stays of no length count in and out, never in a census")
    func zeroLength() throws {
        var story = try Story()
        story.admit("03-01 10:00")
        story.step(.intensiveOutpatient, .outpatient, "03-01 10:00")
        let answer = try census(story, "2024-03-01")
        #expect(
            answer.day.groups.map(\.levelOfCare) == [.intensiveOutpatient, .outpatient]
        )
        #expect(counts(answer) == [[0, 1, 0, 1, 0], [1, 0, 1, 0, 0]])
        #expect(answer.episodes.map(\.stay.levelOfCare) == [.outpatient])
    }

    @Test("An answer for now leaves out what is known to happen later today")
    func cutInsideToday() throws {
        var story = try Story()
        story.admit("03-01 10:00")
        story.step(.intensiveOutpatient, .outpatient, "03-04 12:00")
        story.add(.completed(EpisodeEnd()), "03-04 15:00")
        func at(_ clock: String) throws -> CensusOfDate {
            try census(story, "2024-03-04", effectiveAt: instant("03-04 \(clock)"))
        }
        #expect(try counts(at("11:59")) == [[1, 0, 0, 0, 0]])
        let open = try at("11:59").episodes
        #expect(open.map(\.stay.to) == [nil] && open.map(\.stay.endReason) == [nil])
        #expect(try counts(at("12:00")) == [[0, 0, 0, 1, 0], [1, 0, 1, 0, 0]])
        #expect(try counts(at("15:00")) == [[0, 0, 0, 1, 0], [0, 0, 1, 0, 1]])
        #expect(try at("15:00").episodes.isEmpty)
    }

    @Test("day_of_stay counts the stay's local dates from its first")
    func dayOfStay() throws {
        var story = try Story(timeZone: "America/New_York")
        // 23:30 on 8 March; the clocks go forward on the 10th.
        story.admit("03-09 04:30")
        for (day, number) in [("2024-03-08", 1), ("2024-03-10", 3), ("2024-03-11", 4)] {
            #expect(try census(story, day).episodes.map(\.dayOfStay) == [number])
        }
        // A new stay begins anew.
        story.step(.intensiveOutpatient, .outpatient, "03-12 16:00")
        #expect(try census(story, "2024-03-13").episodes.map(\.dayOfStay) == [2])
    }

    @Test("hours_last_7_days are the date's and those of the six before it")
    func hours() throws {
        var story = try Story(timeZone: "America/New_York")
        story.admit("03-01 12:00")
        // In New York 23:59 on 3 March, 00:00 on the 4th, 00:00 on the 11th: 7 days, 167 hours.
        story.attend("s-1", minutes: 600, "03-04 04:59")
        story.attend("s-2", minutes: 90, "03-04 05:00")
        story.attend("s-3", minutes: 60, "03-11 03:59")
        story.attend("s-4", minutes: 700, "03-11 04:00")
        story.attend("s-5", minutes: 500, counts: false, "03-08 12:00")
        #expect(try census(story, "2024-03-10").episodes.map(\.hoursLast7Days) == [2.5])
        // Sessions after the time that is asked for have not happened.
        let now = try census(story, "2024-03-10", effectiveAt: instant("03-10 20:00"))
        #expect(now.episodes.map(\.hoursLast7Days) == [1.5])
    }

    @Test("A program's census has only its stays")
    func program() throws {
        var story = try Story()
        story.admit(program: "php", "03-01 10:00")
        story.add(
            .programChanged(ProgramChanged(rationale: "r", program: "iop")),
            "03-03 10:00"
        )
        #expect(
            try counts(census(story, "2024-03-03", program: "php")) == [[0, 0, 0, 1, 0]]
        )
        #expect(
            try counts(census(story, "2024-03-03", program: "iop")) == [[1, 0, 1, 0, 0]]
        )
        #expect(try census(story, "2024-03-03", program: "php").episodes.isEmpty)
        #expect(try counts(census(story, "2024-03-03", program: "other")) == [])
        #expect(try counts(census(story, "2024-03-03")).count == 2)
    }

    @Test("A flag is shown from the time on at which there was doubt")
    func flagTimes() throws {
        var story = try Story()
        story.admit("03-01")
        story.attend("s-1", minutes: 120, "03-03 10:00")
        story.attend("s-2", "03-03 11:00")
        func flags(_ time: String) throws -> [EpisodeFlag.Flag] {
            try census(story, "2024-03-03", effectiveAt: instant(time)).episodes.flatMap(\.flags)
                .map(\.flag)
        }
        #expect(try flags("03-03 10:59") == [])
        #expect(try flags("03-03 11:00") == [.overlappingSessions])
    }

    @Test("A client in two stays of a midnight is counted once among the clients, and flagged")
    func clients() throws {
        func episode(_ id: UInt128, _ client: String, _ program: String, _ from: String)
            -> EpisodeCensus
        {
            EpisodeCensus(
                episodeID: EpisodeID(bits: id),
                clientID: client,
                admittedAt: instant(from),
                stays: [
                    EpisodeCensus.Stay(
                        program: program,
                        levelOfCare: .intensiveOutpatient,
                        from: instant(from),
                        startReason: .admission,
                        openedBy: EventID(bits: 100 + id)
                    )
                ],
                end: nil,
                sessions: [],
                flags: []
            )
        }
        let models = [
            episode(1, "a", "day", "03-01"), episode(2, "a", "evening", "03-03"),
            episode(3, "b", "day", "03-02"),
        ]
        let calendar = try LocalCalendar(timeZone: "UTC")
        func census(_ day: String, program: String? = nil) -> CensusOfDate {
            CensusOfDate(
                date(day),
                models,
                effectiveAt: instant("12-01"),
                program: program,
                calendar: calendar
            )
        }
        let before = census("2024-03-02")
        #expect(before.day.total == 2 && before.day.clients == 2)
        #expect(before.episodes.allSatisfy { $0.overlap == nil })
        let then = census("2024-03-03")
        #expect(then.day.total == 3 && then.day.clients == 2)
        let flag = EpisodeFlag(
            flag: .overlappingEpisode,
            at: instant("03-03"),
            eventIDs: [EventID(bits: 101), EventID(bits: 102)]
        )
        #expect(then.episodes.map(\.allFlags) == [[flag], [], [flag]])
        // The other stay counts whichever program is asked about.
        let evening = census("2024-03-03", program: "evening")
        #expect(evening.day.total == 1 && evening.day.clients == 1)
        #expect(evening.episodes.map(\.allFlags) == [[flag]])
        // What one episode's events explain has no trace of another one.
        let items = then.items.map { String(decoding: $0.value.bytes, as: UTF8.self) }
        #expect(items.count == 7 && !items.contains { $0.contains("overlapping") })
        let tally = CensusTally(
            models,
            from: date("2024-03-01"),
            to: date("2024-03-03"),
            program: nil,
            effectiveAt: instant("12-01"),
            calendar: calendar
        )
        #expect(tally.days.map(\.total) == [1, 2, 3] && tally.days.map(\.clients) == [1, 2, 2])
    }

    @Test("Episodes of one client that are open at once overlap; those that touch do not")
    func overlapping() throws {
        func episode(_ id: UInt128, _ client: String, _ from: String, _ to: String?)
            -> EpisodeCensus
        {
            EpisodeCensus(
                episodeID: EpisodeID(bits: id),
                clientID: client,
                admittedAt: instant(from),
                stays: [],
                end: to.map {
                    EpisodeCensus.End(
                        at: instant($0),
                        reason: .completed,
                        lastContactAt: instant($0),
                        lengthOfStayDays: 1
                    )
                },
                sessions: [],
                flags: []
            )
        }
        let found = EpisodeList.overlapping([
            episode(1, "a", "03-01", "03-10"), episode(2, "a", "03-02", "03-03"),
            episode(3, "a", "03-09", "03-12"), episode(4, "a", "03-12", nil),
            episode(5, "b", "03-02", nil), episode(6, "c", "03-02", nil),
            episode(7, "c", "03-02", "03-05"),
        ])
        #expect(found == Set([1, 2, 3, 6, 7].map { EpisodeID(bits: $0) }))
    }
}

func justBefore(_ instant: Instant) -> Instant {
    Instant(microseconds: instant.microseconds - 1)
}
