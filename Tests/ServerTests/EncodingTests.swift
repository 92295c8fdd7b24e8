import CareEpisode
import Foundation
import HTTPTypes
import Ledger
import Postgres
import ProjectionRuntime
import TestSupport
import Testing

@testable import Server

/// Everything that a caller can send, with a character that the database lacks.
@Suite("A database of another encoding")
struct EncodingTests {
    private func withLatinService(
        _ body: @escaping @Sendable (ServiceFixture) async throws -> Void
    ) async throws {
        try await LedgerFixture.withConfiguration { configuration in
            // Made in UTF8 and called otherwise, as long as it has nothing but ASCII: to make one in
            // another encoding is refused.
            try await TestCluster.shared.sql(
                """
                update pg_database set encoding = pg_char_to_encoding('LATIN1')
                where datname = '\(configuration.database ?? "")'
                """
            )
            try await ServiceFixture.with(configuration, body)
        }
    }

    /// A value of a parameter that is right but for the character, where it may have one.
    private func value(of parameter: Parameter) -> (text: String, isFree: Bool) {
        switch parameter.kind {
        case .text: ("Ł 5 €", true)
        case .programHours: ("Ł=9", true)
        case .date: ("2025-12-31", false)
        case .time, .pastTime: ("2025-12-31T12:00:00Z", false)
        case .times: ("2025-12-30,2025-12-31", false)
        case .episode: ("\(EpisodeID.fresh)", false)
        case .integer(let range): ("\(range.lowerBound)", false)
        case .cursor: ("0", false)
        case .choice(let words): (words[0], false)
        case .flag: ("true", false)
        case .types: ("admitted", false)
        case .pattern: ("Ł", true)
        }
    }

    private func path(_ endpoint: Endpoint, name: String) -> String {
        "/v1/ledgers/default/"
            + endpoint.path.replacing("{episode}", with: "\(EpisodeID.fresh)")
            .replacing("{name}", with: name).replacing("{tile}", with: "0/000")
    }

    /// Whether it is no fault of the service's; what is sealed first cannot be, whatever is asked.
    private func isTheCallers(_ answer: ServiceFixture.Answer) -> Bool {
        answer.status < 500 || answer.text.contains("only a database in UTF8 can be sealed")
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    @Test("A database of another encoding cannot be sealed, which is told, and requests go on")
    func sealing() async throws {
        try await withLatinService { fixture in
            let token = try await fixture.token(.service)
            for _ in 0..<2 {
                let answer = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
                #expect(answer.status == 201)
                try await eventually("status says why nothing is sealed") {
                    let ledger = try await fixture.database.ledger(named: .default)
                    let trouble = try await SealStatus(fixture.database, ledger: ledger).trouble
                    return trouble?.contains("only a database in UTF8 can be sealed") == true
                }
            }
            let metrics = try await fixture.request("GET", "/metrics", token: nil)
            #expect(metrics.text.contains(#"episode_ledger_seal_trouble{ledger="default"} 1"#))
            #expect(try await fixture.request("GET", "/readyz", token: nil).status == 200)
        }
    }

    @Test("A character that the database lacks is the caller's, in a parameter, a header or a path")
    func asking() async throws {
        try await withLatinService { fixture in
            let roles: [Role] = [.clinician, .auditor, .service, .administrator]
            let token = try await fixture.tokens.token(
                subject: "tester",
                roles: roles,
                ledgers: ["default"],
                validFor: 3_600
            )
            #expect(
                try await fixture.post(.fresh, [SampleEvent.admitted()], token: token).status == 201
            )
            var free = 0
            for endpoint in Endpoint.all where endpoint.method == .get {
                let required = endpoint.parameters.filter(\.isRequired)
                for parameter in endpoint.parameters where value(of: parameter).isFree {
                    let given = required.filter { $0.name != parameter.name } + [parameter]
                    let query = given.map { "\($0.name)=\(Self.escaped(value(of: $0).text))" }
                    let place = path(endpoint, name: "billing") + "?" + query.joined(separator: "&")
                    let answer = try await fixture.request("GET", place, token: token)
                    #expect(isTheCallers(answer), "\(place): \(answer.text)")
                    free += 1
                }
                let header = ["X-Purpose-Of-Use": "5 €", "Accept": "5 €", "Last-Event-ID": "5 €"]
                let place = path(endpoint, name: Self.escaped("Ł"))
                let answer = try await fixture.request("GET", place, token: token, headers: header)
                #expect(isTheCallers(answer), "\(place): \(answer.text)")
            }
            #expect(free > 5)
            for place in ["Ł/events", "default/episodes/Ł/events", "default/Ł"] {
                let escaped = place.split(separator: "/").map { Self.escaped(String($0)) }
                let answer = try await fixture.request(
                    "GET",
                    "/v1/ledgers/" + escaped.joined(separator: "/"),
                    token: token
                )
                #expect((400..<500).contains(answer.status), "\(place): \(answer.text)")
            }
            // Where the database looks for it: it could be that of a parked episode.
            let review = try await fixture.get("medication-review?program=%E2%82%AC", token: token)
            #expect(review.status == 400, "\(review.text)")
            #expect(review.json.string("detail")?.contains("encoding") == true)
        }
    }

    @Test("A character that the database lacks is the caller's, in a body or in a token")
    func sending() async throws {
        try await withLatinService { fixture in
            let token = try await fixture.token(.service, subject: "Łukasz")
            let posted = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            #expect(posted.status == 201)
            func send(
                _ method: String,
                _ path: String,
                _ body: String,
                _ token: String
            ) async throws -> ServiceFixture.Answer {
                try await fixture.request(
                    method,
                    "/v1/ledgers/default/subscriptions/\(path)",
                    token: token,
                    body: Array(body.utf8)
                )
            }
            let named = try await send("PUT", "billing", "{}", token)
            #expect((200..<500).contains(named.status), "\(named.text)")
            let plain = try await fixture.token(.service)
            for url in ["https://€.example.org/", "https://example.org/€"] {
                let body = #"{"webhook":{"url":"\#(url)"}}"#
                let made = try await send("PUT", "hook", body, plain)
                #expect((200..<500).contains(made.status), "\(made.text)")
            }
            #expect([200, 201].contains(try await send("PUT", "billing", "{}", plain).status))
            let consumer = "subscriptions/billing/events?buckets=64&consumer=%E2%82%AC"
            let strange = try await fixture.get(consumer, token: plain)
            #expect((400..<500).contains(strange.status), "\(strange.text)")
            let fetch = "subscriptions/billing/events?buckets=64"
            let given = try await fixture.get(fetch, token: plain)
            let batch = try #require(given.json.list("batches").first)
            var failed = batch
            failed["failed"] = [["position": 1, "reason": "5 €"]]
            let body = String(
                decoding: try JSONSerialization.data(withJSONObject: failed),
                as: UTF8.self
            )
            let refused = try await send("POST", "billing/ack", body, plain)
            #expect((200..<500).contains(refused.status), "\(refused.text)")
        }
    }
}
