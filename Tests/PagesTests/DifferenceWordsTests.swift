import CareEpisode
import Markup
import Testing

@testable import Pages
@testable import ProjectionRuntime

/// Fails where a text has what a person should not have to read: JSON, a code, a time of ISO 8601, an
/// abbreviation that ISMP warns of.
func expectWords(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let patterns: [Regex<Substring>] = [
        /[{}\[\]"]/, /[a-z]_[a-z]/, /\d{4}-\d{2}-\d{2}/, /\d{4}-W\d{2}/, /µg|μg/,
        /\b(?:PO|BID|TID|QID|QHS|QD|dbt|cbt)\b/, /\bnull\b/,
    ]
    for pattern in patterns {
        let found = text.firstMatch(of: pattern).map { String($0.output) }
        #expect(found == nil, "in \(text)", sourceLocation: sourceLocation)
    }
}

/// Every part of an answer that can differ is told in words.
@Suite("Differences in words")
struct DifferenceWordsTests {
    private func expectWords(_ change: KnowledgeDifference.Change, _ format: DisplayFormat) {
        let words = ChangeWords(change, format)
        let line = DifferenceLine(change, format)
        let texts = [
            words.item, words.before, words.after, words.brief, line.item, line.before, line.after,
            line.brief,
        ].compactMap(\.self)
        for text in texts {
            #expect(!text.isEmpty, "\(change.item)")
            PagesTests.expectWords(text)
        }
    }

    @Test("Of an episode: attendance, medication review and summary, part by part")
    func episode() throws {
        let fixture = try EpisodeFixture()
        let changes = try fixture.differences()
        let parts = Set(changes.map { $0.item.prefix { $0 != "/" } })
        for part in [
            "weeks", "rate", "missed_after_end", "active", "held", "scheduled", "timeline",
            "changes", "flags", "client", "admission", "course_of_care", "medications",
            "discharge", "follow_up", "authorship", "amendments", "completeness",
        ] where part != "held" || parts.contains("held") {
            #expect(parts.contains(Substring(part)), "\(part)")
        }
        for change in changes { expectWords(change, DisplayFormat(fixture.calendar)) }
    }

    @Test("A week says what was attended, missed and counted, before and after")
    func week() throws {
        let calendar = try LocalCalendar(timeZone: "UTC")
        func week(_ attended: Int64, _ missed: Int64, _ hours: Double) -> AnswerJSON {
            [
                "week": "2025-W50", "attended": .integer(attended),
                "missed": ["no_show": .integer(missed), "cancelled_by_client": 1],
                "hours": .number(hours), "planned_hours": 9, "threshold": 9, "not_judged": .null,
                "flags": [],
            ]
        }
        let words = ChangeWords(
            .init(
                item: "weeks/2025-W50",
                before: week(6, 2, 12),
                after: week(5, 3, 10),
                because: []
            ),
            DisplayFormat(calendar)
        )
        #expect(words.item == "Week of Dec 8")
        #expect(
            words.brief
                == "attended 6 → 5, missed no-show 2, canceled by the client 1 → no-show 3, "
                + "canceled by the client 1, hours 12.0 h → 10.0 h"
        )
        let new = ChangeWords(
            .init(item: "weeks/2025-W50", before: nil, after: week(6, 2, 12), because: []),
            DisplayFormat(calendar)
        )
        #expect(
            new.after
                == "attended 6, missed no-show 2, canceled by the client 1, hours 12.0 h, "
                + "planned 9.0 h, threshold 9.0 h, to look at none"
        )
    }

    private static let episode = "0199a4e6-9940-7f0c-a723-f5b08f2cff26"

    /// A part of each list, before and after.
    static let lists: [(item: String, before: AnswerJSON, after: AnswerJSON)] = [
        ("total", 4, 5), ("total_clients", 4, 5), ("began", 4, 5), ("open", 1, 2),
        ("discharges", 4, 5), ("alos_days", .number(40.25), .null), ("adc", .number(3.5), 4),
        ("average_daily_enrolment", .number(3.5), 4), ("median_los_days", 40, 41),
        ("los_quartile_days", [30, 60], [31, 60]),
        (
            "groups/iop_day/intensive_outpatient", group("iop_day", 3), group("iop_day", 4)
        ),
        (
            "days/2025-12-08/iop-day/partial_hospitalization", group("iop-day", 3),
            group("iop-day", 4)
        ),
        ("episodes/\(episode)/2025-12-01T17:00:00.000000Z", row(1), row(2)),
        ("enrolled/\(episode)", row(1), row(2)), ("summaries/\(episode)", row(1), row(2)),
        ("by_reason/dropped_out", reason(3), reason(4)),
        (
            "readings/30", ["day": 30, "at_risk": 40, "estimate": estimate(0.5)],
            ["day": 30, "at_risk": 41, "estimate": estimate(0.25)]
        ),
        (
            "readings/90", ["day": 90, "at_risk": 40, "estimate": estimate(0.5)],
            ["day": 90, "at_risk": 4, "estimate": .null]
        ),
        ("ended", ended(3), ended(4)), ("groups/program/iop-day", ended(3), ended(4)),
        ("groups/level_of_care/intensive_outpatient", ended(3), ended(4)),
        ("periods/2025-12-01/total", figures(3), figures(4)),
        ("periods/2025-12-01/payer_class/self_pay", figures(3), figures(4)),
        ("periods/2025-12-01/referral_source/", figures(3), figures(4)),
        ("entries/\(episode)", session(60), session(90)),
        ("episodes/\(episode)/flags/late_entry/x", flag("late_entry"), flag("no_reason")),
    ]

    private static func group(_ program: String, _ census: Int64) -> AnswerJSON {
        [
            "program": .string(program == "iop_day" ? "iop-day" : program),
            "level_of_care": "intensive_outpatient", "census": .integer(census),
            "stepped_down": .integer(census),
        ]
    }

    private static func row(_ number: Int64) -> AnswerJSON {
        [
            "episode_id": .string(episode), "client_id": "SIM-A", "program": "iop-day",
            "level_of_care": number == 1 ? "intensive_outpatient" : "partial_hospitalization",
            "start_reason": number == 1 ? "admitted" : "stepped_down",
            "from": .string("2025-12-0\(number)T17:00:00.000000Z"),
            "day_of_stay": .integer(number), "hours_last_7_days": .number(Double(number)),
            "last_week": [
                "hours": .number(Double(number)), "threshold": 9,
                "not_judged": number == 1 ? "not_there_all_week" : .null, "below": true,
            ],
            "last_attended_on": .string("2025-12-0\(number)"), "no_shows_in_a_row": 3,
            "flags": number == 1 ? [] : [flag("not_seen"), flag("below_weekly_hours")],
            "end_reason": number == 1 ? "dropped_out" : "completed",
            "length_of_stay_days": .integer(number),
            "missing": number == 1 ? [] : ["follow_up", "reason_for_admission"],
        ]
    }

    private static func flag(_ code: String) -> AnswerJSON {
        [
            "flag": .string(code), "event_ids": [.string(episode)],
            "text": "It was stopped on 2025-12-01.", "since": "2025-12-01T17:00:00.000000Z",
        ]
    }

    private static func reason(_ count: Int64) -> AnswerJSON {
        ["reason": "dropped_out", "teds_reason": 2, "n": .integer(count)]
    }

    private static func estimate(_ share: Double) -> AnswerJSON {
        [
            "retained": .number(share),
            "ended_shares": ["completed": .number(share / 2), "dropped_out": .number(share / 4)],
        ]
    }

    private static func ended(_ count: Int64) -> AnswerJSON {
        [
            "n": .integer(count), "by_reason": [reason(count)], "completed": .integer(count),
            "share": .number(0.5), "low": .number(0.25), "high": .number(0.75),
            "mean_los_days": .number(Double(count)), "median_los_days": 40,
            "los_quartile_days": [30, .integer(count)], "los_weeks": [0, .integer(count)],
        ]
    }

    private static func figures(_ count: Int64) -> AnswerJSON {
        [
            "carried_over": .integer(count), "transferred_in": 0,
            "ended": ["dropped_out": .integer(count)], "mean_los_days": .number(Double(count)),
            "missed": ["cancelled_by_program": .integer(count)],
            "attendance_rate": .number(Double(count) / 10), "below_rate": .null,
        ]
    }

    private static func session(_ minutes: Int64) -> AnswerJSON {
        [
            "episode_id": .string(episode), "client_id": "SIM-A", "kind": "peer_support",
            "modality": "dbt", "topic": .null, "starts_at": "2025-12-01T17:00:00.000000Z",
            "minutes": .integer(minutes), "outcome": minutes == 60 ? "attended" : "missed",
            "reason": minutes == 60 ? .null : "cancelled_by_client", "attendance": "left_early",
            "counted": .bool(minutes == 60), "standing": "in_force",
            "facilitators": ["SIM-T1"], "author": "SIM-T1",
        ]
    }

    @Test("Of each list: census, attendance, summaries, sessions, outcomes", arguments: lists)
    func list(_ part: (item: String, before: AnswerJSON, after: AnswerJSON)) throws {
        let format = DisplayFormat(try LocalCalendar(timeZone: "UTC"))
        for (before, after) in [(nil, part.after), (part.before, nil), (part.before, part.after)]
            as [(AnswerJSON?, AnswerJSON?)]
        {
            expectWords(
                .init(item: part.item, before: before, after: after, because: []),
                format
            )
        }
    }
}
