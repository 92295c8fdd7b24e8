import CareEpisode
import TestSupport
import Testing

@Suite("attendance and outcomes, and what all answers rest on")
struct ReadModelCommandAttendanceTests {
    /// An episode with two sessions and a missed one in its first week, and none after.
    private struct Attended {
        let episode = EpisodeID.fresh
        let admission = EventID.fresh
        let first = EventID.fresh
        let second = EventID.fresh
        let end = EventID.fresh

        var lines: [String] {
            [
                Riverside.admitted(
                    episode,
                    admission,
                    at: "01-07T14:00",
                    #","planned_hours_per_week":9"#
                ),
                Riverside.session(episode, first, at: "01-07T15:00", minutes: 90),
                // Overlaps the first.
                Riverside.session(episode, second, at: "01-07T16:00"),
                Riverside.line(
                    episode,
                    "session_missed",
                    at: "01-09T15:00",
                    #""kind":"group","reason":"no_show""#
                ),
                // At 23:30 of January.
                Riverside.line(
                    episode,
                    "discharged",
                    end,
                    at: "02-01T04:30",
                    #""reason":"dropped_out""#
                ),
            ]
        }
    }

    @Test("Attendance has the documented members, in order, week by week")
    func attendance() async throws {
        try await Riverside.with { riverside in
            let story = Attended()
            try await riverside.record(story.lines)
            let command = "attendance --episode \(story.episode)"
            let answer = try await riverside.json("\(command) --effective-at 2025-01-20")
            #expect(
                answer.names == [
                    "episode_id", "ledger", "effective_at", "position", "lag", "known_at",
                    "known_by", "settings", "weeks", "missed_after_end", "rate", "flags", "parked",
                ]
            )
            #expect(answer["effective_at"] == .string("2025-01-21T05:00:00.000000Z"))
            let weeks = answer["weeks"]
            #expect(
                weeks.elements.map { $0["week"].string } == ["2025-W02", "2025-W03", "2025-W04"]
            )
            #expect(
                weeks.elements.allSatisfy {
                    $0.names == [
                        "week", "attended", "missed", "hours", "planned_hours", "threshold",
                        "not_judged", "flags",
                    ]
                }
            )
            #expect(weeks[0]["attended"].number == 2 && weeks[0]["hours"].number == 2)
            #expect(
                weeks[0]["missed"] == .object([.init(name: "no_show", value: .bare("1"))])
            )
            #expect(weeks[1]["missed"] == .object([]))
            #expect(weeks[1]["planned_hours"].number == 9)
            #expect(try #require(answer["rate"].number) == 2.0 / 3)
            #expect(answer["flags"][0].names == ["flag", "event_ids", "text"])
            #expect(answer["flags"][0]["flag"] == .string("overlapping_sessions"))
            #expect(
                answer["flags"][0]["event_ids"].strings == ["\(story.first)", "\(story.second)"]
            )
            #expect(weeks[0]["flags"] == answer["flags"])

            // W03 alone is a whole week; it has no session, and so names the admission.
            #expect(weeks[1]["flags"][0]["flag"] == .string("below_weekly_hours"))
            #expect(weeks[1]["flags"].eventIDs == ["\(story.admission)"])
            #expect(
                weeks.elements.map { $0["not_judged"].string }
                    == ["not_there_all_week", nil, "not_over"]
            )
            #expect(weeks[1]["threshold"].number == 9)
            let none = try await riverside.json(
                "\(command) --effective-at 2025-01-20 --weekly-hours other=5 --weekly-hours iop-day=0"
            )
            #expect(none["weeks"][1]["flags"] == .array([]))

            let text = try await riverside.text("\(command) --effective-at 2025-01-20")
            for words in [
                "Attendance of episode \(story.episode), ledger riverside", "2025-W03  2025-01-13",
                "##.......", "Attended 2 sessions, 2.0 hours; missed 1 no show.",
                "Attendance rate 66.7 %.",
                "Flag: overlapping sessions in week 2025-W02 (\(story.first), \(story.second))",
                "Flag: below weekly hours in week 2025-W03: 0.0 h of 9 h (\(story.admission))",
            ] { #expect(text.contains(words), "\(words) in\n\(text)") }
        }
    }

    @Test("Without an episode everybody who is enrolled is listed, by either door's formats")
    func everybody() async throws {
        try await Riverside.with { riverside in
            let story = Attended()
            let other = EpisodeID.fresh
            try await riverside.record(
                story.lines + [
                    Riverside.admitted(other, at: "01-19T14:00", client: "C-2"),
                    Riverside.session(other, at: "01-20T14:00"),
                ]
            )
            let answer = try await riverside.json("attendance --effective-at 2025-01-20")
            #expect(
                answer.names == [
                    "program", "ledger", "effective_at", "position", "lag", "known_at", "known_by",
                    "settings", "last_week", "present_week", "dates", "enrolled", "parked",
                ]
            )
            // Just before the date's 24:00, as a census of the date.
            #expect(answer["effective_at"].string == "2025-01-21T04:59:59.999999Z")
            #expect(answer["last_week"].string == "2025-W03")
            #expect(answer["dates"].strings.last == "2025-01-20")
            let enrolled = answer["enrolled"].elements
            #expect(
                enrolled.map { $0["episode_id"].string } == ["\(story.episode)", "\(other)"]
            )
            let first = enrolled[0]
            #expect(
                first.names == [
                    "episode_id", "client_id", "program", "level_of_care", "from", "day_of_stay",
                    "last_week", "present_week_hours", "no_shows_in_a_row", "last_attended_at",
                    "last_attended_on", "days_not_seen", "days", "flags",
                ]
            )
            #expect(first["last_week"].names == ["hours", "threshold", "not_judged", "below"])
            #expect(first["days_not_seen"].number == 13 && first["no_shows_in_a_row"].number == 1)
            #expect(first["days"].elements.count == 14)
            #expect(first["days"][0][1]["outcome"].string == "attended")
            #expect(first["days"][2][0].names == ["outcome"])
            #expect(
                first["flags"].elements.map { $0["flag"].string }
                    == ["not_seen", "below_weekly_hours", "overlapping_sessions"]
            )
            #expect(first["flags"][0].names == ["flag", "event_ids", "text", "since"])
            #expect(first["flags"][0]["since"].string == "2025-01-14T05:00:00.000000Z")

            let few = try await riverside.json(
                "attendance --effective-at 2025-01-20 --program nobody --weekly-hours iop-day=0"
            )
            #expect(few["enrolled"] == .array([]) && few["program"].string == "nobody")
            let text = try await riverside.text("attendance --effective-at 2025-01-20")
            for words in [
                "2 episodes enrolled", "0.0 h of 9 h", "#.x...........", "not there all week",
                "not seen, below weekly hours, overlapping sessions",
            ] {
                #expect(text.contains(words), "\(words) in\n\(text)")
            }
            let table = try await riverside.output(
                "attendance --effective-at 2025-01-20 --format csv"
            ).output
            let lines = String(decoding: table, as: UTF8.self).split(separator: "\r\n")
            #expect(lines.count == 3)
            #expect(lines[0].contains("last_week_hours,last_week_threshold,last_week_not_judged"))
            #expect(lines[1].hasSuffix(",not_seen below_weekly_hours overlapping_sessions"))
            let weeks = try await riverside.output(
                "attendance --episode \(story.episode) --effective-at 2025-01-20 --format csv"
            ).output
            #expect(
                String(decoding: weeks, as: UTF8.self).contains(
                    "\r\n2025-W03,0,0,0,0,0,0,9,9,,below_weekly_hours\r\n"
                )
            )
            // Known from the beginning of the 20th on by the source, so not on the 19th.
            let difference = try await riverside.json(
                "attendance --effective-at 2025-01-20 --diff 2025-01-18 2025-01-20"
            )
            #expect(
                difference["differences"].elements.map { $0["item"].string }
                    == ["enrolled/\(other)"]
            )
        }
    }

    @Test("Retention has the documented members, a table for spreadsheets, and a text")
    func retention() async throws {
        try await Riverside.with { riverside in
            // Ten of one date; four end on their fifth day, one on the eighth.
            let lines = (0..<10).flatMap { number -> [String] in
                let episode = EpisodeID.fresh
                let begun = Riverside.admitted(episode, at: "01-06T14:00", client: "C-\(number)")
                guard number < 5 else { return [begun] }
                let end = number == 4 ? "01-13T14:00" : "01-10T14:00"
                return [begun, Riverside.line(episode, "completed", at: end, "")]
            }
            try await riverside.record(lines)
            let question = "retention --from 2025-01-01 --to 2025-01-31 --effective-at 2025-01-31"
            let answer = try await riverside.json(question)
            #expect(
                answer.names == [
                    "from", "to", "program", "level_of_care", "effective_at", "ledger", "position",
                    "lag", "known_at", "known_by", "began", "open", "readings", "told_through_day",
                    "days", "ended", "groups", "parked",
                ]
            )
            #expect(answer["began"].number == 10 && answer["open"].number == 5)
            #expect(answer["told_through_day"].number == 5)
            #expect(
                answer["days"][4].names == ["day", "at_risk", "ended", "retained", "ended_shares"]
            )
            #expect(answer["days"][4]["retained"].number == 0.6)
            #expect(answer["days"][4]["ended_shares"]["completed"].number == 0.4)
            #expect(answer["readings"].elements.map { $0["at_risk"].number } == [6, 5, 0, 0, 0])
            #expect(answer["readings"][0]["estimate"] == .bare("null"))
            #expect(
                answer["ended"].names == [
                    "n", "by_reason", "completed", "share", "low", "high", "mean_los_days",
                    "median_los_days", "los_quartile_days", "los_weeks",
                ]
            )
            #expect(answer["ended"]["n"].number == 5 && answer["ended"]["high"].number == 1)
            #expect(answer["ended"]["los_weeks"].elements.map(\.number) == [4, 1])
            #expect(
                answer["groups"].elements.map { $0["dimension"].string }
                    == ["program", "level_of_care", "month"]
            )
            let text = try await riverside.text(question)
            for words in [
                "Retention from 2025-01-01 to 2025-01-31, ledger riverside",
                "10 services began in the period; 5 of them still lasted at",
                "Told up to day 5, as long as 10 or more reached the day.",
            ] { #expect(text.contains(words), "\(words) in\n\(text)") }
            let table = try await riverside.output("\(question) --format csv").output
            let rows = String(decoding: table, as: UTF8.self).split(separator: "\r\n")
            #expect(rows.count == 6)
            #expect(
                rows[0]
                    == "day,at_risk,ended,retained,completed,dropped_out,terminated,transferred,"
                    + "incarcerated,died,other"
            )
            #expect(rows[5] == "5,10,4,0.6,0.4,0,0,0,0,0,0")
            let level = try await riverside.json("\(question) --level-of-care outpatient")
            #expect(level["began"].number == 0 && level["level_of_care"].string == "outpatient")
        }
    }

    @Test("Statistics have the documented members, a table for spreadsheets, and a text")
    func statistics() async throws {
        try await Riverside.with { riverside in
            let (first, again) = (EpisodeID.fresh, EpisodeID.fresh)
            try await riverside.record([
                Riverside.admitted(first, at: "01-06T14:00", client: "=C-1"),
                Riverside.session(first, at: "01-07T14:00"),
                Riverside.line(first, "completed", at: "01-10T14:00", ""),
                Riverside.admitted(again, at: "01-20T14:00", client: "=C-1"),
            ])
            let period = "statistics --from 2025-01-01 --to 2025-02-28 --by month"
            let answer = try await riverside.json(period)
            #expect(
                answer.names == [
                    "from", "to", "program", "by", "ledger", "position", "lag", "known_at",
                    "known_by", "settings", "periods", "parked",
                ]
            )
            let months = answer["periods"].elements
            #expect(months.map { $0["from"].string } == ["2025-01-01", "2025-02-01"])
            #expect(
                months[0].names == ["from", "to", "total", "groups", "readmissions"]
            )
            #expect(
                months[0]["total"].names == [
                    "carried_over", "admitted", "transferred_in", "ended", "transferred_out",
                    "remaining", "clients", "readmissions", "mean_los_days", "median_los_days",
                    "service_days", "attended", "missed", "attendance_rate", "no_show_rate",
                    "judged_weeks", "weeks_below", "below_rate",
                ]
            )
            #expect(
                months[0]["groups"][0].names
                    == ["dimension", "value"] + months[0]["total"].names
            )
            #expect(months.map { $0["total"]["clients"].number } == [1, 1])
            #expect(months[0]["total"]["ended"]["completed"].number == 1)
            let readmission = months[0]["readmissions"][0]
            #expect(
                readmission.names == [
                    "episode_id", "client_id", "program", "admitted_at", "previous_episode_id",
                    "previous_ended_at", "days",
                ]
            )
            #expect(readmission["days"].number == 10)
            #expect(readmission["previous_episode_id"].string == "\(first)")

            let table = try await riverside.output("\(period) --format csv").output
            let lines = String(decoding: table, as: UTF8.self).split(separator: "\r\n")
            #expect(lines[0].hasPrefix("from,to,dimension,value,carried_over,admitted,"))
            #expect(lines[1].hasPrefix("2025-01-01,2025-01-31,,,0,2,0,1,"))
            // What somebody wrote is no formula of the spreadsheet.
            let episodes = try await riverside.output("episodes --format csv").output
            #expect(String(decoding: episodes, as: UTF8.self).contains(",'=C-1,"))

            let text = try await riverside.text(period)
            for words in [
                "Statistics from 2025-01-01 to 2025-02-28, ledger riverside",
                "2025-02-01 to 2025-02-28", "Track: not recorded", "Ended: completed 1.",
                "100.0 %",
            ] { #expect(text.contains(words), "\(words) in\n\(text)") }

            _ = try await riverside.json(
                "ledgers settings riverside --set first_day_of_week=sunday --from 2025-01-01"
            )
            let weeks = try await riverside.json(
                "statistics --from 2025-01-11 --to 2025-01-13 --by week"
            )
            #expect(
                weeks["periods"].elements.map { $0["from"].string } == ["2025-01-11", "2025-01-12"]
            )
            #expect(weeks["settings"].elements.count == 1)

            let late = try await riverside.json("\(period) --diff 2025-01-15 2025-01-31")
            #expect(
                late.names == [
                    "ledger", "first_date", "last_date", "program", "by", "from", "to",
                    "known_by", "position", "differences", "parked",
                ]
            )
            #expect(
                late["differences"].elements.map { $0["item"].string }.contains(
                    "periods/2025-01-01/total"
                )
            )
        }
    }

    @Test("Outcomes have the documented members, in order, and dates are those of the zone")
    func outcomes() async throws {
        try await Riverside.with { riverside in
            let (story, completed) = (Attended(), EpisodeID.fresh)
            try await riverside.record(
                story.lines + [
                    Riverside.admitted(
                        completed,
                        at: "01-20T14:00",
                        client: "C-2",
                        program: "iop-evening"
                    ),
                    Riverside.line(completed, "completed", at: "01-30T14:00", ""),
                ]
            )
            let period = "outcomes --from 2025-01-01 --to 2025-01-31"
            let answer = try await riverside.json(period)
            #expect(
                answer.names == [
                    "from", "to", "program", "by", "ledger", "position", "lag", "known_at",
                    "known_by", "by_reason", "discharges", "alos_days", "median_los_days",
                    "los_quartile_days", "adc", "average_daily_enrolment", "parked",
                ]
            )
            #expect(answer["from"] == .string("2025-01-01"))
            #expect(answer["to"] == .string("2025-01-31") && answer["program"].isNull)
            let reasons = answer["by_reason"].elements
            #expect(reasons.allSatisfy { $0.names == ["reason", "n"] })
            #expect(reasons.map { $0["reason"].string } == ["completed", "dropped_out"])
            #expect(answer["discharges"].number == 2)
            // 11 days from the 20th, and the 7th, which had the last session.
            #expect(answer["alos_days"].number == 6)
            #expect(answer["median_los_days"].number == 6)
            #expect(answer["los_quartile_days"].elements.map(\.number) == [3.5, 8.5])
            // 24 midnights from the 7th, and 10 from the 20th.
            #expect(try #require(answer["adc"].number) == 34.0 / 31)
            // The last date of each counts too.
            #expect(try #require(answer["average_daily_enrolment"].number) == 36.0 / 31)
            let services = try await riverside.json("\(period) --by service")
            #expect(services["by"] == .string("service"))
            #expect(services["by_reason"].elements.map { $0["teds_reason"].number } == [1, 2])
            #expect(services["alos_days"].number == 6)

            let last = try await riverside.json(
                "outcomes --from 2025-01-31 --to 2025-01-31 --program iop-day"
            )
            #expect(last["discharges"].number == 1 && last["program"] == .string("iop-day"))
            let february = try await riverside.json("outcomes --from 2025-02-01 --to 2025-02-01")
            #expect(february["discharges"].number == 0 && february["alos_days"].isNull)
            #expect(february["by_reason"] == .array([]))

            let text = try await riverside.text(period)
            for words in [
                "Outcomes from 2025-01-01 to 2025-01-31, ledger riverside (America/New_York)",
                "Dropped out", "50.0",
                "2 episodes ended; length of stay 6.0 days on average, median 6.0, "
                    + "middle half 3.5 to 8.5.",
                "Average daily census (at midnight) 1.1, average daily enrollment 1.2.",
            ] { #expect(text.contains(words), "\(words) in\n\(text)") }

            try await riverside.record([
                Riverside.admitted(.fresh, at: "01-21T14:00", client: "C-3")
            ])
            let stale = try await riverside.json("\(period) --stale-ok")
            #expect(stale["lag"].number == 1 && stale["adc"] == answer["adc"])
        }
    }

    @Test("known_at is the time asked for, and null where that is at or after the newest event")
    func knownAt() async throws {
        try await Riverside.with { riverside in
            let story = Attended()
            try await riverside.record(story.lines)
            let exported = try await riverside.output("export").lines
            let head = try riverside.fixture.decode(
                RecordedLine.self,
                Array(try #require(exported.last).utf8)
            ).recordedAt
            let newest = try #require(Instant(rfc3339: head))
            let before = Instant(microseconds: newest.microseconds - 1).description
            let episode = "--episode \(story.episode)"
            for command in [
                "medication-review \(episode)", "medication-review --program iop-day",
                "discharge-summary \(episode)", "attendance \(episode)",
                "outcomes --from 2025-01-01 --to 2025-01-31",
            ] {
                for known in ["2999-01-01", head, "\(head) --known-by ledger"] {
                    let answer = try await riverside.json("\(command) --known-at \(known)")
                    #expect(answer["known_at"].isNull && answer["known_by"].isNull)
                }
                let date = try await riverside.json("\(command) --known-at 2025-02-01")
                #expect(date["known_at"] == .string("2025-02-02T05:00:00.000000Z"))
                #expect(date["known_by"] == .string("source"))
                #expect(date["position"].number == 5 && date["lag"].number == 0)
            }
            // By the ledger's clock its newest event, at least, was not known then.
            let outcomes = "outcomes --from 2025-01-01 --to 2025-01-31 --known-by ledger"
            let early = try await riverside.json("\(outcomes) --known-at \(before)")
            #expect(early["known_at"] == .string(before))
            #expect(early["known_by"] == .string("ledger"))
            #expect(early["discharges"].number == 0)
        }
    }
}
