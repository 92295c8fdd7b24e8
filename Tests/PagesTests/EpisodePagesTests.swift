import CareEpisode
import Foundation
import Markup
import Testing

@testable import Pages

/// What the pages of an episode say, byte for byte.
///
/// After a change on purpose, run these tests once with EPISODE_LEDGER_WRITE_GOLDEN=1 and look at the
/// difference.
@Suite("The pages of an episode")
struct EpisodePagesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().path

    static let names = [
        "timeline", "timeline-version-10", "timeline-by-happening", "medication",
        "medication-version-16", "attendance", "summary", "summary-interim", "proof",
        "timeline-compare",
    ]

    private func view(_ name: String, _ fixture: EpisodeFixture) throws -> any PageView {
        switch name {
        case "timeline":
            EpisodeView(try fixture.record(), EpisodeChanges(), page: nil)
        case "timeline-version-10":
            EpisodeView(
                try fixture.record("", ["version": "10"]),
                try fixture.changes(10),
                page: nil
            )
        case "timeline-by-happening":
            EpisodeView(
                try fixture.record("", ["by": "happening"]),
                EpisodeChanges(),
                page: nil
            )
        case "timeline-compare":
            EpisodeView(
                try fixture.record("", ["compare": "2025-11-01"]),
                try fixture.changes(10),
                page: nil
            )
        case "medication":
            EpisodeMedicationView(try fixture.record("medication"), EpisodeChanges())
        case "medication-version-16":
            EpisodeMedicationView(
                try fixture.record("medication", ["version": "16"]),
                EpisodeChanges()
            )
        case "attendance":
            EpisodeAttendanceView(try fixture.record("attendance"), EpisodeChanges())
        case "summary":
            EpisodeSummaryView(
                try fixture.record("summary"),
                EpisodeChanges(),
                try fixture.summary()
            )
        case "summary-interim":
            EpisodeSummaryView(
                try fixture.record("summary"),
                EpisodeChanges(),
                try fixture.summary(17)
            )
        default:
            EpisodeProofView(
                try fixture.record("proof", ["entry": "3"]),
                checkpoint: .init(
                    size: 110,
                    origin: "example.org/default",
                    root: "cm9vdA==",
                    note: "a note\n",
                    sealedAt: fixture.now
                ),
                proof: .init(version: Version(3), hashes: ["b25l", "dHdv"]),
                looks: [
                    .init(
                        at: fixture.now,
                        subject: "local:sim",
                        what: "The weeks of an episode",
                        isAllowed: true,
                        purpose: "Treatment",
                        requestID: "019ad0f2"
                    )
                ],
                packet: "/packet",
                page: 1
            )
        }
    }

    private func markup(_ view: any PageView) -> String {
        view.content.map(\.markup).joined(separator: "\n")
    }

    @Test("Each page is what was agreed on", arguments: names)
    func golden(_ name: String) throws {
        let markup = markup(try view(name, try EpisodeFixture()))
        // A line for each element, for who reads the file.
        let text = markup.replacing("><", with: ">\n<") + "\n"
        let path = "\(Self.folder)/Golden/\(name).html"
        if ProcessInfo.processInfo.environment["EPISODE_LEDGER_WRITE_GOLDEN"] == "1" {
            try Data(text.utf8).write(to: URL(filePath: path))
        }
        let agreed = FileManager.default.contents(atPath: path) ?? Data()
        #expect(text == String(decoding: agreed, as: UTF8.self), "see \(path)")
    }

    @Test("HTML in any text field stays text", arguments: names)
    func escaping(_ name: String) throws {
        let fixture = try EpisodeFixture(text: #"<script>alert("1")</script><b a='2'>"#)
        let markup = markup(try view(name, fixture))
        #expect(!markup.contains("<script"))
        #expect(!markup.contains("<b a="))
        if name != "proof", name != "attendance" {
            #expect(markup.contains("&lt;script&gt;"))
        }
    }

    @Test("No title names a client, and no address does", arguments: names)
    func secrecy(_ name: String) throws {
        let view = try view(name, try EpisodeFixture())
        #expect(!view.title.contains("SIM-"))
        let addresses = markup(view).matches(of: /(?:href|action)="[^"]*"/).map(\.output)
        #expect(!addresses.isEmpty)
        #expect(addresses.allSatisfy { !$0.contains("SIM-") })
    }

    @Test("Every link to an entry leads to a row of the timeline")
    func anchors() throws {
        let fixture = try EpisodeFixture()
        let rows = Set(
            markup(try view("timeline", fixture)).matches(of: /id="(v[0-9]+)"/).map(\.output.1)
        )
        #expect(rows.count == fixture.events.count)
        for name in Self.names {
            let links = markup(try view(name, fixture)).matches(of: /href="[^"]*#(v[0-9]+)"/)
            #expect(!links.isEmpty, "\(name)")
            #expect(links.allSatisfy { rows.contains($0.output.1) }, "\(name)")
        }
    }

    @Test("A name stands where the directory has one, and the key under it")
    func directory() throws {
        let people = People(["SIM-QRXTS5NHWT": People.Person(name: "Sim Bramble")])
        let view = EpisodeView(
            try EpisodeFixture().record("", [:], people),
            EpisodeChanges(),
            page: nil
        )
        let markup = markup(view)
        #expect(markup.contains(#"<span class="name">Sim Bramble</span>"#))
        #expect(markup.contains(#"<span class="key-of id">SIM-QRXTS5NHWT</span>"#))
        #expect(!view.title.contains("Bramble"))
    }

    @Test("At a version the heading says the state then, and what is now apart")
    func stateThen() throws {
        let markup = markup(try view("timeline-version-10", try EpisodeFixture()))
        #expect(markup.contains("As after version 10: <strong>in care, day 16</strong>"))
        #expect(markup.contains("Now: ended Mon, Nov 17, 2025, transferred"))
        #expect(markup.contains(#"<tr id="v10" data-row="" aria-current="step">"#))
        #expect(markup.contains(#"<tr id="v11" data-row="" class="later">"#))
        #expect(markup.contains("Corrected by 10"))
        #expect(markup.contains("Retracted by 6"))
        #expect(markup.contains("Late, 3 d 17 h"))
    }

    @Test(
        "A summary is written as pages write: no abbreviation, no code, no time of ISO 8601",
        arguments: [nil, 17]
    )
    func summaryWords(_ count: Int?) throws {
        let fixture = try EpisodeFixture()
        let view = EpisodeSummaryView(
            try fixture.record("summary"),
            EpisodeChanges(),
            try fixture.summary(count)
        )
        let text = markup(view).replacing(/<[^>]*>/, with: " ")
        expectWords(text)
        for words in [
            "DOSE   1,500\u{A0}mcg", "three times daily", "at bedtime", "DBT 1", "CBT",
            "Wed, Oct 22, 2025, 8:00 AM", "Not signed.",
        ] { #expect(text.contains(words), "\(words)") }
        #expect(
            text.contains(
                count == nil
                    ? "What is missing: information to client and family; follow-up."
                    : "Interim: the episode was open at Thu, Nov 20, 2025, 3:00 PM"
            )
        )
        // Each number leads to its entry.
        let document = try #require(markup(view).split(separator: "panel document").last)
        let numbers = document.matches(of: /#v([0-9]+)">([0-9]+)/)
        #expect(numbers.count > 40)
        #expect(numbers.allSatisfy { $0.output.1 == $0.output.2 })
    }

    @Test("An admission that is to come, and one that was retracted, are told apart")
    func withoutAdmission() throws {
        let fixture = try EpisodeFixture()
        let planned = markup(
            EpisodeView(try fixture.withoutAdmission(false), EpisodeChanges(), page: nil)
        )
        #expect(planned.contains("Admission recorded for Sat, Dec 20, 2025, 9:00 AM"))
        #expect(planned.contains("SIM-QRXTS5NHWT"))
        let retracted = markup(
            EpisodeView(try fixture.withoutAdmission(true), EpisodeChanges(), page: nil)
        )
        #expect(
            retracted.contains(
                "The admission was retracted by Sim Ellis on Wed, Nov 12, 2025: “somebody else”"
            )
        )
    }

    @Test("The end of a day is told as that day's")
    func endOfDay() throws {
        let midnight = try #require(Instant(rfc3339: "2025-11-04T00:00:00Z"))
        var record = try EpisodeFixture().record("", ["date": "2025-11-03"])
        record.then.effectiveAt = midnight
        let markup = markup(EpisodeView(record, EpisodeChanges(), page: nil))
        #expect(markup.contains("happened up to end of Mon, Nov 3, 2025"))
        #expect(!markup.contains("12:00 AM"))
        let first = record.then.day(record.format)
        record.then.effectiveAt = midnight.advanced(bySeconds: -60)
        #expect(record.then.day(record.format) == first)
        record.then.effectiveAt = midnight.advanced(bySeconds: 60)
        #expect(record.then.day(record.format) == first.map { $0 + 1 })
    }

    @Test("A version goes with no knowledge time")
    func conflict() throws {
        let fixture = try EpisodeFixture()
        for name in ["known_at", "compare"] {
            #expect(throws: (any Error).self) {
                try fixture.record("", ["version": "2", name: "2025-11-01"])
            }
        }
        #expect(throws: (any Error).self) { try fixture.record("", ["version": "02"]) }
    }
}
