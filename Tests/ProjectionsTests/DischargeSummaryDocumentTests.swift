import CareEpisode
import Documents
import Foundation
import Ledger
import Markup
import ProjectionRuntime
import Testing

@testable import Projections

@Suite("A discharge summary on paper and on a terminal")
struct DischargeSummaryDocumentTests {
    private func story(client: String = "C-1", words: String = "r") throws -> Story {
        var story = try Story(timeZone: "America/New_York")
        story.add(
            .admitted(
                Admitted(
                    clientID: client,
                    program: "iop",
                    levelOfCare: .intensiveOutpatient,
                    reason: words,
                    medications: [
                        ArrivalMedication(medication: medication(words, order: "o"))
                    ],
                    allergies: [words]
                )
            ),
            "03-09 14:00"
        )
        story.attend("a", "03-10 14:00")
        story.attend("b", "03-11 14:00")
        story.attend("c", "03-12 14:00")
        story.adjust(.increase, medication(words, order: "o"), mg(20), reason: words, "03-11 15:00")
        let end = EpisodeEnd(
            condition: words,
            goals: [Goal(text: words, status: .met)],
            instructions: words,
            summary: "first\n\nsecond \(words)"
        )
        story.add(.completed(end), "03-14 16:00")
        return story
    }

    private func answer(_ story: Story, at time: String? = nil) throws -> DischargeSummaryAnswer {
        DischargeSummaryAnswer(
            summary: try #require(try story.summary(at: time)),
            effectiveAt: instant("04-01"),
            basis: ReadModelBasis(position: Position(12), head: Position(12)),
            clock: .source
        )
    }

    private func document(_ story: Story, at time: String? = nil) throws -> Document {
        try answer(story, at: time).document(
            LedgerDescription(
                id: LedgerID(rawValue: 1),
                name: .default,
                timeZone: story.calendar.timeZone
            ),
            story.calendar,
            story.events.map {
                DischargeSummarySource(
                    eventID: $0.eventID,
                    type: $0.type,
                    occurredAt: $0.occurredAt,
                    knownAt: $0.knownAt,
                    knownBy: .source,
                    position: $0.position
                )
            }
        )
    }

