import CareEpisode
import TestSupport
import Testing

/// What differs in an answer between two knowledge times, and which events made the difference.
@Suite("--diff of read models")
struct ReadModelCommandDifferenceTests {
    /// The events to which an answer puts down each of its differences.
    private func because(_ answer: PrintedJSON) -> [String: [String]] {
        Dictionary(
            answer["differences"].elements.map {
                ($0["item"].string ?? "", $0["because"].strings)
            },
            uniquingKeysWith: +
        )
    }

    private func change(_ item: String, of answer: PrintedJSON) -> PrintedJSON {
        answer["differences"].elements.first { $0["item"] == .string(item) } ?? .absent
    }

    /// The lines that tell people of one difference.
    private func paragraph(_ item: String, of text: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        return Array(lines.drop { $0 != item }.prefix { !$0.isEmpty })
    }

    // MARK: - Medications

    /// A stop that was written down days late, a correction, and a session that changes nothing.
    private struct Learned {
        let story = MedicatedEpisode()
        let stop = EventID.fresh
        let correction = EventID.fresh

        var lines: [String] {
            story.lines + [
                Riverside.medication(
                    story.episode,
                    stop,
                    "stop",
                    "oxycodone",
                    at: "01-12T15:00",
                    known: "01-18T15:00",
                    reason: "side-effect"
                ),
                Riverside.session(story.episode, at: "01-17T15:00", known: "01-18T16:00"),
                Riverside.line(
                    story.episode,
                    "entry_corrected",
                    correction,
                    at: "01-19T15:00",
                    #""target_event_id":"\#(story.increase)","reason":"typing error","#
                        + #""replacement":{"medication":{"name":"sertraline","#
                        + #""order_id":"O-sertraline"},"change":"increase","prescriber":"p-1","#
                        + #""regimen":{"dose":75,"unit":"mg"}}"#
                ),
            ]
        }

        /// What is to be told of the medications on January 21st, item by item.
        var expected: [String: [String]] {
            let (stop, correction) = (["\(stop)"], ["\(correction)"])
            let (opioid, sertraline) = ("\(story.opioid)", "\(story.admission)/0")
            return [
                "active/\(opioid)": stop,
                "timeline/\(opioid)/\(opioid)": stop,
                "changes/\(stop[0])": stop,
                "flags/late_entry/\(stop[0])": stop,
                "active/\(sertraline)": correction,
                "timeline/\(sertraline)/\(story.increase)": correction,
                "changes/\(story.increase)": correction,
            ]
        }
    }

    @Test("A late stop and a correction are named, each with what it changed and nothing else")
    func medications() async throws {
        try await Riverside.with { riverside in
            let learned = Learned()
            let story = learned.story
            try await riverside.record(learned.lines)
            let time = "--effective-at 2025-01-21"
            let times = "--diff 2025-01-16 2025-01-19"
            let episode = "medication-review --episode \(story.episode)"
            let answer = try await riverside.json("\(episode) \(time) \(times)")
            #expect(
                answer.names == [
                    "ledger", "episode_id", "effective_at", "from", "to", "known_by", "position",
                    "differences", "parked",
                ]
            )
            // Dates mean their 24:00 in the ledger's zone.
            #expect(answer["from"] == .string("2025-01-17T05:00:00.000000Z"))
            #expect(answer["to"] == .string("2025-01-20T05:00:00.000000Z"))
            #expect(answer["known_by"] == .string("source") && answer["position"].number == 8)
            #expect(because(answer) == learned.expected)
            #expect(
                answer["differences"].elements.allSatisfy {
                    $0.names == ["item", "before", "after", "because"]
                }
            )
            let opioid = change("active/\(story.opioid)", of: answer)
            #expect(opioid["after"].isNull && opioid["before"]["daily_dose"].number == 5)
            let dose = change("active/\(story.admission)/0", of: answer)
            #expect(dose["before"]["daily_dose"].number == 100)
            #expect(dose["after"]["daily_dose"].number == 75)

