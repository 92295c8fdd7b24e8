import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("The settings of a ledger")
struct SettingsTests {
    private static func date(_ text: String) throws -> CalendarDate {
        try #require(CalendarDate(iso8601: text))
    }

    @Test(
        "What is no setting is refused, with what is accepted and without the value",
        arguments: [
            ("", "must be a key and its value"),
            ("weekly_hours", "must be a key and its value"),
            ("=20", "has an unknown key: there are weekly_hours.PROGRAM, not_reviewed_days["),
            ("hours.php=20", "has an unknown key"),
            ("Weekly_hours.php=20", "has an unknown key"),
            ("weekly_hours=20", "must be weekly_hours.PROGRAM=VALUE"),
            ("weekly_hours.=20", "must be weekly_hours.PROGRAM=VALUE"),
            ("weekly_hours.php=", "it must be hours a week, 0 to 168, or default (9 for intensive"),
            ("weekly_hours.php=168.1", "it must be hours a week"),
            ("weekly_hours.php=-1", "it must be hours a week"),
            ("weekly_hours.php=1e1", "it must be hours a week"),
            ("weekly_hours.php=nan", "it must be hours a week"),
            ("weekly_hours.php=0x10", "it must be hours a week"),
            ("not_reviewed_days.=14", "must be not_reviewed_days[.PROGRAM]=VALUE"),
            ("not_reviewed_days=0", "it must be a whole number of days, 1 to 366"),
            ("no_shows_in_a_row=0", "it must be a whole number, 1 to 366"),
            ("not_seen_days=3.5", "it must be a whole number of days, 1 to 366, or default (7)"),
            ("not_reviewed_days=367", "it must be a whole number of days"),
            ("not_reviewed_days.php=07", "it must be a whole number of days"),
            ("first_day_of_week.php=monday", "must be first_day_of_week=VALUE"),
            ("first_day_of_week=Monday", "it must be a day, monday to sunday"),
        ]
    )
    func refusals(_ text: String, _ words: String) {
        do {
            _ = try NewSetting(text)
            Issue.record("\(text) was taken")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
        }
    }

    @Test(
        "Settings are read with their key, which may hold an equals sign, and their value",
        arguments: [
            ("weekly_hours.php-adult=20", "weekly_hours.php-adult", "20"),
            ("weekly_hours.a=b.c=0.25", "weekly_hours.a=b.c", "0.25"),
            ("weekly_hours.php=default", "weekly_hours.php", "default"),
            ("not_reviewed_days=30", "not_reviewed_days", "30"),
            ("no_shows_in_a_row.iop-day=2", "no_shows_in_a_row.iop-day", "2"),
            ("not_seen_days=10", "not_seen_days", "10"),
            ("not_reviewed_days.php=366", "not_reviewed_days.php", "366"),
            ("first_day_of_week=sunday", "first_day_of_week", "sunday"),
        ]
    )
    func reading(_ text: String, _ key: String, _ value: String) throws {
        let setting = try NewSetting(text)
        #expect(setting.key == key && setting.value == value)
    }

    @Test("A key is at most 512 bytes long")
    func longKeys() throws {
        let longest = String(repeating: "p", count: 512 - "weekly_hours.".count)
        #expect(try NewSetting("weekly_hours.\(longest)=1").key.utf8.count == 512)
        #expect(throws: SettingRefusal.self) { try NewSetting("weekly_hours.\(longest)p=1") }
    }

