import CareEpisode
import Crypto
import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

@testable import Ledger
@testable import Server

@Suite("Webhooks", .serialized)
struct WebhookTests {
    private static let scripts = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Independent").path

    /// Checks what was received, with the official packages where they are demanded:
    /// `EPISODE_LEDGER_WEBHOOK_PACKAGES=1`, with a `python3` that has them.
    private func check(_ file: String, _ secret: String) async -> ProgramResult {
        let isDemanded =
            ProcessInfo.processInfo.environment["EPISODE_LEDGER_WEBHOOK_PACKAGES"] != nil
        return await runningProgram(
            ["python3", "\(Self.scripts)/check_webhooks.py", file, secret]
                + (isDemanded ? ["--packages"] : [])
        )
    }

    private func make(
        _ fixture: ServiceFixture,
        _ receiver: WebhookReceiver,
        _ settings: String = "",
        _ more: String = ""
    ) async throws -> ServiceFixture.JSONObject {
        let body = """
            {"webhook":{"url":"http://127.0.0.1:\(receiver.port)/hook"\(settings)}\(more)}
            """
        let answer = try await fixture.request(
            "PUT",
            "/v1/ledgers/default/subscriptions/hook",
            token: fixture.token(.administrator),
            body: Array(body.utf8)
        )
        #expect((200...201).contains(answer.status), "\(answer.text)")
        return answer.json
    }

    private func record(_ fixture: ServiceFixture, _ sessions: Int) async throws {
        let events =
            [SampleEvent.admitted()]
            + (0..<sessions).map { SampleEvent.session(day: Int64($0) + 1) }
        let answer = try await fixture.post(.fresh, events, token: fixture.token(.service))
        #expect(answer.status == 201)
    }

    /// Makes the next attempt due, as time would.
    private func makeDue(_ fixture: ServiceFixture) async throws {
        _ = try await fixture.database.projector.query(
            "update webhook set next_attempt_at = null where next_attempt_at is not null"
        )
    }

    private func delivery(_ fixture: ServiceFixture) async throws -> [String: String] {
        let rows = try await fixture.database.reader.query(
            """
            select position::text, attempts::text, coalesce(disabled_reason, '') as disabled,
                coalesce(last_status::text, last_error, '') as last,
                coalesce(extract(epoch from next_attempt_at - last_attempt_at)::integer::text, '')
                    as wait
            from webhook
            """
        )
        let row = try #require(rows.first)
        var found: [String: String] = [:]
        for name in ["position", "attempts", "disabled", "last", "wait"] {
            found[name] = try row.get(name)
        }
        return found
    }

    /// What became of twenty events: the first request of the webhook told the secret, or the key.
    private struct Delivered: Sendable {
        let fixture: ServiceFixture
        let receiver: WebhookReceiver
        let secret: String
        let requests: [WebhookReceiver.Request]
    }