            // Of the program the same, under the episode's name.
            let list = try await riverside.json(
                "medication-review --program iop-day \(time) \(times)"
            )
            #expect(list["program"] == .string("iop-day"))
            #expect(
                because(list)
                    == learned.expected.reduce(into: [:]) {
                        $0["episodes/\(story.episode)/\($1.key)"] = $1.value
                    }
            )
            let elsewhere = try await riverside.json(
                "medication-review --program iop-evening \(time) \(times)"
            )
            #expect(elsewhere["differences"] == .array([]))

            let text = try await riverside.text("\(episode) \(time) \(times)")
            let stopped = paragraph("active/\(story.opioid)", of: text)
            #expect(stopped.count == 3 && stopped[1].hasPrefix("  gone: {"))
            #expect(stopped.last == "  because of \(learned.stop)")
            let corrected = paragraph("active/\(story.admission)/0", of: text)
            #expect(corrected.contains("  daily_dose: 100 → 75"))
            #expect(corrected.last == "  because of \(learned.correction)")
            #expect(
                text.contains("7 items differ between what was known at 2025-01-17 00:00:00 -05:00")
            )
        }
    }

    @Test("Between times at which nothing became known nothing differs, by either clock")
    func nothing() async throws {
        try await Riverside.with { riverside in
            let learned = Learned()
            try await riverside.record(learned.lines)
            for command in [
                "medication-review --episode \(learned.story.episode)",
                "medication-review --program iop-day",
                "discharge-summary --episode \(learned.story.episode)",
                "discharge-summary --program iop-day",
                "attendance --episode \(learned.story.episode)",
                "outcomes --from 2025-01-01 --to 2025-01-31", "census", "episodes",
            ] {
                let quiet = try await riverside.json("\(command) --diff 2025-01-20 2025-01-31")
                #expect(quiet["differences"] == .array([]))
                // The ledger itself learned all of it when the test recorded it.
                let ledger = try await riverside.json(
                    "\(command) --diff 2025-01-16 2025-01-19 --known-by ledger"
                )
                #expect(ledger["differences"] == .array([]))
                #expect(ledger["known_by"] == .string("ledger"))
            }
        }
    }

    // MARK: - Stays and sessions

    @Test("A late admission is named by what it changed in the census and in the list of episodes")
    func lateAdmission() async throws {
        try await Riverside.with { riverside in
            let (early, late, admission) = (EpisodeID.fresh, EpisodeID.fresh, EventID.fresh)
            try await riverside.record([
                Riverside.admitted(early, at: "01-06T14:00"),
                Riverside.admitted(
                    late,
                    admission,
                    at: "01-08T14:00",
                    known: "01-14T14:00",
                    client: "C-2"
                ),
                Riverside.session(early, at: "01-09T14:00", known: "01-14T15:00"),
            ])
            let (times, by) = ("--diff 2025-01-10 2025-01-20", ["\(admission)"])
            let day = try await riverside.json("census --date 2025-01-08 \(times)")
            #expect(
                day.names == [
                    "ledger", "date", "from", "to", "known_by", "position", "differences", "parked",
                ]
            )
            #expect(
                because(day) == [
                    "total": by, "total_clients": by,
                    "groups/iop-day/intensive_outpatient": by,
                    "episodes/\(late)/2025-01-08T14:00:00.000000Z": by,
                ]
            )
            #expect(change("total", of: day)["before"].number == 1)
            #expect(change("total", of: day)["after"].number == 2)

            let period = try await riverside.json(
                "census --from 2025-01-07 --to 2025-01-09 \(times)"
            )
            #expect(
                because(period) == [
                    "days/2025-01-08/iop-day/intensive_outpatient": by,
                    "days/2025-01-09/iop-day/intensive_outpatient": by,
                ]
            )
            #expect(
                try await riverside.json(
                    "census --date 2025-01-08 --program iop-evening \(times)"
                )["differences"] == .array([])
            )

            let episodes = try await riverside.json("episodes \(times)")
            #expect(because(episodes) == ["episodes/\(late)": by])
            let added = change("episodes/\(late)", of: episodes)
            #expect(added["before"].isNull && added["after"]["client_id"] == .string("C-2"))
            #expect(
                try await riverside.json("episodes --client C-1 \(times)")["differences"]
                    == .array([])
            )

            let text = try await riverside.text("census --date 2025-01-08 \(times)")
            #expect(text.contains("4 items differ"))
            #expect(
                paragraph("total", of: text)
                    == ["total", "  1 → 2", "  because of \(admission)"]
            )
        }
    }

    @Test("A late session and a late end are named by attendance, outcomes and the summary")
    func lateEnd() async throws {
        try await Riverside.with { riverside in
            let (episode, session, end) = (EpisodeID.fresh, EventID.fresh, EventID.fresh)
            try await riverside.record([
                Riverside.admitted(episode, at: "01-06T14:00"),
                Riverside.session(episode, at: "01-07T14:00"),
                Riverside.session(episode, session, at: "01-08T14:00", known: "01-15T14:00"),
                Riverside.line(
                    episode,
                    "discharged",
                    end,
                    at: "01-09T14:00",
                    known: "01-20T14:00",
                    #""reason":"dropped_out""#
                ),
            ])
            let attendance = try await riverside.json(
                "attendance --episode \(episode) --effective-at 2025-01-10 "
                    + "--diff 2025-01-12 2025-01-17"
            )
            #expect(because(attendance) == ["weeks/2025-W02": ["\(session)"]])

            let outcomes = try await riverside.json(
                "outcomes --from 2025-01-06 --to 2025-01-12 --diff 2025-01-17 2025-01-21"
            )
            #expect(
                outcomes.names == [
                    "ledger", "first_date", "last_date", "program", "by", "from", "to", "known_by",
                    "position", "differences", "parked",
                ]
            )
            #expect(
                because(outcomes) == [
                    "by_reason/dropped_out": ["\(end)"], "discharges": ["\(end)"],
                    "alos_days": ["\(end)"], "median_los_days": ["\(end)"],
                    "los_quartile_days": ["\(end)"], "adc": ["\(end)"],
                    "average_daily_enrolment": ["\(end)"],
                ]
            )
            #expect(change("alos_days", of: outcomes)["before"].isNull)
            #expect(change("alos_days", of: outcomes)["after"].number == 3)

            let summary = because(
                try await riverside.json(
                    "discharge-summary --episode \(episode) --diff 2025-01-12 2025-01-21"
                )
            )
            let list = try await riverside.json(
                "discharge-summary --program iop-day --diff 2025-01-12 2025-01-21"
            )
            #expect(
                list.names == [
                    "ledger", "program", "first_date", "last_date", "effective_at", "from", "to",
                    "known_by", "position", "differences", "parked",
                ]
            )
            // Which session counts as the last contact is in the row as well.
            #expect(because(list) == ["summaries/\(episode)": ["\(session)", "\(end)"]])
            let listed = change("summaries/\(episode)", of: list)
            #expect(listed["before"].isNull)
            #expect(listed["after"]["end_reason"] == .string("dropped_out"))
            let elsewhere = try await riverside.json(
                "discharge-summary --program iop-evening --diff 2025-01-12 2025-01-21"
            )
            #expect(elsewhere["differences"] == .array([]))
            #expect(summary["course_of_care/attended"] == ["\(session)"])
            #expect(summary["client/ended_at"] == ["\(end)"])
            #expect(summary["discharge/reason"] == ["\(end)"])
            #expect(summary["client/admitted_at"] == nil)
            // The last contact is the late session of what has ended: neither alone tells it.
            #expect(summary["client/length_of_stay_days"] == ["\(session)", "\(end)"])
        }
    }
}
