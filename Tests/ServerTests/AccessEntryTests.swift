import CareEpisode
import Foundation
import HTTPTypes
import Ledger
import Postgres
import ProjectionRuntime
import TestSupport
import Testing

@testable import Server

/// What the entries of the access log say, and of which requests there are some.
@Suite("Entries of the access log")
struct AccessEntryTests {
    /// An entry, as the table has it.
    private struct Entry: Sendable {
        let subject: String
        let operation: String
        let isAllowed: Bool
        let episode: EpisodeID?
        let detail: String
        let purpose: String?
    }

    private func entries(
        _ fixture: ServiceFixture,
        _ operation: String? = nil
    ) async throws -> [Entry] {
        #expect(await fixture.service.lateDenials.flush(atMost: .seconds(120)) == 0)
        return try await fixture.database.reader.query(
            """
            select subject, operation, allowed, episode_id, coalesce(detail, '') as detail, purpose
            from access_log
            where coalesce(operation = \(operation), true)
            order by entry
            """
        ).map { row in
            Entry(
                subject: try row.get("subject"),
                operation: try row.get("operation"),
                isAllowed: try row.get("allowed"),
                episode: try row.get("episode_id"),
                detail: try row.get("detail"),
                purpose: try row.get("purpose")
            )
        }
    }

    private func put(
        _ fixture: ServiceFixture,
        _ name: String,
        _ body: String,
        _ role: Role = .administrator
    ) async throws -> Int {
        try await fixture.request(
            "PUT",
            "/v1/ledgers/default/subscriptions/\(name)",
            token: fixture.token(role),
            body: Array(body.utf8)
        ).status
    }

    // MARK: - What they say

