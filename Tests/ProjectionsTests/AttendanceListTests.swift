import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

/// 2026-01-05 was the Monday of 2026-W02.
@Suite("Attendance of everybody who is enrolled")
struct AttendanceListTests {
    private let calendar: LocalCalendar

    init() throws { calendar = try LocalCalendar(timeZone: "UTC") }

    private func row(
        _ story: AttendanceStory,
        _ time: String,
        _ settings: AttendanceSettings = AttendanceSettings()
    ) throws -> AttendanceList.Enrolled? {
        let census = try EpisodeCensus.fold(
            EpisodeID(bits: 1),
            EffectiveHistory(story.events, effectiveAt: moment(time)),
            calendar: calendar
        )
        return census.flatMap {
            AttendanceList.Enrolled($0, at: AttendanceTime(moment(time), calendar, settings))
        }
    }

    private func setting(_ entry: Int64, _ key: String, _ value: String) -> LedgerSetting {
        LedgerSetting(
            entry: entry,
            key: key,
            value: value,
            fromDate: date("2026-01-01"),
            recordedBy: "a",
            recordedAt: moment("2026-01-01")
        )
    }

    /// The example of docs/read-models.md, "Everybody who is enrolled".
    private func example() throws -> AttendanceStory {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("s-1", minutes: 300, "2026-01-06 10:00")
        story.attend("s-2", minutes: 180, "2026-01-12 10:00")
        story.miss(.noShow, id: "s-3", "2026-01-14 10:00")
        story.miss(.cancelledByClient, id: "s-4", "2026-01-15 10:00")
        story.miss(.noShow, id: "s-5", "2026-01-16 10:00")
        story.miss(.noShow, id: "s-6", "2026-01-19 10:00")
        story.family(present: false, "f-1", "2026-01-20 10:00")
        return story
    }

    @Test("Who is below the threshold for centuries is so for ten years")
    func mistypedYear() throws {
        var story = try AttendanceStory()
        story.admit("0205-01-06 10:00")
        let row = try #require(try row(story, "2026-01-21 12:00"))
        let below = try #require(row.flags.first { $0.flag == .belowWeeklyHours })
        // The week of 12 January is the last of them.
        let first = date("2026-01-12").adding(days: -7 * (EpisodeAttendance.weekLimit - 1))
        #expect(below.at == calendar.startOfDay(first.adding(days: 7)))
    }

    @Test("Sessions within a time are found at any place")
    func within() {
        var random = SeededRandom(seed: 5)
        for count in 0..<40 {
            let starts = (0..<count).map { _ in Int64.random(in: 0..<20, using: &random) }.sorted()
            let sessions = starts.map {
                EpisodeCensus.Session(
                    start: Instant(microseconds: $0),
                    minutes: 1,
                    outcome: .attended
                )
            }
            for _ in 0..<20 {
                let from = Int64.random(in: -2..<22, using: &random)
                let to = from + Int64.random(in: 0..<10, using: &random)
                let found = sessions.within(
                    Instant(microseconds: from)..<Instant(microseconds: to)
                )
                #expect(found.map(\.start.microseconds) == starts.filter { from <= $0 && $0 < to })
            }
        }
    }

