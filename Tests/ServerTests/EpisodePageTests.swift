import AsyncHTTPClient
import CareEpisode
import Ledger
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Server

/// The pages of an episode as a browser asks for them.
@Suite("The pages of an episode, asked for")
struct EpisodePageTests {
    private static let story = ClinicStory()

    /// A service that has recorded the story.
    private func withClinic(
        _ body: @escaping @Sendable (ServiceFixture) async throws -> Void
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
            try await body(fixture)
        }
    }

    /// The cookie of somebody who signs in with some roles.
    private func cookie(_ fixture: ServiceFixture, _ roles: Role...) async throws -> String {
        let store = SignIns(fixture.database)
        let link = try await store.newLink(for: "tester", roles: roles.map(\.rawValue))
        let secret = try #require(try await store.useLink(link))
        return "session-\(fixture.port)=\(secret)"
    }

    private func get(
        _ fixture: ServiceFixture,
        _ path: String,
        _ cookie: String
    ) async throws -> (status: Int, text: String, type: String) {
        var request = HTTPClientRequest(
            url: "http://127.0.0.1:\(fixture.port)/ledgers/default/episodes/\(path)"
        )
        request.headers.add(name: "Cookie", value: cookie)
        let end = ContinuousClock.now + .seconds(120)
        var answer = try await HTTPClient.shared.execute(request, timeout: .seconds(150))
        // A late page looks again by itself.
        while answer.status == .accepted, .now < end {
            answer = try await HTTPClient.shared.execute(request, timeout: .seconds(150))
        }
        let bytes = try await answer.body.collect(upTo: 1 << 24)
        return (
            Int(answer.status.code), String(buffer: bytes),
            answer.headers.first(name: "Content-Type") ?? ""
        )
    }

    private static let tabs = ["", "/medication", "/attendance", "/summary", "/proof"]

    @Test("Clinician, auditor and administrator see each page; a service sees none")
    func roles() async throws {
        try await withClinic { fixture in
            for role in [Role.clinician, .auditor, .administrator] {
                let cookie = try await cookie(fixture, role)
                for tab in Self.tabs {
                    let page = try await get(fixture, "\(Self.story.ended)\(tab)", cookie)
                    #expect(page.status == 200, "\(role) \(tab)")
                    #expect(page.text.contains("aria-label=\"This episode\""), "\(role) \(tab)")
                }
                // Who looked, and the packet, are an auditor's and an administrator's.
                let proof = try await get(fixture, "\(Self.story.ended)/proof", cookie)
                let packet = try await get(fixture, "\(Self.story.ended)/packet", cookie)
                let isOpen = role != .clinician
                #expect(proof.text.contains("Who looked") == isOpen, "\(role)")
                #expect(proof.text.contains("/packet\"") == isOpen, "\(role)")
                #expect(packet.status == (isOpen ? 200 : 403), "\(role)")
                if isOpen { #expect(packet.type == "application/zip") }
            }
            let service = try await cookie(fixture, .service)
            for tab in Self.tabs {
                #expect(try await get(fixture, "\(Self.story.ended)\(tab)", service).status == 403)
            }
        }
    }

    @Test("Each page has its entry in the access log, with its episode, clocks and version")
    func accessLog() async throws {
        try await withClinic { fixture in
            let cookie = try await cookie(fixture, .clinician)
            let episode = Self.story.ended
            for tab in Self.tabs {
                _ = try await get(fixture, "\(episode)\(tab)?version=2", cookie)
            }
            _ = try await get(fixture, "\(episode)/packet", cookie)
            let log = try await fixture.get(
                "access-log?episode=\(episode)",
                token: try await fixture.token(.auditor)
            )
            let entries = log.json.list("entries").filter {
                // What was late is no page yet.
                let isLate = ($0["detail"] as? String)?.hasPrefix("answered with late") ?? false
                return ($0["operation"] as? String)?.hasPrefix("page.") ?? false && !isLate
            }
            #expect(
                entries.map { $0["operation"] as? String } == [
                    "page.episodes", "page.episodes.medication", "page.episodes.attendance",
                    "page.episodes.summary", "page.episodes.proof", "page.episodes.packet",
                ]
            )
            for entry in entries.dropLast() {
                let detail = entry["detail"] as? String ?? ""
                #expect(detail.hasPrefix("version=2; rows=1; as of position "))
                #expect(entry["allowed"] as? Bool == true)
            }
            #expect(entries.last?["allowed"] as? Bool == false)
        }
    }

    @Test(
        "A page tells of an entry that is recorded while it is looked at",
        arguments: ["", "/medication", "/attendance", "/summary", "/proof"]
    )
    func live(tab: String) async throws {
        try await withClinic { fixture in
            try await Browser.signedIn(fixture) { browser in
                let path = "/ledgers/default/episodes/\(Self.story.open)\(tab)"
                let page = try await browser.get(path)
                #expect(page.text.contains("data-live=\"\(path)/live?auto=1\""))
                #expect(page.text.contains("Live. Nothing has changed"))
                let said = try await withThrowingTaskGroup(of: String?.self) { group in
                    group.addTask {
                        try await browser.stream("\(path)/live?auto=1", until: "new in the record")
                    }
                    // Before its first look the stream has nothing to compare with.
                    group.addTask {
                        let service = try await fixture.token(.service)
                        while !Task.isCancelled {
                            let line = Self.story.line(
                                Self.story.open,
                                "session_attended",
                                at: "02-20T15:00",
                                #""session_id":"\#(EventID.fresh)","kind":"group","minutes":60"#
                            )
                            let answer = try await fixture.request(
                                "POST",
                                "/v1/ledgers/default/events:import",
                                token: service,
                                headers: ["Content-Type": "application/x-ndjson"],
                                body: Array(line.utf8)
                            )
                            #expect(answer.status == 200)
                        }
                        return nil
                    }
                    defer { group.cancelAll() }
                    return try await group.next() ?? nil
                }
                let text = try #require(said)
                #expect(text.contains("event: parts\ndata: {"))
                #expect(text.contains("<a href=\\\"\\\">Show</a>"))
            }
        }
    }

    @Test("What is shown of another time does not change by itself")
    func past() async throws {
        try await withClinic { fixture in
            try await Browser.signedIn(fixture) { browser in
                let path = "/ledgers/default/episodes/\(Self.story.open)"
                for query in ["version=1", "known_at=2025-01-10", "effective_at=2025-01-10"] {
                    let page = try await browser.get("\(path)?\(query)")
                    #expect(page.status == 200, "\(query)")
                    #expect(!page.text.contains("data-live"), "\(query)")
                    #expect(page.text.contains("does not change by itself"), "\(query)")
                    #expect(try await browser.get("\(path)/live?\(query)").status == 400)
                }
            }
        }
    }

    @Test("What cannot be shown is a page that says why")
    func errors() async throws {
        try await withClinic { fixture in
            let cookie = try await cookie(fixture, .clinician)
            let episode = Self.story.ended
            for (path, status) in [
                ("\(episode)?version=0", 400), ("\(episode)?version=x", 400),
                ("\(episode)?version=2&known_at=2025-02-01", 400), ("\(episode)?version=9999", 404),
                ("\(episode)?page=99", 400), ("\(episode)?by=client", 400),
                ("\(episode)/proof?entry=9999", 400),
                ("\(EpisodeID.fresh)", 404), ("no-uuid", 400), ("\(episode)/nothing", 404),
            ] {
                let page = try await get(fixture, path, cookie)
                #expect(page.status == status, "\(path)")
                #expect(page.type.hasPrefix("text/html"), "\(path)")
            }
        }
    }

    @Test("Every version can be shown, and two knowledge times beside each other")
    func replays() async throws {
        try await withClinic { fixture in
            let cookie = try await cookie(fixture, .clinician)
            for episode in [Self.story.ended, Self.story.open] {
                let reader = EventReader(fixture.database, ledger: fixture.ledger)
                let events = try await reader.events(of: episode)
                for event in events {
                    let path = "\(episode)?version=\(event.history.version)"
                    let page = try await get(fixture, path, cookie)
                    #expect(page.status == 200, "\(path)")
                    #expect(page.text.contains("As after version \(event.history.version)"))
                    #expect(page.text.contains("This version changed"))
                }
                for tab in Self.tabs.dropLast() {
                    let path = "\(episode)\(tab)?compare=2025-01-10"
                    let page = try await get(fixture, path, cookie)
                    #expect(page.status == 200, "\(path)")
                    #expect(page.text.contains("What differs"), "\(path)")
                }
            }
        }
    }
}
