import CareEpisode
import Crypto
import Foundation
import HTTPTypes
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Access")
struct AccessTests {
    /// Who may do what, told a second time: request and the roles that may.
    private static let expected: [(method: String, path: String, roles: Set<Role>)] = [
        ("POST", "episodes/%E/events", [.clinician, .service, .administrator]),
        ("GET", "episodes/%E/events", [.clinician, .auditor, .service, .administrator]),
        ("POST", "events:import", [.service, .administrator]),
        ("GET", "events", [.auditor, .service, .administrator]),
        ("GET", "episodes/%E", [.clinician, .auditor, .administrator]),
        ("GET", "episodes", [.clinician, .auditor, .administrator]),
        ("GET", "census", [.clinician, .auditor, .administrator]),
        ("GET", "attendance?episode=%E", [.clinician, .auditor, .administrator]),
        (
            "GET", "outcomes?from=2025-01-01&to=2025-01-31",
            [.clinician, .auditor, .administrator]
        ),
        (
            "GET", "retention?from=2025-01-01&to=2025-01-31",
            [.clinician, .auditor, .administrator]
        ),
        (
            "GET", "statistics?from=2025-01-01&to=2025-01-31",
            [.clinician, .auditor, .administrator]
        ),
        ("GET", "sessions?date=2025-01-15", [.clinician, .auditor, .administrator]),
        ("GET", "medication-review?episode=%E", [.clinician, .auditor, .administrator]),
        ("GET", "discharge-summaries", [.clinician, .auditor, .administrator]),
        (
            "GET", "discharge-summaries/%E?interim=true", [.clinician, .auditor, .administrator]
        ),
        ("GET", "settings", [.clinician, .auditor, .service, .administrator]),
        ("GET", "checkpoint", [.clinician, .auditor, .service, .administrator]),
        (
            "GET", "proofs/inclusion?position=1", [.clinician, .auditor, .service, .administrator]
        ),
        ("GET", "proofs/consistency?from=1", [.clinician, .auditor, .service, .administrator]),
        ("GET", "tile/%T", [.clinician, .auditor, .service, .administrator]),
        ("GET", "episodes/%E/packet", [.auditor, .administrator]),
        ("GET", "access-log", [.auditor, .administrator]),
        ("GET", "access-log/checkpoint", [.auditor, .administrator]),
        ("GET", "access-log/proofs/inclusion?number=1", [.auditor, .administrator]),
        ("GET", "access-log/proofs/consistency?from=1", [.auditor, .administrator]),
        ("GET", "access-log/tile/%T", [.auditor, .administrator]),
        ("GET", "subscriptions", [.auditor, .service, .administrator]),
        ("PUT", "subscriptions/%N", [.service, .administrator]),
        ("GET", "subscriptions/%N", [.auditor, .service, .administrator]),
        ("GET", "subscriptions/%N/events", [.service, .administrator]),
        ("POST", "subscriptions/%N/ack", [.service, .administrator]),
        ("GET", "subscriptions/%N/dead-letters", [.auditor, .service, .administrator]),
        ("DELETE", "subscriptions/%N/dead-letters/%P", [.service, .administrator]),
        ("POST", "subscriptions/%N/rotate-secret", [.service, .administrator]),
        ("DELETE", "subscriptions/%N", [.service, .administrator]),
    ]

    /// What a request is sent with.
    private static func body(_ path: String) -> String {
        switch path {
        case "subscriptions/%N": "{}"
        case "subscriptions/%N/ack": #"{"bucket":0,"from":0,"to":0}"#
        default: SampleEvent.session(day: 2).text
        }
    }

    /// Makes what a request is about: each one finds it as if it were the first.
    private static func prepare(
        _ path: String,
        _ fixture: ServiceFixture
    ) async throws -> [String: String] {
        guard path.contains("%N") else { return ["%T": "0/000.p/1"] }
        let name = "s-\(UInt64.random(in: 0..<1_000_000_000))"
        let registry = SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
        let checked = try #require(SubscriptionName(name))
        // Of a webhook that is behind with nothing, nothing is sent.
        let head = try await EventReader(fixture.database, ledger: fixture.ledger).head()
        let webhook = WebhookSettings(url: "https://receiver.example")
        let isWebhook = path.contains("rotate")
        let subscription = Subscription(
            name: checked,
            after: isWebhook ? head.position : .zero,
            webhook: isWebhook ? webhook : nil
        )
        _ = try await registry.put(subscription, givesAfter: true, by: "tester")
        _ = try await fixture.database.projector.query(
            """
            insert into subscription_dead_letter
                (ledger_id, name, position, episode_id, event_id, deliveries, reason)
            select ledger_id, \(name), position, episode_id, event_id, 1, 'test'
            from event
            where ledger_id = \(fixture.ledger.id.rawValue) and position = 1
            """
        )
        return ["%N": name, "%P": "1"]
    }