    @Test("The example that is worked out by hand in the documentation")
    func workedOut() throws {
        let row = try #require(try row(example(), "2026-01-21 12:00"))
        #expect(row.dayOfStay == 17)
        #expect(row.lastWeek.hours == 3 && row.lastWeek.threshold == 9 && row.lastWeek.isBelow)
        #expect(row.presentHours == 0)
        #expect(row.noShowsInARow == 3)
        #expect(row.lastAttendedOn == date("2026-01-12") && row.daysNotSeen == 9)
        #expect(row.flags.map(\.flag) == [.noShowsInARow, .notSeen, .belowWeeklyHours])
        #expect(
            row.flags.map(\.at)
                == [moment("2026-01-19 10:00"), moment("2026-01-19"), moment("2026-01-12")]
        )
        // From the 8th to the 21st.
        #expect(row.days.map(\.count) == [0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0])
        #expect(row.days[4].map(\.minutes) == [180])
        #expect(
            row.days[7].map(\.outcome) == [.missed(.cancelledByClient)]
                && row.days[12].map(\.outcome) == [.heldWithoutClient]
        )
        #expect(row.seriousness == 0)
    }

    @Test("An attended session ends a run of no-shows; what was excused or cancelled does not")
    func runs() throws {
        var story = try example()
        story.miss(.excused, id: "s-7", "2026-01-21 10:00")
        story.miss(.cancelledByProgram, id: "s-8", "2026-01-21 11:00")
        story.miss(.noShow, id: "s-9", "2026-01-21 12:00")
        #expect(try row(story, "2026-01-21 11:59")?.noShowsInARow == 3)
        let later = try #require(try row(story, "2026-01-21 12:00"))
        #expect(later.noShowsInARow == 4)
        #expect(later.flags.first?.at == moment("2026-01-19 10:00"), "since the third")
        story.attend("s-10", kind: .medicationManagement, minutes: 15, "2026-01-21 13:00")
        let seen = try #require(try row(story, "2026-01-21 13:00"))
        #expect(seen.noShowsInARow == 0 && seen.daysNotSeen == 0)
        #expect(seen.presentHours == 0, "a prescriber's visit counts toward no hours")
        #expect(seen.flags.map(\.flag) == [.belowWeeklyHours] && seen.seriousness == 2)
    }

    @Test("Who has attended nothing is not seen since the admission")
    func neverSeen() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-07 10:00")
        let before = try #require(try row(story, "2026-01-13 23:59"))
        #expect(before.daysNotSeen == 6 && before.flags.isEmpty && before.seriousness == 4)
        let after = try #require(try row(story, "2026-01-14"))
        #expect(after.daysNotSeen == 7 && after.flags.map(\.flag) == [.notSeen])
        #expect(after.flags[0].at == moment("2026-01-14") && after.lastAttendedAt == nil)
        #expect(after.lastWeek.notJudged == .notThereAllWeek)
    }

    @Test("A week says why it is held against no threshold")
    func exemptions() throws {
        func exemption(_ time: String, _ tell: (inout AttendanceStory) -> Void) throws
            -> JudgedHours.Exemption?
        {
            var story = try AttendanceStory()
            tell(&story)
            return try #require(try row(story, time)).lastWeek.notJudged
        }
        // Admitted on the Tuesday; on the Monday of the week; the week is before the admission.
        #expect(try exemption("2026-01-12") { $0.admit("2026-01-06") } == .notThereAllWeek)
        #expect(try exemption("2026-01-12") { $0.admit("2026-01-05") } == nil)
        #expect(try exemption("2026-01-12") { $0.admit("2026-01-12") } == .notThereAllWeek)
        #expect(
            try exemption("2026-01-12") { $0.admit(level: .outpatient, "2026-01-05") }
                == .noThreshold
        )
        #expect(
            try exemption("2026-01-12") {
                $0.admit("2026-01-05")
                $0.miss(.cancelledByProgram, "2026-01-07 10:00")
            } == .closedByProgram
        )
        // A step in the middle of the week.
        #expect(
            try exemption("2026-01-12") {
                $0.admit(level: .partialHospitalization, "2026-01-05")
                $0.step(.partialHospitalization, .intensiveOutpatient, "2026-01-08")
            } == .notThereAllWeek
        )
    }

    @Test("A week is over with its last date's 24:00")
    func lastWhole() throws {
        let end = moment("2026-01-12")
        for (time, week) in [(justBefore(end), "2026-W01"), (end, "2026-W02")] {
            let at = AttendanceTime(time, calendar, AttendanceSettings())
            #expect(at.lastWeek.description == week)
        }
    }

    @Test("The ledger's settings say how many; a program's beat the ledger's")
    func settings() throws {
        let ledger = LedgerSettings([
            setting(1, "no_shows_in_a_row", "2"), setting(2, "no_shows_in_a_row.iop", "4"),
            setting(3, "not_seen_days", "10"), setting(4, "first_day_of_week", "wednesday"),
        ])
        let settings = AttendanceSettings(ledger: ledger)
        let row = try #require(try row(example(), "2026-01-21 12:00", settings))
        // From Wednesday the 14th to the 20th: no hours.
        #expect(row.flags.map(\.flag) == [.belowWeeklyHours] && row.lastWeek.hours == 0)
        let time = AttendanceTime(moment("2026-01-21 12:00"), calendar, settings)
        let list = AttendanceList([row], program: nil, at: time)
        #expect(list.settings.map(\.entry) == [2, 3, 4])
        #expect(list.lastWeek.description == "2026-01-14")
    }

    @Test("The most serious come first, then by program and client")
    func order() throws {
        let time = AttendanceTime(moment("2026-01-21 12:00"), calendar, AttendanceSettings())
        func enrolled(_ client: String, _ program: String, _ flags: [EpisodeFlag.Flag]) throws
            -> AttendanceList.Enrolled
        {
            var row = try #require(try row(example(), "2026-01-21 12:00"))
            row.clientID = client
            row.stay.program = program
            row.flags = flags.map {
                EpisodeFlag(flag: $0, at: moment("2026-01-19"), eventIDs: [])
            }
            return row
        }
        let list = AttendanceList(
            [
                try enrolled("A", "a", []), try enrolled("B", "a", [.outsideEpisode]),
                try enrolled("C", "a", [.belowWeeklyHours, .outsideEpisode]),
                try enrolled("D", "b", [.notSeen, .belowWeeklyHours]),
                try enrolled("E", "a", [.notSeen]), try enrolled("G", "a", [.noShowsInARow]),
                try enrolled("F", "a", [.noShowsInARow]),
            ],
            program: nil,
            at: time
        )
        #expect(list.enrolled.map(\.clientID) == ["F", "G", "E", "D", "C", "B", "A"])
    }

    @Test(
        "The list says of each episode what its own attendance says, by either clock",
        arguments: ["UTC", "America/New_York", "Africa/Cairo"]
    )
    func equalsSingleEpisodes(_ zone: String) throws {
        let calendar = try LocalCalendar(timeZone: zone)
        var (compared, below, cut) = (0, 0, 0)
        for seed in 81...88 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            let day = random.pick(Weekday.allCases)
            let settings = AttendanceSettings(
                ["iop-evening": 4],
                ledger: LedgerSettings([
                    setting(1, "first_day_of_week", day.rawValue),
                    setting(2, "weekly_hours.iop-day", "5.5"),
                ])
            )
            var histories = RandomHistories(seed: seed, calendar: calendar)
            for (episode, events) in recorded(histories.events(600, episodes: 25)) {
                for _ in 0..<8 {
                    let days = Int64.random(in: 0..<50, using: &random)
                    let time = random.pick(events).occurredAt
                        .advanced(bySeconds: random.pick([0, days * 86_400]))
                    let effectiveAt = random.pick([
                        time, justBefore(calendar.startOfDay(calendar.date(of: time))),
                    ])
                    let clock = random.pick([KnowledgeClock.source, .ledger])
                    let known = random.pick([nil, random.pick(events).knowledgeTime(clock)])
                    let history = try EffectiveHistory(events, knownAt: known, knownBy: clock)
                    let told = AttendanceTime(
                        effectiveAt,
                        calendar,
                        AttendanceSettings(
                            settings.given,
                            ledger: settings.ledger.known(at: known)
                        )
                    )
                    // As the tables have it, cut; what only a fold tells is folded.
                    let whole = try EpisodeCensus.fold(episode, history, calendar: calendar)
                    let isCut = whole.map { !$0.needsFold(at: effectiveAt) } ?? false
                    let model =
                        isCut
                        ? whole
                        : try EpisodeCensus.fold(
                            episode,
                            history.through(effectiveAt),
                            calendar: calendar
                        )
                    guard let model, let row = AttendanceList.Enrolled(model, at: told) else {
                        continue
                    }
                    cut += isCut && known == nil ? 1 : 0
                    let single = try #require(
                        try EpisodeAttendance.fold(
                            history,
                            effectiveAt: effectiveAt,
                            calendar: calendar,
                            settings: settings
                        )
                    )
                    let note: Comment = "seed \(seed), \(zone), \(episode) at \(effectiveAt)"
                    let last = single.weeks.first { $0.week == told.lastWeek }
                    #expect(row.lastWeek == last?.judged ?? row.lastWeek, note)
                    #expect(last != nil || row.lastWeek.notJudged == .notThereAllWeek, note)
                    let present = single.weeks.first { $0.week == told.presentWeek }
                    #expect(row.presentMicroseconds == present?.judged.microseconds, note)
                    let isFlagged = row.flags.contains { $0.flag == .belowWeeklyHours }
                    #expect(
                        isFlagged
                            == last?.flags.contains { $0.flag == .belowWeeklyHours } ?? false,
                        note
                    )
                    compared += 1
                    below += isFlagged ? 1 : 0
                }
            }
        }
        #expect(compared > 500, "\(compared)")
        #expect(below > 20, "\(below)")
        #expect(cut > 100, "\(cut)")
    }

    @Test("Tables and folds list the same, at any time and of any knowledge")
    func tables() async throws {
        try await ProjectionFixture.with(timeZone: "America/New_York") { fixture in
            let projection = try CensusProjection(fixture.ledger)
            var histories = RandomHistories(seed: 91, calendar: projection.calendar, days: 90)
            try await fixture.append(histories.events(900, episodes: 60))
            let head = try await fixture.head()
            try await ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            ).catchUp(to: head)
            let query = try CensusQuery(fixture.database, ledger: fixture.ledger)
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            let events = try await fixture.reader.page(after: .zero, until: head, limit: 1_000)
                .events.map(\.history)
            var random = SeededRandom(seed: 91)
            var found = 0
            for number in 0..<40 {
                let effectiveAt = random.pick(events).occurredAt
                let clock = random.pick([KnowledgeClock.source, .ledger])
                let knowledge =
                    number.isMultiple(of: 2)
                    ? nil : Knowledge(at: random.pick(events).knowledgeTime(clock), by: clock)
                let all = try await model.folded(
                    knownAt: knowledge?.at,
                    knownBy: clock,
                    effectiveAt: effectiveAt
                ).0
                let time = AttendanceTime(effectiveAt, projection.calendar, AttendanceSettings())
                let expected = AttendanceList(all, program: nil, at: time)
                let (list, _) = try await query.attendance(
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                )
                #expect(list.items.map(\.name) == expected.items.map(\.name))
                #expect(list.items.map(\.value.bytes) == expected.items.map(\.value.bytes))
                found += list.enrolled.count
            }
            #expect(found > 100, "\(found)")
        }
    }
}
