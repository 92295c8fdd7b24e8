import CareEpisode
import Foundation
import Glibc
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Places of webhooks")
struct WebhookPlacesTests {
    private let start = ContinuousClock.now

    private func take(
        _ places: inout WebhookPlaces,
        _ name: String,
        proven: Bool,
        _ url: String,
        after seconds: Duration = .zero
    ) throws -> Bool {
        let webhook = DueWebhook(
            name: try #require(SubscriptionName(name)),
            url: url,
            isProven: proven
        )
        return places.take(webhook, at: start + seconds)
    }

    @Test("However many never answer, those that do have places, and one host has some")
    func shares() throws {
        var places = WebhookPlaces()
        var taken = 0
        for number in 0..<1_000 {
            let url = "https://slow.example/\(number)"
            if try take(&places, "slow-\(number)", proven: false, url) { taken += 1 }
        }
        #expect(taken == WebhookPlaces.hostLimit)
        for number in 0..<1_000 {
            let url = "https://slow-\(number).example/"
            if try take(&places, "s-\(number)", proven: false, url) { taken += 1 }
        }
        #expect(taken == WebhookPlaces.otherLimit)
        for number in 0..<WebhookPlaces.provenLimit {
            let isTaken = try take(&places, "g-\(number)", proven: true, "https://g.example")
            #expect(isTaken)
        }
        let isMore = try take(&places, "more", proven: true, "https://more.example")
        #expect(!isMore)
        // What is taken is not taken again, and is there again once it is given.
        let isTwice = try take(&places, "g-0", proven: true, "https://g.example")
        #expect(!isTwice)
        places.give(try #require(SubscriptionName("g-0")))
        let isAgain = try take(&places, "g-0", proven: true, "https://g.example")
        #expect(isAgain)
    }

    @Test("Who was good and hangs leaves its place to the others")
    func patience() throws {
        var places = WebhookPlaces()
        for number in 0..<WebhookPlaces.provenLimit {
            let isTaken = try take(&places, "g-\(number)", proven: true, "https://g.example")
            #expect(isTaken)
        }
        let patience = WebhookPlaces.patience
        let isEarly = try take(&places, "next", proven: true, "https://n.example")
        #expect(!isEarly)
        // All but the first have answered since.
        for number in 1..<WebhookPlaces.provenLimit {
            places.answered(try #require(SubscriptionName("g-\(number)")), at: start + patience)
        }
        let isNext = try take(&places, "next", proven: true, "https://n.example", after: patience)
        #expect(isNext)
        let isLast = try take(&places, "last", proven: true, "https://l.example", after: patience)
        #expect(!isLast)
    }

    @Test("A webhook is delivered while others never answer, many at one place or each at its own")
    func tarpits() async throws {
        // Takes connections and says nothing.
        let script = """
            import socket, selectors
            listeners = [socket.create_server(("127.0.0.1", 0), backlog=128) for _ in range(31)]
            print(" ".join(str(each.getsockname()[1]) for each in listeners), flush=True)
            kept = []
            ready = selectors.DefaultSelector()
            for each in listeners:
                ready.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    kept.append(key.fileobj.accept())
            """
        let program = BackgroundProgram(["python3", "-c", script])
        defer { program.kill() }
        try await eventually("they listen") { program.output.hasSuffix("\n") }
        let ports = program.output.split(whereSeparator: \.isWhitespace).map(String.init)
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                let token = try await fixture.token(.administrator)
                func put(_ name: String, _ url: String) async throws {
                    let answer = try await fixture.request(
                        "PUT",
                        "/v1/ledgers/default/subscriptions/\(name)",
                        token: token,
                        body: Array(#"{"webhook":{"url":"\#(url)"}}"#.utf8)
                    )
                    #expect(answer.status == 201, "\(answer.text)")
                }
                // Their names come first, and all of them were never sent to.
                for (number, port) in ports.dropFirst().enumerated() {
                    try await put("a-\(number)", "http://127.0.0.1:\(port)/")
                }
                for number in 0..<60 {
                    try await put("b-\(number)", "http://127.0.0.1:\(ports[0])/")
                }
                try await put("z", "http://127.0.0.1:\(receiver.port)/hook")
                for count in 1...3 {
                    let sent = try await fixture.post(
                        .fresh,
                        [SampleEvent.admitted()],
                        token: fixture.token(.service)
                    )
                    #expect(sent.status == 201)
                    try await eventually("it is delivered") {
                        try receiver.requests().count == count
                    }
                    // What comes sooner goes over the same connection, in the same place.
                    try await eventually("its place is given back") {
                        try await fixture.database.reader.query(
                            """
                            select from webhook
                            where name = 'z' and lease_until > clock_timestamp()
                            """
                        ).isEmpty
                    }
                }
                // Of those at one place most were not even tried: who is sent to for the first time comes
                // before who was sent to already, and would without shares.
                let untried = try await fixture.database.reader.query(
                    "select from webhook where name like 'b-%' and last_attempt_at is null"
                )
                #expect(untried.count > 16)
            }
        }
    }
}
