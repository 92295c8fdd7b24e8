import AsyncHTTPClient
import CareEpisode
import Foundation
import Ledger
import NIOCore
import NIOHTTP1
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Server

/// What the access log has of each page, and that there is no page without it.
@Suite("Pages in the access log", .serialized)
struct PageAccessTests {
    private func details(
        _ fixture: ServiceFixture,
        _ operation: String
    ) async throws -> [String] {
        let token = try await fixture.token(.auditor)
        let log = try await fixture.get("access-log?limit=1000", token: token).json
        return log.list("entries").filter { $0["operation"] as? String == operation }
            .map { $0["detail"] as? String ?? "" }
            // What was late or not there yet is no page.
            .filter { !$0.hasPrefix("answered with") }
    }

    @Test("Each view has its clocks, what was chosen, how many rows, and up to which position")
    func views() async throws {
        try await ClinicStory.with { fixture, story in
            let head = try await EventReader(fixture.database, ledger: fixture.ledger).head()
            let position = "as of position \(head.position)"
            let token = try await fixture.token(.clinician)
            for question in ["medication-review?", "discharge-summaries?", "census?"] {
                try await eventually("\(question) has got to the head") {
                    try await fixture.get("\(question)at_least=\(head.position)", token: token)
                        .status == 200
                }
            }
            let views: [(path: String, operation: String, detail: String)] = [
                (
                    "census?date=2025-01-15&flag=any&order=hours", "page.census",
                    "effective_at=2025-01-15; order=hours; flag=any; rows=3; \(position)"
                ),
                ("census?view=wall", "page.census", "view=wall; rows=2; \(position)"),
                (
                    "census?known_at=2025-02-01&compare=2025-01-20", "page.census",
                    "known_at=2025-02-01; known_by=source; compare=2025-01-21T00:00:00.000000Z; "
                        + "rows=2; \(position)"
                ),
                ("census?format=csv", "page.census", "format=csv; rows=2; \(position)"),
                (
                    "attendance?program=iop-day&page=1", "page.attendance",
                    "page=1; program=iop-day; rows=2; \(position)"
                ),
                // What is typed into an address and is nothing to choose is told to no log.
                ("attendance?program=C-1&flag=Alder", "page.attendance", "rows=0; \(position)"),
                (
                    "medication?flag=no_reason", "page.medication",
                    "flag=no_reason; rows=2; \(position)"
                ),
                (
                    "summaries?from=2025-02-01&to=2025-02-28&missing=any", "page.summaries",
                    "from=2025-02-01; to=2025-02-28; missing=any; rows=1; \(position)"
                ),
                (
                    "outcomes?from=2025-01-01&to=2025-02-28&level_of_care=outpatient",
                    "page.outcomes",
                    "from=2025-01-01; to=2025-02-28; level_of_care=outpatient; rows=1; "
                        + position
                ),
                (
                    "episodes/\(story.ended)?by=happening", "page.episodes",
                    "by=happening; rows=1; \(position)"
                ),
                (
                    "episodes/\(story.ended)/proof?entry=2", "page.episodes.proof",
                    "entry=2; rows=1; \(position)"
                ),
            ]
            try await Browser.signedIn(fixture) { browser in
                for view in views {
                    let before = try await details(fixture, view.operation).count
                    let page = try await browser.get("/ledgers/default/\(view.path)")
                    #expect(page.status == 200, "\(view.path)")
                    let found = try await details(fixture, view.operation)
                    #expect(found.count == before + 1, "\(view.path)")
                    #expect(found.last == view.detail, "\(view.path)")
                }
            }
        }
    }

