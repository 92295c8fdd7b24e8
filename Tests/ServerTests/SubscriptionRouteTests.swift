import CareEpisode
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Subscriptions over HTTP")
struct SubscriptionRouteTests {
    private func put(
        _ fixture: ServiceFixture,
        _ name: String,
        _ body: String,
        token: String
    ) async throws -> ServiceFixture.Answer {
        try await fixture.request(
            "PUT",
            "/v1/ledgers/default/subscriptions/\(name)",
            token: token,
            body: Array(body.utf8)
        )
    }

    private func acknowledge(
        _ fixture: ServiceFixture,
        _ body: String,
        token: String
    ) async throws -> ServiceFixture.Answer {
        try await fixture.request(
            "POST",
            "/v1/ledgers/default/subscriptions/billing/ack",
            token: token,
            body: Array(body.utf8)
        )
    }

    @Test("Made, fetched, acknowledged bucket by bucket, and ended")
    func lifeCycle() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let made = try await put(fixture, "billing", #"{"types":["admitted"]}"#, token: token)
            #expect(made.status == 201, "\(made.text)")
            #expect(made.json.list("buckets").count == 64)
            let again = try await put(fixture, "billing", #"{"types":["admitted"]}"#, token: token)
            #expect(again.status == 200)
            for _ in 0..<5 {
                let events = [SampleEvent.admitted(), SampleEvent.session()]
                #expect(try await fixture.post(.fresh, events, token: token).status == 201)
            }
            let path = "subscriptions/billing/events?buckets=64"
            let given = try await fixture.get(path, token: token)
            let events = given.json.list("events")
            #expect(events.map { $0["position"] as? Int } == [1, 3, 5, 7, 9])
            #expect(
                events.allSatisfy { $0["bucket"] is Int && $0["type"] as? String == "admitted" }
            )
            let batches = given.json.list("batches")
            // A batch is sent back as it came; all of them at once is a list.
            let body = try JSONSerialization.data(withJSONObject: batches)
            let taken = try await acknowledge(
                fixture,
                String(decoding: body, as: UTF8.self),
                token: token
            )
            #expect(taken.status == 200, "\(taken.text)")
            let twice = try await acknowledge(
                fixture,
                String(decoding: body, as: UTF8.self),
                token: token
            )
            #expect(twice.status == 409)
            #expect(twice.json.list("buckets").count == batches.count)
            #expect(twice.json.list("errors").first?["pointer"] as? String == "/0")
            let status = try await fixture.get("subscriptions/billing", token: token).json
            #expect(status.integer("lag") == 0)
            #expect(status.integer("head") == 10)
            let list = try await fixture.get("subscriptions", token: token).json
            #expect(list.list("subscriptions").map { $0["name"] as? String } == ["billing"])
            let log = try await fixture.get("access-log", token: fixture.token(.auditor)).json
            let fetch = log.list("entries").first {
                $0["operation"] as? String == "fetchSubscription"
            }
            #expect(
                fetch?["detail"] as? String
                    == "buckets=64; name=billing; 5 events from position 1 to 9"
            )
            let ended = try await fixture.request(
                "DELETE",
                "/v1/ledgers/default/subscriptions/billing",
                token: token
            )
            #expect(ended.status == 204)
            #expect(try await fixture.get("subscriptions/billing", token: token).status == 404)
        }
    }

    @Test("A consumer waits for what comes, as long as it asks to")
    func waiting() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            _ = try await put(fixture, "billing", "{}", token: token)
            // In vain, and no shorter than that.
            var began = ContinuousClock.now
            let nothing = try await fixture.get("subscriptions/billing/events?wait=1", token: token)
            #expect(nothing.json.list("events").isEmpty)
            #expect(began.duration(to: .now) >= .seconds(1))
            let waiting = Task {
                try await fixture.get("subscriptions/billing/events?wait=30", token: token)
            }
            began = .now
            #expect(
                try await fixture.post(.fresh, [SampleEvent.admitted()], token: token).status == 201
            )
            let answer = try await waiting.value
            #expect(answer.json.list("events").count == 1)
            #expect(began.duration(to: .now) < .seconds(29))
        }
    }

    @Test("What is wrong with a subscription is told, field by field")
    func refused() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let cases = [
                (#"{"types":["yoga"]}"#, "/types"), (#"{"types":[]}"#, "/types"),
                (#"{"episode_id":"x"}"#, "/episode_id"), (#"{"after":-1}"#, "/after"),
                (#"{"after":7}"#, "/after"), (#"{"lease_seconds":0}"#, "/lease_seconds"),
                (#"{"max_deliveries":"3"}"#, "/max_deliveries"), (#"{"color":1}"#, "/color"),
                (#"{"webhook":{}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"http://example.org"}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"https://127.0.0.1/x"}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"https://[::1]/x"}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"https://me@example.org"}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"https://127%2E0%2E0%2E1/"}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"https://ex%61mple.org/"}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"https://[::ffff:127.0.0.1]/"}}"#, "/webhook/url"),
                (#"{"webhook":{"url":"https://[fe80::1%25eth0]/"}}"#, "/webhook/url"),
                (
                    #"{"webhook":{"url":"https://example.org","mode":"x"}}"#, "/webhook/mode"
                ),
                ("[]", ""), ("{", ""),
            ]
            for (body, pointer) in cases {
                let answer = try await put(fixture, "billing", body, token: token)
                #expect(answer.status == 422, "\(body): \(answer.text)")
                let pointers = answer.json.list("errors").map { $0["pointer"] as? String }
                #expect(pointers.contains(pointer), "\(body): \(pointers)")
            }
            #expect(try await put(fixture, "Billing", "{}", token: token).status == 400)
            #expect(try await fixture.get("subscriptions/billing", token: token).status == 404)
            let whole = #"{"webhook":{"url":"https://example.org","payload":"full"}}"#
            #expect(try await put(fixture, "billing", whole, token: token).status == 403)
            _ = try await put(fixture, "billing", "{}", token: token)
            for body in [
                "{}", #"{"bucket":64,"from":0,"to":0}"#, #"{"bucket":1,"from":1,"to":0}"#,
                #"[{"bucket":1,"from":0,"to":0},{"bucket":1,"from":0,"to":0}]"#, "[]",
                #"{"bucket":1,"from":0,"to":0,"failed":[{"position":1,"reason":"Bad luck"}]}"#,
            ] {
                let answer = try await acknowledge(fixture, body, token: token)
                #expect(answer.status == 422, "\(body): \(answer.text)")
            }
        }
    }
}