    @Test("Nothing that a caller typed is in an entry, wherever it was put")
    func nothingTyped() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.clinician, .auditor, .service, .administrator)
            let typed = "NAME%20BIRTHDATE%20DIAGNOSIS"
            let headers = [
                "X-Purpose-Of-Use": "BIRTHDATE", "If-Match": "\"BIRTHDATE\"",
                "Accept": "text/event-stream", "Last-Event-ID": "BIRTHDATE",
            ]
            var invalid = 0
            for endpoint in Endpoint.all {
                let path =
                    "/v1/ledgers/default/"
                    + endpoint.path.replacing("{episode}", with: typed)
                    .replacing("{name}", with: typed).replacing("{tile}", with: typed)
                    .replacing("{position}", with: typed)
                for name in endpoint.parameters.map(\.name) + [typed] {
                    let answer = try await fixture.request(
                        endpoint.method.rawValue,
                        "\(path)?\(name)=\(typed)&\(name)=\(typed)",
                        token: token,
                        headers: headers,
                        body: endpoint.method == .get ? nil : Array("{}".utf8)
                    )
                    #expect((400..<500).contains(answer.status), "\(path)?\(name)")
                    guard endpoint.disclosesHealthInformation, !endpoint.countsRepeats else {
                        continue
                    }
                    let last = try #require(try await entries(fixture, endpoint.operation).last)
                    #expect(last.purpose == PurposeOfUse.other)
                    let isTold = endpoint.parameters.contains { $0.name == name && $0.isLoggable }
                    #expect(last.detail.contains("\(name)=<invalid>") == isTold, "\(last.detail)")
                    invalid += isTold ? 1 : 0
                }
            }
            #expect(invalid > 30)
            for entry in try await entries(fixture) {
                let text = "\(entry)"
                for word in ["NAME", "BIRTH", "DIAGNOSIS"] {
                    #expect(!text.contains(word), "\(text)")
                }
            }
        }
    }

    @Test("A value is told as it was read, not as it was written")
    func printed() throws {
        let times = Parameter("diff", .times, "")
        #expect(
            times.printed("2025-01-01,2025-01-02T01:00:00+01:00").map { $0.contains("+") } == false
        )
        let read: [(Parameter.Kind, String, String?)] = [
            (.date, "2025-12-31", "2025-12-31"), (.date, "2025-13-31", nil), (.date, "Anna", nil),
            (.time, "2025-12-31T12:00:00+01:00", "2025-12-31T11:00:00.000000Z"),
            (.pastTime, "2025-12-31", "2025-12-31"), (.times, "2025-12-31", nil),
            (.integer(0...9), "7", "7"), (.integer(0...9), "+7", nil), (.integer(0...9), "10", nil),
            (.cursor, "1.7", "7"), (.cursor, "2.7", "2.7"), (.cursor, "x", nil),
            (.choice(["open"]), "open", "open"), (.choice(["open"]), "Open", nil),
            (.flag, "true", "true"), (.flag, "yes", nil),
            (.types, "session_attended,admitted", "admitted,session_attended"),
            (.types, "admitted,", nil),
            (.pattern("^[a-z]+$", accepted: ""), "anna", "<given>"),
            (.pattern("^[a-z]+$", accepted: ""), "Anna K.", nil),
            (.text, "Anna", nil), (.programHours, "anna=9", nil),
        ]
        for (kind, text, printed) in read {
            #expect(Parameter("p", kind, "").printed(text) == printed, "\(kind) \(text)")
        }
    }

    @Test("What is told is cut by bytes, and no scalar in two")
    func cut() {
        // One character of 14,001 bytes.
        let marks = "e" + String(repeating: "\u{301}", count: 7_000)
        #expect(marks.count == 1)
        #expect(marks.cut(afterBytes: 64).utf8.count == 63)
        #expect(marks.cut(afterBytes: 14_001) == marks)
        #expect("€€".cut(afterBytes: 5) == "€" && "€€".cut(afterBytes: 2).isEmpty)
        var entry = AccessDecision(
            subject: "s",
            roles: [],
            operation: "o",
            isAllowed: true,
            detail: marks,
            requestID: "r"
        )
        #expect(entry.writtenDetail.map { $0.utf8.count <= AccessDecision.detailLimit } == true)
        entry.detail = marks + marks
        #expect(entry.writtenDetail.map { $0.utf8.count <= AccessDecision.detailLimit } == true)
    }

    @Test("A purpose is a code of HL7's list, or it is other")
    func purposes() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.auditor)
            for purpose in [nil, "TREAT", "BTG", "TREATMENT", "treat", "Anna K.", ""] {
                let headers = purpose.map { ["X-Purpose-Of-Use": $0] } ?? [:]
                #expect(
                    try await fixture.get("events", token: token, headers: headers).status == 200
                )
            }
            let kept = try await entries(fixture, "listEvents").map(\.purpose)
            #expect(kept == [nil, "TREAT", "BTG", "other", "other", "other", "other"])
        }
        for purpose in SignInSession.purposes {
            #expect(PurposeOfUse.codes.contains(purpose.code), "\(purpose.code)")
        }
    }

    // MARK: - Of which requests there are some

    @Test("A request that is allowed and then refused has an entry, which says with which error")
    func refusedAfterwards() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.administrator)
            let episode = EpisodeID.fresh
            let large = Array(repeating: UInt8(ascii: " "), count: (1 << 24) + 1)
            for (method, path, body, status) in [
                ("GET", "episodes/\(episode)/events?nothing=1", nil, 400),
                ("GET", "census?date=2025-01-01&date=2025-01-02", nil, 400),
                ("POST", "episodes/\(episode)/events", large, 413),
                ("PUT", "subscriptions/billing", large, 413),
            ] as [(String, String, [UInt8]?, Int)] {
                let answer = try await fixture.request(
                    method,
                    "/v1/ledgers/default/\(path)",
                    token: token,
                    body: body
                )
                #expect(answer.status == status, "\(path): \(answer.text)")
            }
            let all = try await entries(fixture)
            #expect(
                all.map(\.operation) == [
                    "listEpisodeEvents", "getCensus", "appendEvents", "putSubscription",
                ]
            )
            #expect(
                all.map(\.detail) == [
                    "answered with bad-request",
                    "date=2025-01-01&date=2025-01-02; answered with bad-request",
                    "answered with too-large", "answered with too-large",
                ]
            )
            #expect(all.allSatisfy { $0.isAllowed })
            #expect(all[0].episode == episode && all[2].episode == episode)
        }
    }

    @Test("A search by a client's key has the episodes that it gave")
    func searches() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.administrator)
            let episodes = [EpisodeID.fresh, .fresh]
            for (number, episode) in episodes.enumerated() {
                let event = SampleEvent.admitted(
                    at: SampleEvent.admissionTime.advanced(bySeconds: Int64(number))
                )
                #expect(try await fixture.post(episode, [event], token: token).status == 201)
            }
            let query = "client_id=C-1&at_least=2"
            #expect(try await fixture.get("episodes?\(query)", token: token).status == 200)
            #expect(try await fixture.get("episodes?client_id=C-9", token: token).status == 200)
            #expect(try await fixture.get("episodes", token: token).status == 200)
            #expect(try await fixture.get("medication-review?\(query)", token: token).status == 200)
            let ids = episodes.map(\.description).joined(separator: " ")
            #expect(
                try await entries(fixture, "listEpisodes").map(\.detail) == [
                    "at_least=2; as of position 2; found \(ids)", "as of position 2; found none",
                    "as of position 2",
                ]
            )
            let review = try #require(try await entries(fixture, "getMedicationReview").last)
            #expect(review.detail == "at_least=2; as of position 2; found \(ids)")
            // What a comparison shows is found too.
            let later = "client_id=C-1&diff=2020-01-01T00:00:00Z,2024-01-01T00:00:00Z"
            #expect(try await fixture.get("episodes?\(later)", token: token).status == 200)
            let last = try #require(try await entries(fixture, "listEpisodes").last)
            #expect(last.detail.hasSuffix("found none"), "\(last.detail)")
        }
    }

    @Test("Of many episodes that a search gave, the first are named and the others counted")
    func manyFound() {
        let episodes = (0..<120).map { _ in EpisodeID.fresh }
        let told = AccessDecision.told(found: episodes)
        #expect(told.hasPrefix("found \(episodes[0]) ") && told.contains("\(episodes[49])"))
        #expect(told.hasSuffix(" and 70 others") && !told.contains("\(episodes[50])"))
        #expect(told.utf8.count < AccessDecision.detailLimit)
    }

    @Test(
        "Figures that may be of one person have an entry, denials too",
        arguments: ["outcomes", "retention"]
    )
    func figures(_ path: String) async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let query = "\(path)?from=2025-01-01&to=2025-01-01&program=iop"
            _ = try await fixture.get(query, token: fixture.token(.clinician))
            let denied = try await fixture.get(query, token: fixture.token(.service))
            #expect(denied.status == 403)
            let all = try await entries(fixture)
            #expect(all.map(\.isAllowed) == [true, false])
            #expect(all[0].detail.hasPrefix("from=2025-01-01&to=2025-01-01"), "\(all[0].detail)")
        }
    }

    @Test("Who reads the access log is in it, once a minute, with how often")
    func readsOfTheLog() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            try await ServiceFixture.with(configuration, runsWorkers: false) { fixture in
                let token = try await fixture.token(.auditor)
                // Behind the first one's own entry nothing follows.
                for after in [0, 1, 1, 1, 1] {
                    let path = "access-log?after=\(after)"
                    #expect(try await fixture.get(path, token: token).status == 200)
                }
                let kept = try await entries(fixture, "listAccess")
                #expect(kept.map(\.detail) == ["after=0; 0 entries"])
            }
            try await LedgerFixture.withDatabase(configuration) { database in
                let rows = try await database.reader.query(
                    "select detail from access_log where operation = 'listAccess' order by entry"
                )
                let told: [String] = try rows.map { try $0.get("detail") }
                #expect(
                    told == [
                        "after=0; 0 entries",
                        "repeated 4 times; the last one: after=1; 0 entries",
                    ]
                )
            }
        }
    }

    @Test("Every change of a subscription has an entry: name, how much, where to, nothing secret")
    func subscriptions() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.administrator)
            let urls = [
                "https://Hook.example.org/T0K3N?key=T0K3N", "https://[2001:4860::1]:8443/x",
            ]
            for (url, payload) in zip(urls, ["full", "thin"]) {
                let body = #"{"webhook":{"url":"\#(url)","payload":"\#(payload)"}}"#
                #expect(try await (200...201).contains(put(fixture, "hook", body)))
            }
            // Denied by the handler: where it was to go is told all the same.
            let moved = #"{"webhook":{"url":"https://evil.example.org/","payload":"full"}}"#
            #expect(try await put(fixture, "hook", moved, .service) == 403)
            for (method, path) in [
                ("POST", "hook/rotate-secret"), ("DELETE", "hook/dead-letters/7"),
                ("DELETE", "hook"),
            ] {
                _ = try await fixture.request(
                    method,
                    "/v1/ledgers/default/subscriptions/\(path)",
                    token: token
                )
            }
            let first = "payload full to https://hook.example.org:443"
            let second = "payload thin to https://[2001:4860::1]:8443"
            let all = try await entries(fixture)
            #expect(
                all.map { "\($0.operation) \($0.detail)" } == [
                    "putSubscription name=hook; \(first)",
                    "putSubscription name=hook; \(second), before: \(first)",
                    "putSubscription name=hook; payload full to https://evil.example.org:443, "
                        + "before: \(second); answered with forbidden",
                    "rotateSecret name=hook; \(second)",
                    "resolveDeadLetter name=hook; dead letter at position 7",
                    "resolveDeadLetter name=hook; dead letter at position 7; answered with not-found",
                    "deleteSubscription name=hook; \(second)",
                ]
            )
        }
    }

    @Test("What cannot be kept in the access log is not changed")
    func unchanged() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            try await alter(
                fixture,
                "add constraint refused check (operation <> 'putSubscription')"
            )
            #expect(try await put(fixture, "hook", "{}") == 503)
            let token = try await fixture.token(.administrator)
            let list = try await fixture.get("subscriptions", token: token).json
            #expect(list.list("subscriptions").isEmpty)
            try await alter(fixture, "drop constraint refused")
            #expect(try await put(fixture, "hook", "{}") == 201)
        }
    }

    @Test("What nobody made is not named, whatever a path says")
    func unnamed() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let path = "subscriptions/anna-k-1975/events"
            for role in [Role.service, .clinician] {
                _ = try await fixture.get(path, token: fixture.token(role))
            }
            let all = try await entries(fixture, "fetchSubscription")
            #expect(all.map(\.isAllowed) == [true, false])
            #expect(!all.contains { $0.detail.contains("anna") })
        }
    }

    @Test("A read that runs out of time has an entry too")
    func outOfTime() async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            timeout: .seconds(4),
            configure: { $0.set("lock_timeout", to: "0") }
        ) { fixture in
            let token = try await fixture.token(.auditor)
            #expect(try await fixture.get("events", token: token).status == 200)
            try await PostgresConnection.withConnection(fixture.database.configuration) { other in
                try await other.withTransaction { other in
                    _ = try await other.query("lock table event in access exclusive mode")
                    #expect(try await fixture.get("events", token: token).status == 503)
                }
            }
            let kept = try await entries(fixture, "listEvents")
            #expect(kept.count == 2)
            #expect(kept.last?.detail.hasSuffix("answered with unavailable") == true)
        }
    }

    @Test("What consumers acknowledge has an entry")
    func acknowledged() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.service)
            #expect(try await put(fixture, "billing", "{}", .service) == 201)
            let posted = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            #expect(posted.status == 201)
            let given = try await fixture.get(
                "subscriptions/billing/events?buckets=64",
                token: token
            )
            let batch = try #require(given.json.list("batches").first)
            let answer = try await fixture.request(
                "POST",
                "/v1/ledgers/default/subscriptions/billing/ack",
                token: token,
                body: Array(try JSONSerialization.data(withJSONObject: batch))
            )
            #expect(answer.status == 200, "\(answer.text)")
            let bucket = try #require(batch["bucket"] as? Int)
            let entry = try #require(try await entries(fixture, "acknowledge").last)
            #expect(
                entry.detail == "name=billing; acknowledges bucket \(bucket) up to position 1"
            )
        }
    }

    // MARK: - Webhooks

    private func alter(_ fixture: ServiceFixture, _ change: String) async throws {
        try await PostgresConnection.withConnection(fixture.database.configuration) {
            try await $0.execute(script: "alter table access_log \(change)")
        }
    }

    @Test("Whole events leave for a webhook once that is in the access log")
    func deliveries() async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                let episode = EpisodeID.fresh
                let events =
                    [SampleEvent.admitted()] + (1...4).map { SampleEvent.session(day: $0) }
                let token = try await fixture.token(.administrator)
                #expect(try await fixture.post(episode, events, token: token).status == 201)
                for payload in ["thin", "full"] {
                    let url = "http://127.0.0.1:\(receiver.port)/\(payload)?key=T0K3N"
                    let body = #"{"webhook":{"url":"\#(url)","payload":"\#(payload)"}}"#
                    #expect(try await put(fixture, payload, body) == 201)
                }
                try await eventually("all is sent") { try receiver.requests().count == 10 }
                let kept = try await entries(fixture, "deliverWebhook")
                #expect(
                    kept.map(\.detail) == [
                        "name=full; payload full to http://127.0.0.1:\(receiver.port); "
                            + "5 events from position 1 to 5"
                    ]
                )
                #expect(kept.first?.subject == "webhook:full" && kept.first?.episode == episode)
            }
        }
    }

    @Test("Where the access log cannot be written, no whole event leaves")
    func nothingLeavesUnlogged() async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                let token = try await fixture.token(.administrator)
                let url = "http://127.0.0.1:\(receiver.port)/"
                for payload in ["thin", "full"] {
                    let body = #"{"webhook":{"url":"\#(url)\#(payload)","payload":"\#(payload)"}}"#
                    #expect(try await put(fixture, payload, body) == 201)
                }
                var superuser = fixture.database.configuration
                superuser.role = nil
                try await PostgresConnection.withConnection(superuser) {
                    try await $0.execute(
                        script: """
                            create sequence tried;
                            grant select on tried to public;
                            create function refuse_delivery() returns trigger language plpgsql
                            security definer as $$
                            begin
                                perform nextval('public.tried');
                                raise check_violation;
                            end
                            $$;
                            create trigger refused before insert on access_log for each row
                            when (new.operation = 'deliverWebhook')
                            execute function refuse_delivery();
                            """
                    )
                }
                func sent(_ path: String) throws -> Int {
                    try receiver.requests().count { $0.path == path }
                }
                for number in 1...3 {
                    let event = SampleEvent.admitted()
                    let posted = try await fixture.post(.fresh, [event], token: token)
                    #expect(posted.status == 201)
                    try await eventually("it is sent") { try sent("/thin") == number }
                }
                try await eventually("the full one was tried") {
                    try await fixture.database.reader.query("select is_called from tried")[0]
                        .get("is_called")
                }
                #expect(try sent("/full") == 0)
                try await PostgresConnection.withConnection(superuser) {
                    try await $0.execute(script: "drop trigger refused on access_log")
                }
                try await eventually("nothing was missed") { try sent("/full") == 3 }
            }
        }
    }
}