    /// The status of a request, made for the first time.
    private static func ask(
        _ fixture: ServiceFixture,
        _ method: String,
        _ template: String,
        _ episode: EpisodeID,
        _ token: String
    ) async throws -> Int {
        let marks = try await prepare(template, fixture)
        let path = marks.reduce(
            template.replacingOccurrences(of: "%E", with: episode.description)
        ) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
        let hasBody = !["GET", "DELETE"].contains(method)
        return try await fixture.request(
            method,
            "/v1/ledgers/default/\(path)",
            token: token,
            body: hasBody ? Array(body(template).utf8) : nil
        ).status
    }

    @Test("Every request of the service is in this test's table, and no other")
    func complete() {
        func key(_ method: String, _ path: some StringProtocol) -> String {
            let path = String(path.split(separator: "?")[0])
                .replacingOccurrences(of: "%E", with: "{episode}")
                .replacingOccurrences(of: "%N", with: "{name}")
                .replacingOccurrences(of: "%P", with: "{position}")
                .replacingOccurrences(of: "%T", with: "{tile}")
            return "\(method) \(path)"
        }
        let served = Endpoint.all.map { key($0.method.rawValue, $0.path) }
        #expect(Set(served) == Set(Self.expected.map { key($0.method, $0.path) }))
        #expect(served.count == Self.expected.count)
        #expect(Set(Endpoint.all.map(\.operation)).count == Endpoint.all.count)
    }