    @Test("On a date the last first date counts, then the last one recorded; default takes it back")
    func inForce() throws {
        func setting(_ entry: Int64, _ key: String, _ value: String, _ from: String) throws
            -> LedgerSetting
        {
            LedgerSetting(
                entry: entry,
                key: key,
                value: value,
                fromDate: try Self.date(from),
                recordedBy: "a",
                recordedAt: Instant(microseconds: entry * 10)
            )
        }
        let settings = LedgerSettings([
            try setting(1, "weekly_hours.iop", "10", "2026-02-01"),
            try setting(2, "weekly_hours.iop", "12", "2026-04-01"),
            try setting(3, "weekly_hours.iop", "11", "2026-02-01"),
            try setting(4, "weekly_hours.iop", "default", "2026-05-01"),
            try setting(5, "not_reviewed_days", "20", "2026-01-01"),
            try setting(6, "not_reviewed_days.iop", "7", "2026-03-01"),
            try setting(7, "first_day_of_week", "sunday", "2026-03-01"),
        ])
        func hours(_ settings: LedgerSettings, _ date: String) throws -> Double? {
            settings.weeklyHours(of: "iop", on: try Self.date(date))?.hours
        }
        #expect(try hours(settings, "2026-01-31") == nil)
        #expect(try hours(settings, "2026-02-01") == 11, "the later word of one date")
        #expect(try hours(settings, "2026-03-31") == 11)
        #expect(try hours(settings, "2026-04-01") == 12, "the later date, though recorded before")
        #expect(try hours(settings, "2026-05-01") == nil)
        // As known when entry 2 was the newest, and just before entry 1.
        #expect(try hours(settings.known(at: Instant(microseconds: 20)), "2026-02-01") == 10)
        #expect(try hours(settings.known(at: Instant(microseconds: 9)), "2026-02-01") == nil)
        #expect(settings.known(at: nil) == settings)
        func days(_ program: String?, _ date: String) throws -> Int? {
            settings.notReviewedDays(of: program, on: try Self.date(date))?.days
        }
        #expect(try days("iop", "2026-02-28") == 20 && days("iop", "2026-03-01") == 7)
        #expect(try days("php", "2026-03-01") == 20 && days(nil, "2026-03-01") == 20)
        #expect(try days("iop", "2025-12-31") == nil)
        #expect(try settings.firstDayOfWeek(on: Self.date("2026-03-01"))?.day == .sunday)
        #expect(try settings.firstDayOfWeek(on: Self.date("2026-02-28")) == nil)
        #expect(
            try settings.entries.filter {
                settings.isInForce($0, on: try Self.date("2026-06-01"))
            }.map(\.entry) == [4, 5, 6, 7]
        )
    }

    @Test("Settings are recorded in one order with the events, all or none, and nothing twice")
    func recording() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let ledger = try await database.ledger(named: .default)
            let (first, later) = (try Self.date("2026-01-01"), try Self.date("2026-07-01"))
            #expect(try await database.settings(of: ledger).entries.isEmpty)
            func set(_ texts: [String], _ from: CalendarDate) async throws -> [LedgerSetting] {
                try await database.set(
                    texts.map { try NewSetting($0) },
                    from: from,
                    of: ledger,
                    by: "cli:a"
                ).entries
            }
            let before = try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            let two = try await set(["weekly_hours.iop=10", "first_day_of_week=sunday"], first)
            #expect(two.map(\.entry) == [1, 2])
            #expect(two.map(\.key) == ["weekly_hours.iop", "first_day_of_week"])
            #expect(two.map(\.value) == ["10", "sunday"] && two[0].fromDate == first)
            #expect(two.allSatisfy { $0.recordedBy == "cli:a" })
            #expect(two.allSatisfy { $0.recordedAt > before[0].recordedAt })
            let after = try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            #expect(two.allSatisfy { $0.recordedAt <= after[0].recordedAt })
            // The same again adds nothing; the same for another date, and another value, do.
            #expect(try await set(["weekly_hours.iop=10"], first) == two)
            let more = try await set(["weekly_hours.iop=10", "weekly_hours.php=21"], later)
            #expect(more.map(\.entry) == [1, 2, 3, 4] && more[2].fromDate == later)
            #expect(try await set(["weekly_hours.iop=default"], first).count == 5)
            #expect(try await set(["weekly_hours.iop=10"], first).count == 6)
            let other = try await database.createLedger(
                named: try #require(LedgerName("other")),
                timeZone: "UTC"
            )
            #expect(try await database.settings(of: other).entries.isEmpty)
        }
    }

    @Test("Several processes that set something at once get numbers without a gap")
    func concurrent() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let databases = (0..<3).map { _ in LedgerDatabase(configuration) }
            let database = databases[0]
            let ledger = try await database.ledger(named: .default)
            let date = try Self.date("2026-01-01")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (process, database) in databases.enumerated() {
                    group.addTask {
                        for number in 1...4 {
                            _ = try await database.set(
                                [NewSetting("weekly_hours.p\(process)-\(number)=\(number)")],
                                from: date,
                                of: ledger,
                                by: "a"
                            )
                        }
                    }
                }
                try await group.waitForAll()
            }
            let entries = try await database.settings(of: ledger).entries
            #expect(entries.map(\.entry) == Array(1...12))
            #expect(Set(entries.map(\.key)).count == 12)
            #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.recordedAt <= $1.recordedAt })
            for database in databases { await database.close() }
        }
    }

    @Test("A ledger that has as many settings as it may have gets no more")
    func limit() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            _ = try await database.owner.query(
                """
                insert into ledger_setting
                select \(ledger.id.rawValue), n, 'weekly_hours.p', '1', '2026-01-01', 'a', n
                from generate_series(1, \(LedgerDatabase.settingLimit)) as n
                """
            )
            let date = try Self.date("2026-01-01")
            do {
                _ = try await database.set(
                    [NewSetting("weekly_hours.q=1")],
                    from: date,
                    of: ledger,
                    by: "a"
                )
                Issue.record("it was set")
            } catch LedgerError.tooManySettings(let most) {
                #expect(most == LedgerDatabase.settingLimit)
            }
            let count = try await database.settings(of: ledger).entries.count
            #expect(count == Int(LedgerDatabase.settingLimit))
        }
    }
}
