import CareEpisode
import Foundation
import TestSupport
import Testing

@Suite("discharge-summary")
struct ReadModelCommandSummaryTests {
    private static let elements = ["value", "event_ids"]

    @Test("The document has the documented members, in order, each with its events")
    func shape() async throws {
        try await Riverside.with { riverside in
            let story = EndedEpisode()
            try await riverside.record(story.lines)
            let summary = try await riverside.json("discharge-summary --episode \(story.episode)")
            #expect(
                summary.names == [
                    "episode_id", "ledger", "status", "position", "lag", "effective_at",
                    "known_at", "known_by", "client", "admission", "course_of_care", "medications",
                    "discharge", "follow_up", "authorship", "amendments", "completeness", "flags",
                    "changed_since", "checkpoint", "parked",
                ]
            )
            #expect(summary["status"] == .string("final"))
            let sections: [String: [String]] = [
                "client": [
                    "client_id", "program", "track", "admitted_at", "admission_date", "ended_at",
                    "end_date", "last_contact_at", "length_of_stay_days", "levels_of_care",
                ],
                "admission": ["reason", "diagnoses", "allergies"],
                "course_of_care": [
                    "attended", "by_kind", "by_modality", "hours", "weeks", "attendance_rate",
                    "missed", "missed_after_end", "family_sessions",
                ],
                "discharge": [
                    "reason", "diagnoses", "goals", "condition", "disposition", "summary",
                ],
                "follow_up": ["aftercare", "instructions"],
                "authorship": ["author", "recorded_by", "recorded_at", "signature"],
                "completeness": [
                    "reason_for_admission", "care_provided", "condition_and_disposition",
                    "information_to_client_and_family", "follow_up",
                ],
            ]
            for (section, names) in sections {
                #expect(summary[section].names == names)
                #expect(names.allSatisfy { summary[section][$0].names == Self.elements })
            }
            // 23:30 of the second, in the ledger's zone.
            #expect(summary["client"]["end_date"]["value"] == .string("2025-02-02"))
            #expect(summary["client"]["ended_at"]["event_ids"].strings == ["\(story.end)"])
            #expect(summary["discharge"]["goals"]["value"][0]["text"] == .string(EndedEpisode.goal))
            #expect(
                summary["discharge"]["reason"]["value"].names == ["reason", "teds_reason"]
            )
            #expect(
                summary["client"]["levels_of_care"]["value"][0].names == [
                    "program", "track", "level_of_care", "from", "to", "start_reason",
                    "end_reason", "tracks",
                ]
            )
            #expect(
                summary["course_of_care"]["hours"]["event_ids"].strings
                    == ["\(story.session)", "\(story.late)"]
            )
            let amendments = summary["amendments"]
            #expect(amendments.names == ["corrections", "late_entries"])
            #expect(
                amendments["corrections"][0]["value"].names == [
                    "correction", "target", "target_type", "occurred_at", "corrected_at",
                    "elements",
                ]
            )
            #expect(amendments["corrections"].elements.count == 1)
            #expect(
                amendments["corrections"][0]["value"]["correction"]
                    == .string("\(story.correction)")
            )
            let late = amendments["late_entries"].elements
            #expect(late.map { $0["value"]["entry"].string } == ["\(story.late)"])
            #expect(
                late.allSatisfy {
                    $0["value"].names == [
                        "entry", "type", "occurred_at", "known_at", "known_by", "elements",
                    ]
                }
            )
            #expect(late.map { $0["value"]["known_by"].string } == ["source"])
        }
    }

    @Test("Each medication stands in the list of its outcome, with that list's members")
    func medications() async throws {
        try await Riverside.with { riverside in
            let story = EndedEpisode()
            try await riverside.record(story.lines)
            let medications = try await riverside.json(
                "discharge-summary --episode \(story.episode)"
            )["medications"]
            #expect(
                medications.names == [
                    "at_admission", "at_discharge", "after_discharge", "continued", "changed",
                    "new", "held", "stopped", "started_and_stopped",
                ]
            )
            let outcomes: [String: (lineage: String, members: [String])] = [
                "continued": ("\(story.admission)/1", ["medication", "regimen", "from"]),
                "changed": ("\(story.admission)/0", ["from", "to"]),
                "new": ("\(story.start)", ["medication", "regimen", "started_at"]),
                "held": (
                    "\(story.admission)/3", ["before", "medication", "regimen", "held_since"]
                ),
                "stopped": (
                    "\(story.admission)/2", ["before", "medication", "regimen", "stopped_at"]
                ),
                "started_and_stopped": (
                    "\(story.brief)", ["medication", "regimen", "started_at", "stopped_at"]
                ),
            ]
            for (list, expected) in outcomes {
                let steps = list != "continued"
                #expect(medications[list].elements.count == 1, "\(list)")
                #expect(medications[list][0].names == Self.elements)
                let value = medications[list][0]["value"]
                #expect(value["lineage"] == .string(expected.lineage))
                #expect(
                    value.names == ["lineage"] + expected.members + ["prescriber", "reason"]
                        + (steps ? ["steps"] : [])
                )
            }
            let changed = medications["changed"][0]["value"]
            #expect(changed["from"].names == ["medication", "regimen"])
            #expect(changed["to"]["regimen"]["dose"].number == 100)
            #expect(
                changed["steps"][0].names
                    == ["at", "change", "medication", "regimen", "prescriber", "reason"]
            )
            #expect(
                medications["at_admission"].elements.map { $0["value"]["lineage"].string }
                    == (0...3).map { "\(story.admission)/\($0)" }
            )
            let state = medications["at_discharge"].elements
            #expect(state.count == 4)
            #expect(
                state.allSatisfy {
                    $0["value"].names == [
                        "lineage", "status", "medication", "regimen", "from", "prescriber",
                        "reason", "held_since",
                    ]
                }
            )
        }
    }

    @Test("What became known since the end is told, with its events, or since another time")
    func changedSince() async throws {
        try await Riverside.with { riverside in
            let story = EndedEpisode()
            try await riverside.record(story.lines)
            let command = "discharge-summary --episode \(story.episode)"
            let changed = try await riverside.json(command)["changed_since"]
            #expect(changed.names == ["since", "known_by", "differences"])
            #expect(changed["since"] == .string("2025-02-03T15:00:00.000000Z"))
            #expect(changed["known_by"] == .string("source"))
            let differences = changed["differences"].elements
            #expect(
                differences.allSatisfy { $0.names == ["item", "before", "after", "because"] }
            )
            #expect(differences.allSatisfy { $0["because"].strings == ["\(story.late)"] })
            let attended = differences.first { $0["item"] == .string("course_of_care/attended") }
            #expect(attended?["before"].number == 1 && attended?["after"].number == 2)

            let since = try await riverside.json("\(command) --since 2025-02-10")["changed_since"]
            #expect(since["since"] == .string("2025-02-11T05:00:00.000000Z"))
            #expect(since["differences"] == .array([]))
            // As it was known before the late session.
            let before = try await riverside.json("\(command) --known-at 2025-02-05")
            #expect(before["changed_since"]["differences"] == .array([]))
            #expect(before["course_of_care"]["attended"]["value"].number == 1)
        }
    }

    @Test("People read the same in words, in lines that fit, with the events by number")
    func text() async throws {
        try await Riverside.with { riverside in
            let story = EndedEpisode()
            try await riverside.record(story.lines)
            let command = "discharge-summary --episode \(story.episode)"
            let text = try await riverside.text(command)
            for words in [
                "Discharge summary\n", "* Simulated data; not a real person", "* Not signed",
                "Client SIM-1 · iop-day · 2025-01-06 to 2025-02-02", "2025-02-02 23:30 -05:00",
                "low mood", "penicillin", "MEDICATIONS", "bupropion", EndedEpisode.goal,
                "A & B \"Care\"", "BASIS", "riverside", "SOURCES",
            ] { #expect(text.contains(words), "\(words) in\n\(text)") }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let sources = try #require(lines.firstIndex(of: "SOURCES"))
            #expect(lines[..<sources].allSatisfy { $0.count <= 100 })
            #expect(lines[sources...].allSatisfy { $0.count <= 120 })
            let named = try await riverside.json(command).eventIDs
            #expect(named.count > 10)
            for event in named {
                #expect(lines[sources...].filter { $0.contains(event) }.count == 1)
            }
        }
    }

    // MARK: - HTML

    @Test("The page is complete, is by itself, and takes nobody's words for its own")
    func page() async throws {
        try await Riverside.with { riverside in
            let story = EndedEpisode()
            try await riverside.record(story.lines)
            let command = "discharge-summary --episode \(story.episode)"
            let page = try await riverside.output("\(command) --format html").text
            #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\"><head>"))
            #expect(page.hasSuffix("</body></html>\n"))
            #expect(page.components(separatedBy: "<html").count == 2)
            for foreign in [
                "<script", "<b>", "<link", "<img", "src=", "http:", "https:", "url(", "@import",
                "javascript:", " onload", " onclick",
            ] { #expect(!page.contains(foreign), "\(foreign)") }
            #expect(
                page.contains(
                    "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;calm&#39;"
                )
            )
            #expect(page.contains("&lt;b&gt;stable&lt;/b&gt;"))
            #expect(page.contains("A &amp; B &quot;Care&quot;"))
            #expect(page.contains("Not signed") && page.contains("Simulated data"))
            try expectBalanced(page)

            let named = try await riverside.json(command).eventIDs
            #expect(named.isSuperset(of: ["\(story.late)", "\(story.hold)", "\(story.end)"]))
            for event in named { #expect(page.contains(event), "\(event)") }
            // Every number points at a row.
            let targets = page.components(separatedBy: "href=\"").dropFirst().map { piece in
                String(piece.prefix { $0 != "\"" })
            }
            #expect(targets.count > 10)
            for target in Set(targets) {
                #expect(target.hasPrefix("#e") && page.contains("id=\"\(target.dropFirst())\""))
            }

            let interim = try await riverside.output(
                "\(command) --interim --effective-at 2025-01-20 --format html"
            ).text
            #expect(interim.contains("<h1>Interim summary</h1>"))
        }
    }

    /// Every element is closed, in the right place.
    private func expectBalanced(_ page: String) throws {
        // The style sheet lies in these.
        var open: [Substring] = ["html", "head"]
        let style = try #require(page.firstRange(of: "</style>"))
        for piece in page[style.upperBound...].split(separator: "<") {
            let tag = piece.prefix { $0 != ">" }
            let name = tag.prefix { $0 != " " }
            #expect(!tag.contains("\n") && piece.contains(">"))
            if name.hasPrefix("/") {
                #expect(open.popLast().map { "/\($0)" } == String(name))
            } else if !["br", "meta"].contains(name) {
                open.append(name)
            }
        }
        #expect(open.isEmpty)
    }
}

@Suite("discharge-summary --program")
struct ReadModelCommandSummaryListTests {
    @Test("The list has the program's ended episodes, and what their summaries lack")
    func list() async throws {
        try await Riverside.with { riverside in
            let (ended, open, other) = (EpisodeID.fresh, EpisodeID.fresh, EpisodeID.fresh)
            try await riverside.record([
                Riverside.admitted(ended, at: "01-06T14:00"),
                Riverside.admitted(open, at: "01-06T14:00"),
                Riverside.admitted(other, at: "01-06T14:00", program: "iop-evening"),
                Riverside.session(ended, at: "01-07T14:00"),
                Riverside.line(
                    ended,
                    "completed",
                    at: "01-09T14:00",
                    #""condition":"Better","disposition":"home""#
                ),
                Riverside.line(other, "completed", at: "01-09T14:00", ""),
            ])
            let answer = try await riverside.json("discharge-summary --program iop-day")
            #expect(
                answer.names == [
                    "ledger", "effective_at", "position", "lag", "known_at", "known_by",
                    "summaries", "parked",
                ]
            )
            let rows = answer["summaries"].elements
            #expect(rows.map { $0["episode_id"].string } == [ended.description])
            #expect(rows[0]["length_of_stay_days"].number == 2)
            #expect(
                rows[0]["missing"].strings == [
                    "reason_for_admission", "information_to_client_and_family", "follow_up",
                ]
            )
            let text = try await riverside.text("discharge-summary --program iop-day")
            #expect(text.contains("\(ended)") && text.contains("1 ended episode."))
            let none = try await riverside.json(
                "discharge-summary --program iop-day --from 2025-01-10"
            )
            #expect(none["summaries"] == .array([]))
        }
    }

    @Test("The list answers for both clocks: what had ended then, as it was known then")
    func clocks() async throws {
        try await Riverside.with { riverside in
            let (early, late) = (EpisodeID.fresh, EpisodeID.fresh)
            try await riverside.record([
                Riverside.admitted(early, at: "01-06T14:00"),
                Riverside.admitted(late, at: "01-06T14:00"),
                Riverside.session(early, at: "01-07T14:00", known: "01-20T14:00"),
                Riverside.line(early, "completed", at: "01-09T14:00", ""),
                Riverside.line(late, "completed", at: "01-12T14:00", known: "01-15T14:00", ""),
            ])
            func rows(_ options: String) async throws -> [(String?, Int?)] {
                try await riverside.json("discharge-summary --program iop-day \(options)")[
                    "summaries"
                ].elements.map { ($0["episode_id"].string, $0["missing"].elements.count) }
            }
            func isList(_ options: String, _ expected: [(EpisodeID, Int)]) async throws -> Bool {
                let found = try await rows(options)
                return found.count == expected.count
                    && zip(found, expected).allSatisfy { $0 == ($1.0.description, $1.1) }
            }
            // All but the session of one is missing, all of it of the other.
            #expect(try await isList("", [(late, 5), (early, 4)]))
            #expect(try await isList("--effective-at 2025-01-10", [(early, 4)]))
            #expect(try await isList("--effective-at 2025-01-09T13:59:59Z", []))
            #expect(try await isList("--effective-at 2025-01-09T14:00:00Z", [(early, 4)]))
            #expect(try await isList("--known-at 2025-01-10", [(early, 5)]))
            #expect(try await isList("--known-at 2025-01-16", [(late, 5), (early, 5)]))
            #expect(
                try await isList("--known-at 2025-01-16 --effective-at 2025-01-10", [(early, 5)])
            )
            #expect(
                try await isList("--known-at 2025-01-16 --from 2025-01-10", [(late, 5)])
            )
            // The ledger itself knew nothing of it before the test recorded it.
            #expect(try await isList("--known-at 2025-01-16 --known-by ledger", []))

            let answer = try await riverside.json(
                "discharge-summary --program iop-day --known-at 2025-01-10"
            )
            #expect(answer["known_at"] == .string("2025-01-11T05:00:00.000000Z"))
            #expect(answer["known_by"] == .string("source"))
            let text = try await riverside.text(
                "discharge-summary --program iop-day --known-at 2025-01-10"
            )
            #expect(text.contains("1 ended episode.") && text.contains("as known at 2025-01-11"))
        }
    }
}
