import CareEpisode
import Foundation
import Ledger
import Pages
import Postgres
import TestSupport
import Testing

@testable import Server

/// What each role gets of the pages: all of it, and nothing else in any byte.
@Suite("The pages of each role", .serialized)
struct PageRoleTests {
    /// A clinic whose read models are at the head.
    private static func with(
        _ body: @escaping @Sendable (ServiceFixture, ClinicStory) async throws -> Void
    ) async throws {
        try await ClinicStory.with { fixture, story in
            let token = try await fixture.token(.clinician)
            let head = try await EventReader(fixture.database, ledger: fixture.ledger).head()
            for question in ["medication-review?", "discharge-summaries?", "census?"] {
                try await eventually("\(question) has got to the head") {
                    try await fixture.get("\(question)at_least=\(head.position)", token: token)
                        .status == 200
                }
            }
            try await body(fixture, story)
        }
    }

    /// What tells one kind of page from another: its path and which parameters it has.
    private func shape(_ href: String) -> String {
        let parts = href.split(separator: "#")[0].split(separator: "?")
        let path = parts[0].split(separator: "/").map { EpisodeID(String($0)) == nil ? $0 : "…" }
        let pairs = parts.dropFirst().flatMap { $0.split(separator: "&") }
        // Another flag, program or order is another page, at whichever clocks; another time is not.
        let choices = pairs.filter { pair in
            ["flag", "program", "order", "missing", "view", "by"].contains {
                pair.hasPrefix("\($0)=")
            }
        }
        let names = choices.isEmpty ? pairs.map { $0.split(separator: "=")[0] } : choices
        return "\(path.joined(separator: "/"))?\(names.sorted().joined(separator: "&"))"
    }

