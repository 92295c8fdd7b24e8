import CareEpisode
import Foundation
import Ledger
import TestSupport
import Testing

@testable import Server

/// The lists of clients as a browser asks for them.
@Suite("The lists of clients, asked for")
struct ListPageTests {
    private static let story = ClinicStory()

    /// A service that has recorded the story, and a browser of somebody who is signed in.
    private func withClinic(
        _ body: @escaping @Sendable (ServiceFixture, Browser) async throws -> Void
    ) async throws {
        let now = try #require(ClinicStory.now)
        try await ServiceFixture.with(now: { now }) { fixture in
            let answer = try await fixture.request(
                "POST",
                "/v1/ledgers/default/events:import",
                token: try await fixture.token(.service),
                headers: ["Content-Type": "application/x-ndjson"],
                body: Array(Self.story.lines.joined(separator: "\n").utf8)
            )
            #expect(answer.status == 200)
            let head = try await EventReader(fixture.database, ledger: fixture.ledger).head()
            let token = try await fixture.token(.clinician)
            for question in [
                "medication-review?episode=\(Self.story.open)&", "discharge-summaries?", "census?",
            ] {
                try await eventually("\(question) has got to the head") {
                    try await fixture.get(
                        "\(question)at_least=\(head.position)",
                        token: token
                    ).status == 200
                }
            }
            try await Browser.signedIn(fixture) { try await body(fixture, $0) }
        }
    }

    @Test("Each list tells what has become known since a time, client by client")
    func compares() async throws {
        try await withClinic { fixture, browser in
            let lists = [
                "census", "medication", "attendance", "summaries?from=2025-01-01&to=2025-03-01",
            ]
            for list in lists {
                let sign = list.contains("?") ? "&" : "?"
                let path = "/ledgers/default/\(list)"
                let plain = try await browser.get(path)
                #expect(plain.status == 200, "\(list)")
                #expect(!plain.text.contains("What differs"), "\(list)")
                #expect(plain.text.contains(">Since Fri, Feb 28</a>"), "\(list)")
                let page = try await browser.get("\(path)\(sign)compare=2025-01-01")
                #expect(page.status == 200, "\(list)")
                #expect(page.text.contains(">What differs</h2>"), "\(list)")
                #expect(page.text.contains("The whole episode, both times"), "\(list)")
                let same = try await browser.get("\(path)\(sign)compare=2025-02-28")
                #expect(same.text.contains("Nothing differs."), "\(list)")
            }
            let log = try await fixture.get(
                "access-log",
                token: try await fixture.token(.auditor)
            )
            #expect(log.text.contains("compare=2025-01-02T00:00:00"))
        }
    }

    @Test("Beside the list of medications stands the review of the episode that is chosen")
    func chosen() async throws {
        try await withClinic { fixture, browser in
            let path = "/ledgers/default/medication"
            let list = try await browser.get(path)
            #expect(!list.text.contains("id=\"h-rev\""))
            let page = try await browser.get("\(path)?episode=\(Self.story.open)")
            #expect(page.status == 200)
            #expect(page.text.contains("id=\"h-rev\""))
            #expect(page.text.contains("<strong>In force</strong>"))
            #expect(page.text.contains("/ledgers/default/episodes/\(Self.story.open)#v"))
            #expect(page.text.contains("/ledgers/default/episodes/\(Self.story.open)/medication\""))
            for (episode, status) in [("no-uuid", 400), ("\(EpisodeID.fresh)", 404)] {
                #expect(try await browser.get("\(path)?episode=\(episode)").status == status)
            }
            let log = try await fixture.get(
                "access-log?episode=\(Self.story.open)",
                token: try await fixture.token(.auditor)
            )
            let operations = log.json.list("entries").map { $0["operation"] as? String }
            #expect(operations.contains("page.medication"))
        }
    }

    @Test("A census of a time of day says that time")
    func timeOfDay() async throws {
        try await withClinic { _, browser in
            let path = "/ledgers/default/census"
            let then = try await browser.get("\(path)?effective_at=2025-02-20T14:00")
            #expect(then.text.contains("Enrolled at 2:00 PM:"))
            #expect(!then.text.contains("Enrolled at the end of the day"))
            let day = try await browser.get("\(path)?date=2025-02-20")
            #expect(day.text.contains("Enrolled at the end of the day."))
            #expect(try await browser.get(path).text.contains("Enrolled now, at 12:00 PM."))
            let today = try await browser.get("\(path)?effective_at=2025-03-01T09:00")
            #expect(today.text.contains("Enrolled at 9:00 AM:"))
        }
    }

    @Test("Each table of the outcomes is a CSV")
    func outcomes() async throws {
        try await withClinic { _, browser in
            let path = "/ledgers/default/outcomes?from=2025-01-01&to=2025-02-28"
            let page = try await browser.get(path)
            for list in ["retention", "ends", "months"] {
                #expect(page.text.contains("format=csv&amp;from=2025-01-01&amp;list=\(list)&amp;"))
            }
            func csv(_ list: String) async throws -> [String] {
                let answer = try await browser.get("\(path)&format=csv&list=\(list)")
                #expect(answer.status == 200, "\(list)")
                return answer.text.split(separator: "\r\n").map(String.init)
            }
            #expect(try await csv("retention")[0].hasPrefix("day,at_risk,ended,retained,"))
            let ends = try await csv("ends")
            #expect(ends[0].hasPrefix("dimension,value,n,completed,"))
            #expect(ends[1].hasPrefix("all,,"))
            #expect(ends.contains { $0.hasPrefix("program,op-aftercare,1,1,") })
            let months = try await csv("months")
            #expect(months[0].hasPrefix("from,to,dimension,value,carried_over,admitted,"))
            #expect(months[1].hasPrefix("2025-01-01,2025-01-31,,,0,"))
            #expect(months[0].contains(",no_show_rate,"))
        }
    }

    @Test("A page says when its session ends")
    func session() async throws {
        try await withClinic { _, browser in
            for path in ["/ledgers/default/census", "/account"] {
                let page = try await browser.get(path)
                #expect(page.text.contains(" data-idle=\"1740\""), "\(path)")
                let longest = try #require(page.text.firstMatch(of: /data-longest="([0-9]+)"/))
                let seconds = try #require(Int(longest.output.1))
                #expect((35_000...36_000).contains(seconds))
            }
            let signIn = try await browser.get("/sign-in")
            #expect(!signIn.text.contains("data-idle"))
        }
    }
}