    private func withDelivered(
        _ mode: String = "structured",
        _ signature: String = "v1",
        _ body: @escaping @Sendable (Delivered) async throws -> Void
    ) async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                let made = try await make(
                    fixture,
                    receiver,
                    #","mode":"\#(mode)","signature":"\#(signature)""#
                )
                let secret = try #require(made.string("secret") ?? made.string("public_key"))
                try await record(fixture, 19)
                try await eventually("all is sent") { try receiver.requests().count == 20 }
                try await body(
                    Delivered(
                        fixture: fixture,
                        receiver: receiver,
                        secret: secret,
                        requests: receiver.requests()
                    )
                )
            }
        }
    }

    private static let kinds = [("structured", "v1"), ("binary", "v1"), ("structured", "v1a")]

    @Test("Every event is sent once, in order, as a CloudEvent that is signed", arguments: kinds)
    func delivered(_ mode: String, _ signature: String) async throws {
        try await withDelivered(mode, signature) { delivered in
            let events = try await delivered.fixture.get(
                "events",
                token: delivered.fixture.token(.auditor)
            ).json.list("events")
            let ids = delivered.requests.map { $0.headers["webhook-id"] }
            #expect(ids == events.map { "default/\($0["event_id"] as? String ?? "")" })
            let check = await self.check(delivered.receiver.file, delivered.secret)
            let all = (1...20).map(String.init).joined(separator: " ")
            #expect(check.output.hasPrefix(all), "\(check.output)")
        }
    }

    @Test("Nothing of what the events say leaves, nor of which kind they are", arguments: kinds)
    func thin(_ mode: String, _ signature: String) async throws {
        try await withDelivered(mode, signature) { delivered in
            for request in delivered.requests {
                let text = request.body + request.headers.values.joined()
                #expect(!text.contains("session") && !text.contains("admitted"))
                #expect(!text.contains("2025-01-0"))
            }
        }
    }

    @Test("What was sent does not fit another secret")
    func otherSecret() async throws {
        try await withDelivered { delivered in
            let other = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()
            #expect(await self.check(delivered.receiver.file, other).status != 0)
        }
    }

    @Test("An Ed25519 signature is of the key that was told")
    func publicKey() async throws {
        try await withDelivered("structured", "v1a") { delivered in
            let told = String(delivered.secret.dropFirst("whpk_".count))
            let bytes = try #require(Data(base64Encoded: told))
            let key = try Curve25519.Signing.PublicKey(rawRepresentation: bytes)
            for request in delivered.requests {
                let value = try #require(request.headers["webhook-signature"])
                let text = String(value.dropFirst("v1a,".count))
                let signature = try #require(Data(base64Encoded: text))
                let id = try #require(request.headers["webhook-id"])
                let time = try #require(request.headers["webhook-timestamp"])
                let content = Data("\(id).\(time).\(request.body)".utf8)
                #expect(key.isValidSignature(signature, for: content))
            }
        }
    }

    @Test("The secret is told once")
    func toldOnce() async throws {
        try await withDelivered { delivered in
            let told = try await delivered.fixture.get(
                "subscriptions/hook",
                token: delivered.fixture.token(.auditor)
            )
            #expect(told.status == 200)
            #expect(!told.text.contains(delivered.secret))
        }
    }

    @Test("The signature is that of the specification's own example")
    func vector() throws {
        let key = try #require(Data(base64Encoded: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let secret = WebhookSecret(number: 1, signature: .hmac, bytes: Array(key))
        let signature = try secret.sign(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: Array(#"{"test": 2432232314}"#.utf8)
        )
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("An administrator can have whole events sent")
    func full() async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                _ = try await make(
                    fixture,
                    receiver,
                    #","payload":"full""#,
                    #","types":["session_attended"]"#
                )
                try await record(fixture, 2)
                try await eventually("both are sent") { try receiver.requests().count == 2 }
                let event = try #require(try receiver.requests().first?.json)
                #expect(event.string("type") == "org.episodeledger.session_attended")
                let data = try #require(event.object("data"))
                #expect(data.string("type") == "session_attended")
                #expect(data.integer("position") == 2)
                // And nobody else can change where they go.
                let answer = try await fixture.request(
                    "PUT",
                    "/v1/ledgers/default/subscriptions/hook",
                    token: fixture.token(.service),
                    body: Array(#"{"webhook":{"url":"https://example.org"}}"#.utf8)
                )
                #expect(answer.status == 403)
            }
        }
    }

    @Test("A failed attempt is made again later, each time later, and nothing overtakes it")
    func retried() async throws {
        try await WebhookReceiver.with([500, 302, 429, 204]) { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                _ = try await make(fixture, receiver)
                try await record(fixture, 2)
                var waits: [Int] = []
                for attempt in 1...3 {
                    try await eventually("attempt \(attempt) has failed") {
                        try await delivery(fixture)["attempts"] == "\(attempt)"
                    }
                    waits.append(Int(try await delivery(fixture)["wait"] ?? "") ?? 0)
                    try await makeDue(fixture)
                }
                try await eventually("all is sent") { try receiver.requests().count == 6 }
                let requests = try receiver.requests()
                #expect(requests.map(\.path) == Array(repeating: "/hook", count: 6))
                #expect(
                    requests.map { $0.json.object("data")?.integer("position") }
                        == [1, 1, 1, 1, 2, 3]
                )
                // The same event has the same name each time, and another one another.
                let ids = requests.map { $0.headers["webhook-id"] }
                #expect(Set(ids.prefix(4)).count == 1 && Set(ids).count == 3)
                // The schedule with a fifth of jitter; 429 asked for 3,000 seconds itself.
                #expect((4...6).contains(waits[0]), "\(waits)")
                #expect((240...360).contains(waits[1]), "\(waits)")
                #expect(waits[2] == 3_000, "\(waits)")
                try await eventually("the position has moved") {
                    try await delivery(fixture)["position"] == "3"
                }
                #expect(try await delivery(fixture)["attempts"] == "0")
            }
        }
    }

    @Test("Receivers that break off, answer early or never end miss nothing and hold nothing up")
    func oddReceivers() async throws {
        let answers = ["close", "reset", "hints", "old", "early", "endless", "huge"]
        try await WebhookReceiver.with(answers: answers) { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                _ = try await make(fixture, receiver)
                try await record(fixture, 5)
                for attempt in 1...2 {
                    try await eventually("attempt \(attempt) has failed") {
                        try await delivery(fixture)["attempts"] == "\(attempt)"
                    }
                    try await makeDue(fixture)
                }
                try await eventually("all is sent, and the long answer was broken off") {
                    let position = try await delivery(fixture)["position"]
                    return try position == "6" && receiver.requests().count == 9
                }
                let events = try await fixture.get("events", token: fixture.token(.auditor)).json
                    .list("events").map { "default/\($0["event_id"] as? String ?? "")" }
                let lines = try receiver.requests()
                let requests = lines.filter { $0.path != "taken" }
                #expect(
                    requests.map { $0.headers["webhook-id"] }
                        == [events[0], events[0]] + events
                )
                #expect(requests.allSatisfy { $0.json.string("id") != nil })
                // What nobody reads is not fetched: sockets hold some of it.
                let taken = lines.first { $0.path == "taken" }.flatMap { Int($0.body) }
                #expect(try #require(taken) < 60_000_000)
            }
        }
    }

    @Test("Retry-After is understood as a number and as a date in each of its forms, a day at most")
    func retryAfter() async throws {
        let answers = ["503=imf", "429=rfc850", "503=asctime", "503=7200", "503=soon"]
        try await WebhookReceiver.with(answers: answers) { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                _ = try await make(fixture, receiver)
                try await record(fixture, 0)
                var waits: [Int] = []
                for attempt in 1...answers.count {
                    try await eventually("attempt \(attempt) has failed") {
                        try await delivery(fixture)["attempts"] == "\(attempt)"
                    }
                    waits.append(Int(try await delivery(fixture)["wait"] ?? "") ?? 0)
                    try await makeDue(fixture)
                }
                // A date is on the second, and the answer takes a moment; what is none is none.
                for wait in waits.prefix(3) { #expect((3_500...3_600).contains(wait), "\(waits)") }
                #expect(waits[3] >= 7_200, "\(waits)")
                #expect((14_400...21_600).contains(waits[4]), "\(waits)")
            }
        }
    }

    @Test(
        "A date of HTTP is read in three forms and in no other",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Thu, 31 Dec 1998 23:59:60 GMT", 915_148_800),
            ("Tue, 29 Feb 2028 00:00:00 GMT", 1_835_395_200),
            // Fifty years ahead of 2026, and fifty-one, which is the year 1977.
            ("Wednesday, 01-Jan-76 00:00:00 GMT", 3_345_062_400),
            ("Saturday, 01-Jan-77 00:00:00 GMT", 220_924_800),
            ("Sun, 6 Nov 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49:37", nil),
            ("Sun, 06 Nov 1994 08:49:37 UTC", nil), ("Sun, 06 nov 1994 08:49:37 GMT", nil),
            ("Sun, 31 Feb 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 24:00:00 GMT", nil),
            ("Sun, 06 Nov 0000 08:49:37 GMT", nil), ("1994-11-06T08:49:37Z", nil), ("", nil),
        ] as [(String, Int64?)]
    )
    func dates(_ text: String, _ seconds: Int64?) throws {
        let now = try #require(Instant(rfc3339: "2026-06-01T00:00:00Z"))
        let read = HTTPDate.instant(text, now: now)
        #expect(read == seconds.map { Instant(microseconds: $0 * 1_000_000) })
    }

    @Test("What asks for no wait or for more than a day is bounded, as a date and as a number")
    func bounded() throws {
        let now = try #require(Instant(rfc3339: "2026-06-01T00:00:00Z"))
        func wait(_ text: String) -> Double? { WebhookSender.wait(text, now: now) }
        #expect(wait("Mon, 01 Jun 2026 01:00:00 GMT") == 3_600)
        #expect(wait("Thu, 31 Dec 9999 23:59:59 GMT") == 86_400 && wait("1e308") == 86_400)
        #expect(wait("Sun, 31 May 2026 23:59:59 GMT") == nil && wait("-1") == nil)
        #expect(wait("tomorrow") == nil && wait("nan") == nil && wait("") == nil)
    }

    @Test("A receiver that is gone is left alone until somebody puts the webhook again")
    func gone() async throws {
        try await WebhookReceiver.with([204, 410]) { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                _ = try await make(fixture, receiver)
                try await record(fixture, 2)
                try await eventually("it is disabled") {
                    try await delivery(fixture)["disabled"] == "gone"
                }
                #expect(try await delivery(fixture)["position"] == "1")
                let status = try await fixture.get(
                    "subscriptions/hook",
                    token: fixture.token(.service)
                )
                #expect(status.json.object("delivery")?.string("state") == "disabled")
                _ = try await make(fixture, receiver)
                try await eventually("the rest is sent") { try receiver.requests().count == 4 }
            }
        }
    }

    @Test("What is refused as often as it may be sent is a dead letter; unreachable is disabled")
    func exhausted() async throws {
        try await WebhookReceiver.with([422, 422, 204, 503, 503]) { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                _ = try await make(fixture, receiver, "", #","max_deliveries":2"#)
                try await record(fixture, 2)
                for _ in 0..<2 {
                    try await eventually("an attempt has failed") {
                        try await delivery(fixture)["attempts"] == "1"
                    }
                    try await makeDue(fixture)
                    try await eventually("the next one is made") {
                        try await delivery(fixture)["attempts"] != "1"
                    }
                }
                try await eventually("it is disabled") {
                    try await delivery(fixture)["disabled"] == "unreachable"
                }
                let letters = try await fixture.get(
                    "subscriptions/hook/dead-letters",
                    token: fixture.token(.auditor)
                ).json.list("dead_letters")
                #expect(letters.map { $0["position"] as? Int } == [1])
                #expect(letters.first?["reason"] as? String == "answered_422")
                // Nothing is lost: the position stays before what could not be sent.
                #expect(try await delivery(fixture)["position"] == "2")
            }
        }
    }

    @Test("A new secret signs beside the one before it")
    func rotated() async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                let first = try #require(try await make(fixture, receiver).string("secret"))
                let answer = try await fixture.request(
                    "POST",
                    "/v1/ledgers/default/subscriptions/hook/rotate-secret",
                    token: fixture.token(.service)
                )
                let second = try #require(answer.json.string("secret"))
                #expect(first != second)
                try await record(fixture, 0)
                try await eventually("it is sent") { try receiver.requests().count == 1 }
                for secret in [first, second] {
                    let check = await self.check(receiver.file, secret)
                    #expect(check.output.hasPrefix("1 by"), "\(check.output)")
                }
                let value = try receiver.requests().first?.headers["webhook-signature"]
                #expect(value?.split(separator: " ").count == 2)
            }
        }
    }

    @Test("Secrets that are rotated at the same time are different ones, and the last two sign")
    func rotatedTogether() async throws {
        try await ServiceFixture.with { fixture in
            let name = try #require(SubscriptionName("hook"))
            let registry = SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
            let settings = WebhookSettings(url: "https://example.org")
            let hook = Subscription(name: name, webhook: settings)
            _ = try await registry.put(hook, givesAfter: true, by: "tester")
            let token = try await fixture.token(.service)
            let secrets = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await fixture.request(
                            "POST",
                            "/v1/ledgers/default/subscriptions/hook/rotate-secret",
                            token: token
                        ).json.string("secret")
                    }
                }
                return try await group.reduce(into: Set<String>()) {
                    if let new = $1 { $0.insert(new) }
                }
            }
            #expect(secrets.count == 8)
            let webhooks = WebhookRegistry(fixture.database, ledger: fixture.ledger, holder: "test")
            #expect(try await webhooks.secrets(hook).map(\.number) == [9, 8])
            // Replaced while the clock was a year ahead: it signs no longer than a day.
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            _ = try await pool.query(
                "update webhook_secret set expires_at = expires_at + interval '1 year' where number = 8"
            )
            await pool.close()
            #expect(try await webhooks.secrets(hook).map(\.number) == [9])
        }
    }

    @Test("After a success the schedule begins anew")
    func recovered() async throws {
        try await WebhookReceiver.with([500, 500, 204, 500, 204]) { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                _ = try await make(fixture, receiver)
                try await record(fixture, 1)
                for attempt in 1...2 {
                    try await eventually("attempt \(attempt) has failed") {
                        try await delivery(fixture)["attempts"] == "\(attempt)"
                    }
                    try await makeDue(fixture)
                }
                // The first event gets through, and the second fails once.
                try await eventually("the second has failed") {
                    let now = try await delivery(fixture)
                    return now["position"] == "1" && now["attempts"] == "1"
                }
                let wait = Int(try await delivery(fixture)["wait"] ?? "") ?? 0
                #expect((4...6).contains(wait), "\(wait)")
            }
        }
    }

    @Test("Nothing is sent to a private network, by whatever name, unless the operator allows it")
    func privateNetworks() async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with { fixture in
                // Put while it was allowed, or by a name that meant something else then.
                let registry = SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
                for (index, host) in ["localhost", "127.1", "2130706433", "0x7f.1"].enumerated() {
                    let name = try #require(SubscriptionName("hook-\(index)"))
                    let settings = WebhookSettings(url: "https://\(host):\(receiver.port)/hook")
                    _ = try await registry.put(
                        Subscription(name: name, webhook: settings),
                        givesAfter: true,
                        by: "tester"
                    )
                }
                try await record(fixture, 0)
                try await eventually("all have failed") {
                    let rows = try await fixture.database.reader.query(
                        "select from webhook where last_error = 'not_public' and attempts = 1"
                    )
                    return rows.count == 4
                }
                #expect(try receiver.requests().isEmpty)
            }
        }
    }

    // MARK: - A name with several addresses

    /// Sends one event to a receiver whose name has these addresses, and returns what it got.
    private func delivered(
        to receiver: WebhookReceiver,
        at addresses: [String],
        failed attempts: Int = 0
    ) async throws -> WebhookReceiver.Request {
        let found = try addresses.map { try #require(NetworkAddress($0)) }
        return try await LedgerFixture.withSequencer { database, sequencer in
            let ledger = try await database.ledger(named: .default)
            let name = try #require(SubscriptionName("hook"))
            let settings = WebhookSettings(url: "http://hook.test:\(receiver.port)/hook")
            _ = try await SubscriptionRegistry(database, ledger: ledger).put(
                Subscription(name: name, webhook: settings),
                givesAfter: true,
                by: "tester"
            )
            _ = try await database.projector.query(
                "update webhook set attempts = \(Int32(attempts))"
            )
            _ = try await sequencer.append(
                AppendRequest(
                    episodeID: .fresh,
                    events: [SampleEvent.admitted()],
                    expectedVersion: nil,
                    recordedBy: "tester",
                    isList: false
                )
            )
            let sender = WebhookSender(
                database,
                ledger: ledger,
                holder: "test",
                accessLog: AccessLog(database, timeout: .seconds(120)),
                allowsPrivate: true
            ) { $0 == "hook.test" ? found : [] }
            async let running: Void = sender.run(feed: sequencer.feed)
            try await eventually("it is delivered") {
                try await database.reader.query("select from webhook where position = 1").count == 1
            }
            sender.stop()
            try await running
            let requests = try receiver.requests()
            #expect(requests.count == 1)
            return try #require(requests.first)
        }
    }

    @Test(
        "Each address of a receiver's name is tried until one answers",
        arguments: [
            // Nothing listens there; the others have no route, or none that anybody answers at.
            ["127.0.0.2", "127.0.0.1"], ["::1", "127.0.0.1"],
            ["240.0.0.1", "127.0.0.2", "2001:db8::1", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"],
        ]
    )
    func addresses(_ addresses: [String]) async throws {
        try await WebhookReceiver.with { receiver in
            let request = try await delivered(to: receiver, at: addresses)
            #expect(request.headers["host"] == "hook.test:\(receiver.port)")
        }
    }

    @Test("The next attempt begins with another address, so that a silent one is passed over")
    func silentAddress() async throws {
        try await WebhookReceiver.with { receiver in
            // The kernel takes connections of a listening socket that nobody accepts.
            let listener = SilentListener(address: 0x7F00_0002, port: receiver.port)
            let isListening = listener != nil
            try #require(isListening)
            _ = try await delivered(to: receiver, at: ["127.0.0.2", "127.0.0.1"], failed: 1)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("One private address among public ones keeps a name from being sent to")
    func mixedAddresses() async throws {
        let address = try WebhookAddress("https://hook.test/", allowsPrivate: false)
        for hidden in ["127.0.0.1", "10.1.2.3", "fd12:3456::1", "::ffff:10.1.2.3"] {
            let found = try ["8.8.8.8", "2606:4700::1111", hidden].map {
                try #require(NetworkAddress($0))
            }
            let error = await #expect(throws: WebhookError.self) {
                try await address.addresses { _ in found }
            }
            #expect(error?.code == "not_public")
        }
        let open = try #require(NetworkAddress("8.8.8.8"))
        let found = try await address.addresses { _ in [open] }
        #expect(found == [open])
    }

    @Test(
        "Only addresses of the public internet are public",
        arguments: [
            ("8.8.8.8", true), ("1.0.0.0", true), ("223.255.255.255", true),
            ("9.255.255.255", true),
            ("11.0.0.0", true), ("172.15.255.255", true), ("172.32.0.0", true),
            ("100.63.255.255", true), ("100.128.0.0", true), ("192.0.1.1", true),
            ("198.17.255.255", true), ("198.20.0.0", true), ("0.0.0.0", false),
            ("0.255.255.255", false), ("10.0.0.1", false), ("10.255.255.255", false),
            ("100.64.0.1", false), ("100.127.255.255", false), ("127.0.0.1", false),
            ("127.255.255.255", false), ("169.254.169.254", false), ("172.16.0.1", false),
            ("172.31.255.255", false), ("192.0.0.1", false), ("192.0.2.1", false),
            ("192.88.99.1", false), ("192.168.1.1", false), ("198.18.0.1", false),
            ("198.19.255.255", false), ("198.51.100.1", false), ("203.0.113.1", false),
            ("224.0.0.1", false), ("239.255.255.255", false), ("240.0.0.1", false),
            ("255.255.255.255", false), ("2606:4700::1111", true), ("2a00:1450::1", true),
            ("2001:200::1", true), ("2001:4860:4860::8888", true), ("3ffe::1", true), ("::", false),
            ("::1", false), ("::ffff:8.8.8.8", false), ("::ffff:127.0.0.1", false),
            ("::8.8.8.8", false), ("64:ff9b::8.8.8.8", false), ("64:ff9b:1::1", false),
            ("100::1", false), ("2001::1", false), ("2001:10::1", false), ("2001:20::1", false),
            ("2001:1ff::1", false), ("2001:db8::1", false), ("2002:7f00:1::", false),
            ("3fff::1", false), ("3fff:fff::1", false), ("5f00::1", false), ("fc00::1", false),
            ("fd12:3456::1", false), ("fe80::1", false), ("fec0::1", false), ("ff02::1", false),
        ]
    )
    func addresses(_ text: String, _ isPublic: Bool) throws {
        let address = try #require(NetworkAddress(text))
        #expect(PublicNetwork.contains(address) == isPublic)
    }
}