    private func links(_ html: String) -> [String] {
        html.matches(of: /href="([^"]*)"/).map {
            String($0.output.1).replacing("&amp;", with: "&")
        }.filter { $0.hasPrefix("/") }
    }

    /// Follows every link of every page that can be reached, one of each kind.
    private func crawl(
        _ browser: Browser,
        from start: [String]
    ) async throws -> [(path: String, page: Browser.Page)] {
        var (waiting, seen) = (start, Set(start.map(shape)))
        var pages: [(path: String, page: Browser.Page)] = []
        while let path = waiting.popLast() {
            let page = try await browser.get(path)
            pages.append((path, page))
            try #require(pages.count < 600, "links lead on and on")
            guard page.headers["content-type"]?.hasPrefix("text/html") == true else { continue }
            for link in links(page.text) where seen.insert(shape(link)).inserted {
                waiting.append(link)
            }
        }
        return pages
    }

    @Test(
        "Every link that a role is shown answers",
        arguments: [
            ["clinician"], ["auditor"], ["administrator"], ["clinician", "auditor"],
            ["service", "auditor"],
        ]
    )
    func links(_ roles: [String]) async throws {
        try await Self.with { fixture, _ in
            try await Browser.signedIn(fixture, roles: roles) { browser in
                let home = try await browser.get("/")
                let first = try #require(home.headers["location"])
                #expect(first == "/ledgers/default/census")
                let pages = try await crawl(
                    browser,
                    from: [first, "\(first)?date=2025-01-31", "/account"]
                )
                #expect(pages.count > 40)
                for (path, page) in pages {
                    // The first page leads on to the only ledger's.
                    let answer = path == "/" ? 303 : 200
                    #expect(page.status == answer, "\(roles): \(path) answers \(page.status)")
                }
                let isAuditor = !Set(roles).isDisjoint(with: ["auditor", "administrator"])
                #expect(pages.contains { $0.path.hasSuffix("/packet") } == isAuditor)
                let mayRecord = !Set(roles).isDisjoint(with: ["clinician", "administrator"])
                #expect(pages.contains { $0.path.contains("/record/") } == mayRecord)
                for (path, page) in pages where path.hasPrefix("/ledgers/") {
                    guard page.headers["content-type"]?.hasPrefix("text/html") == true else {
                        continue
                    }
                    // What reading needs, and of what writes the form of the page alone.
                    let posted = page.text.matches(
                        of: /<form[^>]*method="post"[^>]*action="([^"]*)"/
                    ).map { String($0.output.1.split(separator: "?")[0]) }
                    let own = Set(posted).subtracting(["/sign-out", "/ledgers/default/search"])
                    let here = path.split(separator: "?")[0]
                    let isForm =
                        here.contains("/record/") || here.contains("/entries/")
                        || here.hasSuffix("/sheet") && path.contains("start=")
                        || here.hasSuffix("/operations") && own.contains(String(here))
                    #expect(own == (isForm ? [String(here)] : []), "\(path)")
                    #expect(mayRecord || !isForm && !page.text.contains("/record/"), "\(path)")
                    let tabs = page.text.matches(of: /data-key="([a-z])"/).map(\.output.1)
                    let expected =
                        ["c"] + (mayRecord ? ["s"] : []) + ["m", "a", "u", "o"]
                        + (isAuditor ? ["p"] : [])
                    #expect(tabs.map(String.init) == expected, "\(path)")
                    let tells = ["Who looked", "/packet"].contains { page.text.contains($0) }
                    #expect(!tells || isAuditor, "\(path)")
                }
            }
        }
    }

    @Test("An operator sees the machinery, retries what is parked, and sees nothing of any client")
    func operators() async throws {
        try await Self.with { fixture, story in
            _ = try await fixture.database.projector.query(
                """
                insert into read_model_parked (ledger_id, name, generation, episode_id, position, reason)
                select ledger_id, name, generation, \(story.ended), 2, 'P0001 test'
                from read_model_state where name = 'census'
                """
            )
            try await Browser.signedIn(fixture, roles: ["operator"]) { browser in
                let path = "/ledgers/default/operations"
                let home = try await browser.get("/")
                #expect(home.headers["location"] == path)
                let page = try await browser.get(path)
                #expect(page.status == 200)
                #expect(page.text.contains("P0001 test"))
                #expect(page.text.matches(of: /data-key="([a-z])"/).map(\.output.1) == ["p"])
                for word in ["C-1", "\(story.ended)", "/search", "/episodes/"] {
                    #expect(!page.text.contains(word), "\(word)")
                }
                for endpoint in Endpoint.pages where endpoint.path != "operations" {
                    let path = endpoint.path.replacing("{episode}", with: "\(story.ended)")
                        .replacing("{event}", with: "\(EventID.fresh)")
                        .replacing("{type}", with: "admitted")
                    let other = try await browser.get("/ledgers/default/\(path)")
                    #expect(other.status == 403, "\(path)")
                }
                let token = try #require(page.formTokens.last)
                let unknown = try await browser.post(path, ["form_token": token, "model": "x"])
                #expect(unknown.status == 400)
                let asked = try await browser.post(path, ["form_token": token, "model": "census"])
                #expect(asked.status == 200)
                #expect(asked.text.contains("1 parked episode will be folded again"))
            }
            try await Browser.signedIn(fixture, roles: ["auditor"]) { browser in
                let path = "/ledgers/default/operations"
                let page = try await browser.get(path)
                #expect(page.status == 200 && !page.text.contains("Retry all"))
                let token = try #require(page.formTokens.first)
                let asked = try await browser.post(path, ["form_token": token, "model": "census"])
                #expect(asked.status == 403)
            }
            try await Browser.signedIn(fixture, roles: ["clinician"]) { browser in
                let page = try await browser.get("/ledgers/default/operations")
                #expect(page.status == 403)
            }
        }
    }

    @Test("Who may see no page gets none, and no word of what there is")
    func nothing() async throws {
        try await Self.with { fixture, story in
            for roles in [["service"], []] {
                try await Browser.signedIn(fixture, roles: roles) { browser in
                    let home = try await browser.get("/")
                    #expect(home.status == 200)
                    #expect(home.text.contains("There is nothing that you may see"))
                    var told: Set<String> = []
                    for ledger in ["default", "nowhere"] {
                        for episode in [story.ended, EpisodeID.fresh] {
                            let paths =
                                PageName.allCases.map(\.rawValue)
                                + [
                                    "", "/medication", "/attendance", "/summary", "/proof",
                                    "/packet",
                                ]
                                .map { "episodes/\(episode)\($0)" } + ["search", "census/live"]
                            for path in paths {
                                let page = try await browser.get("/ledgers/\(ledger)/\(path)")
                                #expect(page.status == 403, "\(ledger)/\(path)")
                                #expect(!page.text.contains("data-key="))
                                #expect(!page.text.contains("C-1"))
                                #expect(!page.text.contains("/search"))
                                let main = try #require(page.text.firstMatch(of: /<main.*<\/main>/))
                                // But for which roles would do.
                                told.insert(
                                    String(main.output).replacing(
                                        /one of the roles [a-z, ]*/,
                                        with: ""
                                    )
                                )
                            }
                        }
                    }
                    #expect(told.count == 1, "\(told)")
                }
            }
        }
    }

    @Test("What is refused to one role is refused whether it is there or not")
    func refused() async throws {
        try await Self.with { fixture, story in
            try await Browser.signedIn(fixture, roles: ["clinician"]) { browser in
                var bodies: Set<String> = []
                for episode in [story.ended, EpisodeID.fresh] {
                    let page = try await browser.get("/ledgers/default/episodes/\(episode)/packet")
                    #expect(page.status == 403)
                    bodies.insert(page.text.replacing(/<span class="id">[0-9a-f]+/, with: ""))
                }
                #expect(bodies.count == 1)
            }
        }
    }
}