    @Test("Each role may what the table says, in its own ledger; nobody may anything in another")
    func matrix() async throws {
        try await ServiceFixture.with { fixture in
            let episode = EpisodeID.fresh
            let writer = try await fixture.token(.administrator)
            let made = try await fixture.post(
                episode,
                [SampleEvent.admitted(), SampleEvent.session()],
                token: writer
            )
            #expect(made.status == 201, "\(made.text)")
            _ = try await fixture.get("checkpoint", token: writer)
            _ = try await fixture.get("access-log/checkpoint", token: writer)
            for role in Role.allCases {
                let own = try await fixture.token(role)
                let foreign = try await fixture.token(role, ledgers: ["elsewhere"])
                let everywhere = try await fixture.token(role, ledgers: ["*"])
                for (method, path, roles) in Self.expected {
                    let status = try await Self.ask(fixture, method, path, episode, own)
                    let allowed = roles.contains(role)
                    #expect(
                        allowed ? (200...204).contains(status) : status == 403,
                        "\(role) \(method) \(path): \(status)"
                    )
                    let wide = try await Self.ask(fixture, method, path, episode, everywhere)
                    #expect(
                        allowed == (wide < 300),
                        "\(role) \(method) \(path) everywhere: \(wide)"
                    )
                    let abroad = try await Self.ask(fixture, method, path, episode, foreign)
                    #expect(abroad == 403, "\(role) \(method) \(path) in another ledger: \(abroad)")
                }
            }
            // A token without a role may nothing.
            let nobody = try await fixture.tokens.token(
                subject: "nobody",
                roles: [],
                ledgers: ["default"],
                validFor: 60
            )
            #expect(try await fixture.get("census", token: nobody).status == 403)
        }
    }

    /// Tokens that nobody may come with, and what is wrong with each.
    private static func badTokens(_ fixture: ServiceFixture) async throws -> [(String, String?)] {
        let roles = Role.allCases
        func signed(_ tokens: LocalTokens, for audience: String, _ seconds: Int) async throws
            -> String
        {
            try await tokens.token(
                for: audience,
                subject: "tester",
                roles: roles,
                ledgers: ["*"],
                validFor: seconds
            )
        }
        let good = try await signed(fixture.tokens, for: LocalTokens.audience, 600)
        let expired = try await signed(fixture.tokens, for: LocalTokens.audience, -120)
        let foreign = try await signed(fixture.tokens, for: "another", 600)
        let others = try LocalTokens(keyFile: "\(fixture.folder)/other.key")
        let unknown = try await signed(others, for: LocalTokens.audience, 600)
        let (parts, theirs) = (good.split(separator: "."), unknown.split(separator: "."))
        func base64url(_ bytes: some Sequence<UInt8>) -> String {
            Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
                .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
        }
        let name = fixture.tokens.keyID
        let none = base64url(#"{"alg":"none","kid":"\#(name)"}"#.utf8)
        // The algorithm is confused: the public key taken as a shared secret.
        let confused = base64url(#"{"alg":"HS256","kid":"\#(name)"}"#.utf8) + "." + parts[1]
        let set = try JSONSerialization.jsonObject(with: Data(fixture.tokens.jwks))
        let keys = try #require((set as? [String: Any])?["keys"] as? [[String: Any]])
        let point = try #require(keys.first?["x"] as? String)
        let secret = try #require(Base64URL.decode(point))
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(confused.utf8),
            using: SymmetricKey(data: Data(secret))
        )
        return [
            ("no token", nil), ("an expired one", expired), ("another audience's", foreign),
            ("an unknown key's", unknown),
            ("another key's", "\(parts[0]).\(theirs[1]).\(theirs[2])"),
            ("unsigned", "\(none).\(parts[1])."), ("confused", "\(confused).\(base64url(code))"),
            (
                "changed",
                "\(parts[0]).\(parts[1]).\(parts[2].reversed().map { String($0) }.joined())"
            ),
        ]
    }

    @Test("No request of the document is answered without a good token, but the open ones")
    func badTokens() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let document = try await fixture.request("GET", "/openapi.json", token: nil)
            let json = try JSONSerialization.jsonObject(with: Data(document.bytes))
            let paths = try #require((json as? [String: Any])?["paths"] as? [String: [String: Any]])
            let tokens = try await Self.badTokens(fixture)
            #expect(tokens.count == 8)
            let values = [
                "ledger": "default", "episode": EpisodeID.fresh.description, "name": "s",
                "position": "1", "tile": "0/000.p/1",
            ]
            var cells = 0
            for (template, methods) in paths {
                let path = values.reduce(template) {
                    $0.replacingOccurrences(of: "{\($1.key)}", with: $1.value)
                }
                #expect(!path.contains("{"), "\(path)")
                let isOpen = !template.hasPrefix("/v1/")
                for method in methods.keys {
                    for (what, token) in tokens {
                        let answer = try await fixture.request(
                            method.uppercased(),
                            path,
                            token: token,
                            body: ["post", "put"].contains(method) ? Array("{}".utf8) : nil
                        )
                        #expect(
                            isOpen ? answer.status == 200 : answer.status == 401,
                            "\(method) \(path), \(what): \(answer.status)"
                        )
                        #expect(isOpen || answer.headers["www-authenticate"] != nil)
                        cells += 1
                    }
                }
            }
            #expect(cells == (Endpoint.all.count + 4) * tokens.count)
        }
    }

    @Test("What is asked of health information is kept, permits and denials, and nobody edits it")
    func accessLog() async throws {
        try await ServiceFixture.with { fixture in
            let episode = EpisodeID.fresh
            let clinician = try await fixture.token(.clinician, subject: "n-7")
            _ = try await fixture.post(episode, [SampleEvent.admitted()], token: clinician)
            let seen = try await fixture.get(
                "episodes/\(episode)",
                token: clinician,
                headers: ["X-Purpose-Of-Use": "TREAT"]
            )
            #expect(seen.status == 200)
            #expect(try await fixture.get("events", token: clinician).status == 403)
            let auditor = try await fixture.token(.auditor)
            let log = try await fixture.get("access-log", token: auditor).json.list("entries")
            let operations = log.map { $0["operation"] as? String }
            #expect(operations == ["appendEvents", "getEpisode", "listEvents"])
            #expect(log.map { $0["allowed"] as? Bool } == [true, true, false])
            #expect(log.allSatisfy { $0["subject"] as? String == "n-7" })
            #expect(log[1]["purpose"] as? String == "TREAT")
            #expect(log[1]["detail"] as? String == "as of position 1")
            #expect(log[1]["episode_id"] as? String == episode.description)
            #expect(log[1]["request_id"] as? String == seen.headers["x-request-id"])
            // Of those who ask for another ledger than their own, too, though they are not told.
            let foreign = try await fixture.token(.auditor, subject: "n-7", ledgers: ["elsewhere"])
            #expect(try await fixture.get("episodes/\(episode)", token: foreign).status == 403)
            // Who has read the log until now is in it too.
            let denied = try await fixture.get("access-log?after=3", token: auditor)
                .json.list("entries").filter { $0["operation"] as? String != "listAccess" }
            #expect(denied.map { $0["operation"] as? String } == ["getEpisode"])
            #expect(denied.first?["allowed"] as? Bool == false)
            let own = try await fixture.get("access-log?episode=\(episode)&after=1", token: auditor)
            #expect(own.json.list("entries").count == 2)
            // What was allowed and came to nothing, too.
            let unknown = EpisodeID.fresh
            #expect(try await fixture.get("episodes/\(unknown)", token: auditor).status == 404)
            let tried = try await fixture.get("access-log?episode=\(unknown)", token: auditor)
                .json.list("entries")
            #expect(tried.map { $0["detail"] as? String } == ["answered with not-found"])
            for change in ["update access_log set subject = 'x'", "delete from access_log"] {
                await #expect(throws: (any Error).self) {
                    try await fixture.database.owner.query("\(raw: change)")
                }
            }
        }
    }
}