    @Test("A search has the episodes that it found, and never what was sought")
    func search() async throws {
        try await ClinicStory.with { fixture, story in
            let token = try await fixture.token(.clinician)
            let head = try await EventReader(fixture.database, ledger: fixture.ledger).head()
            try await eventually("the census has got to the head") {
                try await fixture.get("census?at_least=\(head.position)", token: token).status
                    == 200
            }
            try await Browser.signedIn(fixture) { browser in
                let form = try await browser.get("/ledgers/default/search").formTokens[0]
                for sought in ["C-1", "c-2", "nobody of that name"] {
                    let page = try await browser.post(
                        "/ledgers/default/search",
                        ["form_token": form, "q": sought]
                    )
                    #expect([200, 303].contains(page.status), "\(sought)")
                }
            }
            let found = try await details(fixture, "page.search")
            #expect(found.count == 4)
            #expect(found[0] == "rows=0; as of position \(head.position)")
            for episode in [story.ended, story.open] {
                #expect(found[1].contains("\(episode)"))
            }
            #expect(found[2] == "found \(story.lateAdmitted); as of position \(head.position)")
            #expect(found[3] == "rows=0; as of position \(head.position)")
            let log = try await fixture.get("access-log?limit=1000", token: fixture.token(.auditor))
            // The end of a part of an id, and the beginning of the next, may read "c-2".
            let words = log.text.replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "")
            for sought in ["C-1", "c-2", "nobody"] { #expect(!words.contains(sought)) }
        }
    }

    @Test(
        "A live page has an entry when it begins, and one when it ends, with how far it was shown"
    )
    func live() async throws {
        let start = try #require(Instant(rfc3339: "2025-03-01T23:59:58Z"))
        // The service's clock, and how often it was looked at.
        let clock = Mutex((now: start, looks: 0))
        @Sendable func now() -> Instant {
            clock.withLock { clock in
                clock.looks += 1
                return clock.now
            }
        }
        try await ServiceFixture.with(now: now) { fixture in
            try await Browser.signedIn(fixture) { browser in
                #expect(try await browser.get("/ledgers/default/census").status == 200)
                clock.withLock { $0.looks = 0 }
                async let stream = browser.stream("/ledgers/default/census/live?auto=1")
                // The request itself looks at it, and then the page for the first time.
                try await eventually("the page is live") { clock.withLock { $0.looks } >= 2 }
                #expect(try await details(fixture, "page.census.live") == ["live"])
                // Midnight comes, and somebody is admitted after it.
                clock.withLock { $0.now = start.advanced(bySeconds: 10) }
                let answer = try await fixture.post(
                    .fresh,
                    [SampleEvent.admitted()],
                    token: fixture.token(.clinician)
                )
                #expect(answer.status == 201, "\(answer.text)")
                let text = try await stream
                #expect(text.contains("event: over\ndata: The day has ended: open the page again."))
                // Nothing of the new day came before that.
                #expect(!text.contains("1 admitted"))
                try await eventually("the end is in the log") {
                    try await details(fixture, "page.census.live").count == 2
                }
                let end = try #require(try await details(fixture, "page.census.live").last)
                #expect(end.hasPrefix("the page was live up to position "))
            }
        }
    }

    @Test("Where the log cannot be written there is no page, and not a word of one")
    func noLog() async throws {
        try await ServiceFixture.with(timeout: .seconds(5)) { fixture in
            let token = try await fixture.token(.clinician)
            _ = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            try await eventually("the census has the client") {
                try await fixture.get("census?at_least=1", token: token).status == 200
            }
            let store = SignIns(fixture.database)
            let link = try await store.newLink(for: "tester", roles: ["clinician", "auditor"])
            let secret = try #require(try await store.useLink(link))
            @Sendable func get(_ path: String) async throws -> (status: Int, text: String) {
                var request = HTTPClientRequest(
                    url: "http://127.0.0.1:\(fixture.port)/ledgers/default/\(path)"
                )
                request.headers.add(name: "Cookie", value: "session-\(fixture.port)=\(secret)")
                let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(150))
                let body = try await answer.body.collect(upTo: 1 << 24)
                return (Int(answer.status.code), String(buffer: body))
            }
            #expect(try await get("census").text.contains("C-1"))
            try await PostgresConnection.withConnection(fixture.database.configuration) {
                connection in
                try await connection.withTransaction { connection in
                    _ = try await connection.query("lock table access_log in exclusive mode")
                    for path in [
                        "census", "census?format=csv", "attendance?flag=all", "medication",
                    ] {
                        let page = try await get(path)
                        #expect(page.status == 503, "\(path)")
                        #expect(!page.text.contains("C-1"), "\(path)")
                        #expect(!page.text.contains("iop"), "\(path)")
                    }
                }
            }
            try await eventually("pages are there again") { try await get("census").status == 200 }
        }
    }
}
