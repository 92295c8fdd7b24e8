import CareEpisode
import TestSupport
import Testing

@Suite("medication-review")
struct ReadModelCommandMedicationTests {
    private static let listed = [
        "lineage", "medication", "regimen", "from", "daily_dose", "prescriber", "reason",
        "event_id", "classes", "assessed", "since", "on_arrival", "substances", "route_group",
        "interval_days", "single_dose",
    ]

    @Test("The answer about an episode has the documented members, in order")
    func shape() async throws {
        try await Riverside.with { riverside in
            let story = MedicatedEpisode()
            try await riverside.record(story.lines)
            let review = try await riverside.json(
                "medication-review --episode \(story.episode) --effective-at 2025-01-15"
            )
            #expect(
                review.names == [
                    "episode_id", "ledger", "effective_at", "ended_at", "position", "lag",
                    "known_at",
                    "known_by", "settings", "active", "held", "scheduled", "later", "timeline",
                    "changes", "allergies", "flags", "other_open_episodes", "parked",
                ]
            )
            #expect(review["episode_id"] == .string("\(story.episode)"))
            #expect(review["ledger"] == .string(Riverside.name))
            #expect(review["position"].number == 5 && review["lag"].number == 0)
            #expect(review["known_at"].isNull && review["known_by"].isNull)
            #expect(review["parked"] == .array([]))

            let active = review["active"]
            #expect(
                active.elements.map { $0["lineage"].string } == [
                    "\(story.admission)/0", "\(story.admission)/1", "\(story.opioid)",
                ]
            )
            #expect(
                active.elements.allSatisfy {
                    $0.names == Self.listed + ["scheduled_end", "later_end"]
                }
            )
            #expect(active[0]["medication"].names == ["name", "strength", "order_id"])
            #expect(
                active[0]["regimen"].names
                    == ["dose", "unit", "route", "frequency", "times_per_day"]
            )
            #expect(active[0]["prescriber"].isNull && active[0]["reason"].isNull)
            #expect(active[1]["assessed"] == .bare("false"))
            #expect(active[1]["classes"] == .array([]))
            #expect(active[2]["assessed"] == .bare("true"))
            #expect(active[2]["classes"].strings == ["opioid"])
            #expect(active[2]["prescriber"] == .string("p-1"))

            let held = review["held"]
            #expect(held.elements.count == 1)
            #expect(held[0].names == Self.listed + ["held_since", "held_by"])
            #expect(held[0]["held_by"] == .string("\(story.hold)"))
            #expect(held[0]["held_since"] == .string("2025-01-11T04:30:00.000000Z"))
            #expect(held[0]["event_id"] == .string("\(story.benzodiazepine)"))

            let scheduled = review["scheduled"]
            #expect(scheduled.elements.count == 1)
            #expect(scheduled[0].names == Self.listed + ["change"])
            #expect(scheduled[0]["change"] == .string("increase"))
            #expect(scheduled[0]["daily_dose"].number == 100)

            #expect(review["timeline"].elements.count == 4)
            #expect(
                review["timeline"].elements.allSatisfy {
                    $0.names == [
                        "lineage", "medication", "regimen", "from", "to", "started_by",
                        "ended_by", "prescriber", "reason", "event_id",
                    ]
                }
            )
            #expect(
                review["changes"].elements.map { $0["event_id"].string }
                    == [
                        story.opioid, story.benzodiazepine, story.hold,
                    ]
                    .map(\.description)
            )
            #expect(
                review["changes"].elements.allSatisfy {
                    $0.names == [
                        "event_id", "at", "change", "lineage", "matched_by", "medication",
                        "from_regimen", "to_regimen", "daily_dose_before", "daily_dose_after",
                        "percent",
                        "prescriber", "reason",
                    ]
                }
            )
        }
    }

    @Test("A date means its 24:00 in the ledger's zone, and flags hold at that time")
    func dates() async throws {
        try await Riverside.with { riverside in
            let story = MedicatedEpisode()
            try await riverside.record(story.lines)
            let review = "medication-review --episode \(story.episode)"
            // The hold is at 23:30 of the tenth.
            let tenth = try await riverside.json("\(review) --effective-at 2025-01-10")
            #expect(tenth["effective_at"] == .string("2025-01-11T05:00:00.000000Z"))
            #expect(tenth["held"].elements.count == 1 && tenth["flags"] == .array([]))
            let before = try await riverside.json("\(review) --effective-at 2025-01-11T04:29:59Z")
            #expect(before["held"].elements.isEmpty && before["active"].elements.count == 4)
            #expect(before["flags"].elements.count == 1)
            #expect(
                before["flags"][0].names
                    == ["flag", "event_ids", "medications", "lineages", "text"]
            )
            #expect(before["flags"][0]["medications"].strings.count == 2)
            #expect(before["flags"][0]["flag"] == .string("opioid_and_benzodiazepine"))
            #expect(
                before["flags"][0]["event_ids"].strings
                    == ["\(story.opioid)", "\(story.benzodiazepine)"]
            )

            let later = "\(review) --effective-at 2025-01-21"
            let unreviewed = try await riverside.json(later)["flags"]
            #expect(unreviewed.elements.map { $0["flag"].string } == ["not_reviewed"])
            #expect(unreviewed[0]["event_ids"].strings == ["\(story.admission)"])
            #expect(unreviewed[0]["text"].string?.contains("zylnor") == true)
            let patient = try await riverside.json("\(later) --not-reviewed-days 30")
            #expect(patient["flags"] == .array([]))
        }
    }

    @Test("People read what is taken and held, what is not assessed, and flags with their events")
    func text() async throws {
        try await Riverside.with { riverside in
            let story = MedicatedEpisode()
            try await riverside.record(story.lines)
            let review = "medication-review --episode \(story.episode)"
            let text = try await riverside.text("\(review) --effective-at 2025-01-15")
            for words in [
                "ledger riverside, episode \(story.episode)",
                "Medications at 2025-01-16 00:00 -05:00",
                "Active: 3",
                "sertraline 50 mg", "not assessed", "Not assessed: ", "Held: 1", "side effect",
                "2025-01-10", "Scheduled: 1", "100 mg", "Flags: none", "Position 5, the head.",
            ] { #expect(text.contains(words), "\(words) in\n\(text)") }

            let flagged = try await riverside.text("\(review) --effective-at 2025-01-10T12:00:00Z")
            let lines = flagged.split(separator: "\n").map(String.init)
            let flag = try #require(
                lines.firstIndex { $0.hasPrefix("  Opioid and benzodiazepine: ") }
            )
            #expect(
                lines[(flag + 1)...(flag + 2)].map { $0.trimmingPrefix("    event ") }
                    == ["\(story.opioid)", "\(story.benzodiazepine)"]
            )
            #expect(flagged.contains("Held: none"))
        }
    }

    // MARK: - A program

    /// Four episodes of one program and one of another, by id in an order that is not the list's.
    private struct Program {
        let calm: EpisodeID
        let flagged: EpisodeID
        let alarming: EpisodeID
        let ended: EpisodeID
        let elsewhere: EpisodeID

        init() {
            var ids = (0..<5).map { _ in EpisodeID.fresh }.sorted()
            calm = ids.removeFirst()
            flagged = ids.removeFirst()
            alarming = ids.removeFirst()
            ended = ids.removeFirst()
            elsewhere = ids.removeFirst()
        }

        var lines: [String] {
            [
                admitted(calm, "C-1", "zylnor"), admitted(flagged, "C-2", "oxycodone"),
                admitted(alarming, "C-3", "oxycodone"), admitted(ended, "C-4", "oxycodone"),
                admitted(elsewhere, "C-5", "oxycodone", program: "iop-evening"),
                start(flagged, "lorazepam", at: "01-07T14:00"),
                start(alarming, "lorazepam", at: "01-07T14:00"),
                Riverside.medication(
                    alarming,
                    .fresh,
                    "stop",
                    "fluoxetine",
                    at: "01-08T14:00",
                    reason: "side-effect"
                ),
                start(elsewhere, "lorazepam", at: "01-07T14:00"),
                Riverside.line(ended, "completed", at: "01-08T14:00", ""),
            ]
        }

        private func admitted(
            _ episode: EpisodeID,
            _ client: String,
            _ medication: String,
            program: String = "iop-day"
        ) -> String {
            Riverside.admitted(
                episode,
                at: "01-06T14:00",
                client: client,
                program: program,
                #","medications":[\#(Riverside.arriving(medication, dose: 1))]"#
            )
        }

        private func start(_ episode: EpisodeID, _ name: String, at time: String) -> String {
            Riverside.medication(episode, .fresh, "start", name, at: time, dose: 1)
        }
    }

    @Test("The list of a program has who is enrolled there, the most serious first")
    func worklist() async throws {
        try await Riverside.with { riverside in
            let program = Program()
            try await riverside.record(program.lines)
            let day = "--program iop-day --effective-at 2025-01-10"
            let answer = try await riverside.json("medication-review \(day)")
            #expect(
                answer.names == [
                    "program", "ledger", "effective_at", "position", "lag", "known_at", "known_by",
                    "settings", "episodes", "parked",
                ]
            )
            let episodes = answer["episodes"].elements
            let order = [program.alarming, program.flagged, program.calm]
            #expect(episodes.map { $0["episode_id"].string } == order.map(\.description))
            #expect(episodes.map { $0["flags"].elements.count } == [2, 1, 0])
            #expect(
                episodes.allSatisfy {
                    $0.names == [
                        "episode_id", "client_id", "program", "level_of_care", "active", "held",
                        "flags", "other_open_episodes",
                    ]
                }
            )
            // From the events, as from the tables; and before the end of the one that ended.
            let folded = try await riverside.json(
                "medication-review \(day) --known-at 2025-01-20"
            )
            #expect(folded["episodes"] == answer["episodes"])
            let earlier = try await riverside.json(
                "medication-review --program iop-day --effective-at 2025-01-07"
            )
            #expect(
                earlier["episodes"].elements.map { $0["episode_id"].string }
                    == [
                        program.flagged, program.alarming, program.calm, program.ended,
                    ]
                    .map(\.description)
            )

            let text = try await riverside.text("medication-review \(day)")
            let rows = text.split(separator: "\n").filter { $0.contains("intensive outpatient") }
            #expect(rows.map { String($0.suffix(36)) } == order.map(\.description))
            #expect(text.contains("opioid and benzodiazepine, stop without start"))
            #expect(text.contains(": 3 episodes\n"))

            // Of everybody: those of the program with others.
            let everybody = try await riverside.json(
                "medication-review --effective-at 2025-01-10"
            )
            #expect(everybody["program"] == .bare("null"))
            let ofProgram = everybody["episodes"].elements.filter {
                $0["program"].string == "iop-day"
            }
            #expect(ofProgram == episodes)
            #expect(everybody["episodes"].elements.count > episodes.count)
            let table = try await riverside.output("medication-review \(day) --format csv").output
            let lines = String(decoding: table, as: UTF8.self).split(separator: "\r\n")
            #expect(
                lines[0]
                    == "episode_id,client_id,program,level_of_care,flag,medications,text,event_ids"
            )
            // Two flags, one, and an episode without any.
            #expect(lines.count == 5)
            #expect(lines[1].contains(",opioid_and_benzodiazepine,"))
            #expect(lines[4].hasPrefix("\(program.calm),") && lines[4].hasSuffix(",,,,"))
            let own = try await riverside.output(
                "medication-review --episode \(program.flagged) --effective-at 2025-01-10 "
                    + "--format csv"
            ).output
            #expect(String(decoding: own, as: UTF8.self).split(separator: "\r\n").count == 2)
        }
    }

    @Test("--stale-ok answers at once from what the tables have, and says how far that is behind")
    func stale() async throws {
        try await Riverside.with { riverside in
            let program = Program()
            try await riverside.record(program.lines)
            let count = Double(program.lines.count)
            let list = "medication-review --program iop-day --effective-at 2025-01-10"
            let empty = try await riverside.json("\(list) --stale-ok")
            #expect(empty["position"].number == 0 && empty["lag"].number == count)
            #expect(empty["episodes"] == .array([]))
            let text = try await riverside.text("\(list) --stale-ok")
            #expect(text.contains("Position 0, \(Int(count)) events behind the head."))
            let one = try await riverside.run(
                "medication-review --episode \(program.calm) --stale-ok"
            )
            #expect(one.status == 1 && one.output.isEmpty)
            #expect(one.errors.contains("has reached position 0 of \(Int(count))"))

            let fresh = try await riverside.json(list)
            #expect(fresh["position"].number == count && fresh["lag"].number == 0)
            #expect(fresh["episodes"].elements.count == 3)

            try await riverside.record([
                Riverside.line(program.calm, "completed", at: "01-09T14:00", "")
            ])
            let behind = try await riverside.json("\(list) --stale-ok")
            #expect(behind["position"].number == count && behind["lag"].number == 1)
            #expect(behind["episodes"] == fresh["episodes"])
            #expect(try await riverside.json(list)["episodes"].elements.count == 2)
        }
    }

    @Test("What a terminal would obey is shown in the text, and stays as it is in the JSON")
    func controlCharacters() async throws {
        try await Riverside.with { riverside in
            let episode = EpisodeID.fresh
            let name = #"ser\u001b[31m\ntra\u202eline"#
            let arriving = Riverside.arriving(name, dose: 50)
            try await riverside.record([
                Riverside.admitted(episode, at: "01-06T14:00", #","medications":[\#(arriving)]"#)
            ])
            let asked = "medication-review --episode \(episode) --effective-at 2025-01-10"
            let text = try await riverside.text(asked)
            #expect(text.contains("ser\u{FFFD}[31m\u{FFFD}tra\u{FFFD}line"))
            let json = try await riverside.output(asked + " --format json").text
            #expect(json.contains(#"ser\u001b[31m\ntra\#u{202E}line"#))
        }
    }
}