    @Test("Whatever is recorded, it is text and never markup")
    func escaping() throws {
        let hostile = #"</td><script>alert("1")</script> & 'quoted' <img src=x onerror=y>"#
        let html = try document(story(client: "<b>&", words: hostile)).html
        let body = html[(try #require(html.range(of: "<body>"))).upperBound...]
        #expect(!body.contains("<script") && !body.contains("<img") && !body.contains("<b>"))
        #expect(
            body.contains(
                "&lt;/td&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; "
                    + "&#39;quoted&#39;"
            )
        )
        // Every tag that is there is one that this program writes.
        let tags = Set(
            body.split(separator: "<").dropFirst().compactMap { piece in
                piece.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }
            }.map(String.init)
        )
        #expect(
            tags.isSubset(of: [
                "main", "header", "h1", "h2", "h3", "p", "ul", "li", "section", "table", "caption",
                "thead", "tbody", "tr", "th", "td", "div", "sup", "a", "br", "span", "body", "html",
            ])
        )
    }

    @Test("The page is whole: language, title, headings, scopes, nothing from elsewhere")
    func page() throws {
        let html = try document(story()).html
        #expect(html.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
        let title = "Discharge summary, Client C-1 · iop · 2024-03-09 to 2024-03-14"
        #expect(html.contains("<title>\(title)</title>"))
        #expect(html.contains("<h1>Discharge summary</h1>"))
        #expect(!html.contains("<th>") && html.contains("scope=\"row\""))
        #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("url("))
        #expect(!html.contains("<script") && !html.contains("<link"))
        for heading in ["Admission", "Course of care", "Medications", "Discharge", "Sources"] {
            #expect(html.contains(">\(heading)</h2>"), "\(heading)")
        }
    }

    @Test("Every number points at its event, and every named event has its number")
    func sources() throws {
        let story = try story()
        let html = try document(story).html
        for number in 1...story.events.count { #expect(html.contains("<tr id=\"e\(number)\">")) }
        #expect(!html.contains("id=\"e\(story.events.count + 1)\""))
        // Three sessions are one run of numbers.
        #expect(html.contains("<a href=\"#e2\">2–3</a>, <a href=\"#e5\">5</a>"))
        for event in story.events { #expect(html.contains(event.eventID.description)) }
    }

    @Test("Runs of numbers are written as such")
    func runs() {
        #expect(Document.numbers([7, 1, 3, 2, 9, 10, 2]) == "1–3, 7, 9–10")
        #expect(Document.numbers([]) == "")
    }

    @Test("Strength and form are told where a medication's name does not have them")
    func medicationWords() {
        func words(_ name: String) -> String {
            Medication(name: name, form: "delayed-release tablet", strength: "50 mg").words
        }
        #expect(words("sertraline") == "sertraline 50 mg delayed-release tablet")
        #expect(
            words("sertraline 50 MG Delayed Release Tablet")
                == "sertraline 50 MG Delayed Release Tablet"
        )
        #expect(words("sertraline 150 mg") == "sertraline 150 mg 50 mg delayed-release tablet")
    }

    @Test("Simulated clients are told as such, others are not; nothing is signed")
    func notices() throws {
        let told = "Simulated data; not a real person"
        for (client, isTold) in [("SIM-1", true), ("C-SIM-1", false)] {
            let document = try document(story(client: client))
            #expect(document.html.contains("<li>\(told)</li>") == isTold)
            #expect(document.text.contains("* \(told)\n") == isTold)
            #expect(document.html.contains("<li>Not signed</li>"))
        }
    }

    @Test("An interim document says so and has no sections of the end")
    func interim() throws {
        let text = try document(story(), at: "03-13").text
        #expect(text.hasPrefix("Interim summary\nClient C-1 · iop · 2024-03-09 to still open\n"))
        #expect(
            text.contains(
                "* Interim: the episode was open at 2024-03-31 20:00 -04:00; this may change\n"
            )
        )
        #expect(!text.contains("\nDISCHARGE\n") && !text.contains("\nFOLLOW-UP\n"))
    }

    @Test("Times are those of the ledger's zone, with their offset, also over a change of clocks")
    func times() throws {
        let text = try document(story()).text
        #expect(text.contains("Admitted        2024-03-09 09:00 -05:00 [1]"))
        #expect(text.contains("Ended           2024-03-14 12:00 -04:00 [6]"))
        #expect(text.contains("Time zone     America/New_York"))
        let clock = try LocalCalendar(timeZone: "Asia/Kolkata")
        #expect(
            clock.time(Instant(microseconds: -1), withSeconds: true)
                == "1970-01-01 05:29:59 +05:30"
        )
    }

    @Test("What was known, and by which clock, is part of the document")
    func basis() throws {
        var answer = try answer(story())
        answer.basis.knownAt = instant("03-20 12:00")
        answer.basis.knownBy = .ledger
        answer.clock = .ledger
        let story = try story()
        let ledger = LedgerDescription(
            id: LedgerID(rawValue: 1),
            name: .default,
            timeZone: "America/New_York"
        )
        let document = answer.document(ledger, story.calendar, [])
        let text = document.text
        #expect(text.contains("what was known at 2024-03-20 08:00:00 -04:00 by the ledger's clock"))
        #expect(text.contains("Position      12"))
        #expect(document.html.contains("by the ledger&#39;s clock"))
    }

    @Test("Lines for a terminal have at most 100 characters, 120 in the table of the sources")
    func width() throws {
        let long = "word " + String(repeating: "x", count: 300) + " word"
        let text = try document(story(words: long)).text
        let (before, sources) = (
            text.prefix(upTo: try #require(text.range(of: "\nSOURCES\n")).lowerBound),
            text.suffix(from: try #require(text.range(of: "\nSOURCES\n")).upperBound)
        )
        let widest = before.split(separator: "\n").map(\.count).max()
        #expect(widest.map { $0 > 90 && $0 <= 100 } == true)
        #expect(sources.split(separator: "\n").allSatisfy { $0.count <= 120 })
        #expect(!text.split(separator: "\n").contains { $0.hasSuffix(" ") })
    }

    @Test("The document in JSON has every section, lists also where they are empty")
    func json() throws {
        let answer = try answer(story())
        let ledger = LedgerDescription(
            id: LedgerID(rawValue: 1),
            name: .default,
            timeZone: "America/New_York"
        )
        let json = String(decoding: answer.json(ledger, answer.basis).bytes, as: UTF8.self)
        #expect(json.hasPrefix(#"{"episode_id":""#))
        for member in [
            "client", "admission", "course_of_care", "medications", "discharge", "follow_up",
            "authorship", "amendments", "completeness",
        ] {
            #expect(json.contains(#","\#(member)":{""#), "\(member)")
        }
        for list in [
            "new", "held", "stopped", "started_and_stopped", "corrections", "late_entries",
        ] {
            #expect(json.contains(#""\#(list)":[]"#), "\(list)")
        }
        #expect(json.hasSuffix(#""flags":[],"changed_since":null,"checkpoint":null,"parked":[]}"#))
    }
}
