import CareEpisode
import Foundation
import HTTPTypes
import Ledger
import Postgres
import TestSupport
import Testing
import TransparencyLog

@testable import Server

@Suite("Events over HTTP")
struct EventTests {
    @Test("Appending tells versions and positions; again it tells the same and writes nothing")
    func append() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service, subject: "emr")
            let episode = EpisodeID.fresh
            let events = [SampleEvent.admitted(), SampleEvent.session()]
            let first = try await fixture.post(
                episode,
                events,
                token: token,
                headers: ["If-None-Match": "*"]
            )
            #expect(first.status == 201, "\(first.text)")
            #expect(first.headers["etag"] == "\"2\"")
            #expect(first.json.list("events").map { $0["version"] as? Int } == [1, 2])
            let again = try await fixture.post(episode, events, token: token)
            #expect(again.status == 200)
            #expect(again.json.list("events").allSatisfy { $0["duplicate"] as? Bool == true })
            let next = try await fixture.post(
                episode,
                [SampleEvent.session(day: 2)],
                token: token,
                headers: ["If-Match": "\"2\""]
            )
            #expect(next.status == 201)
            let conflict = try await fixture.post(
                episode,
                [SampleEvent.session(day: 3)],
                token: token,
                headers: ["If-Match": "\"2\""]
            )
            #expect(conflict.status == 409)
            #expect(conflict.json.integer("current_version") == 3)
            #expect(conflict.headers["content-type"] == "application/problem+json")
            let read = try await fixture.get("episodes/\(episode)/events", token: token)
            #expect(read.json.list("events").count == 3)
            #expect(read.json.list("events").allSatisfy { $0["recorded_by"] as? String == "emr" })
        }
    }

    /// What a clinician gets who posts a text for a new episode; nothing may be written.
    private func refused(
        _ text: String,
        headers: [String: String] = [:],
        episode: String = "\(EpisodeID.fresh)",
        _ check: @escaping @Sendable (ServiceFixture.Answer) throws -> Void
    ) async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let answer = try await fixture.request(
                "POST",
                "/v1/ledgers/default/episodes/\(episode)/events",
                token: fixture.token(.clinician),
                headers: headers,
                body: Array(text.utf8)
            )
            try check(answer)
            let reader = EventReader(fixture.database, ledger: fixture.ledger)
            #expect(try await reader.head().position == .zero)
        }
    }

    @Test("What is wrong with an event is told field by field")
    func refusedFields() async throws {
        let event = #"{"event_id":"x","type":"admitted","occurred_at":"2025-01-01","data":{}}"#
        try await refused(event) { answer in
            #expect(answer.status == 422)
            let pointers = answer.json.list("errors").compactMap { $0["pointer"] as? String }
            #expect(pointers.contains("/event_id") && pointers.contains("/occurred_at"))
        }
    }

    @Test(
        "What is no event, and no list of events, is refused",
        arguments: ["{", "[]", String(repeating: "[", count: 10_000)]
    )
    func noEvent(_ text: String) async throws {
        try await refused(text) { #expect($0.status == 422) }
    }

    @Test("A clinician may not say when a source recorded an event")
    func backdated() async throws {
        let event =
            SampleEvent.admitted().text.dropLast()
            + #","source_recorded_at":"2025-01-06T10:00:00Z"}"#
        try await refused(String(event)) { answer in
            #expect(answer.status == 422)
            let pointers = answer.json.list("errors").compactMap { $0["pointer"] as? String }
            #expect(pointers == ["/source_recorded_at"])
        }
    }

    @Test(
        "A condition that is no version in quotes is a bad request",
        arguments: [("If-Match", "3"), ("If-Match", "\"x\""), ("If-None-Match", "\"1\"")]
    )
    func noVersion(_ name: String, _ value: String) async throws {
        try await refused(SampleEvent.admitted().text, headers: [name: value]) { answer in
            #expect(answer.status == 400)
        }
    }

    @Test("An episode that is no UUID is a bad request")
    func noEpisode() async throws {
        try await refused(SampleEvent.admitted().text, episode: "none") { answer in
            #expect(answer.status == 400)
        }
    }

    @Test("A body of more than 16 MiB is too large")
    func largeBody() async throws {
        try await refused(String(repeating: " ", count: (1 << 24) + 1)) { answer in
            #expect(answer.status == 413)
        }
    }

    @Test("A refused append takes nobody else along, and each decision is in the access log")
    func together() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        // Every second one is of an episode that was never begun.
                        let event = number % 2 == 0 ? SampleEvent.admitted() : SampleEvent.session()
                        return try await fixture.post(.fresh, [event], token: token).status
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [201: 100, 422: 100])
            let rows = try await fixture.database.reader.query(
                "select count(*) as number from access_log where operation = 'appendEvents'"
            )
            #expect(try rows.first?.get("number", as: Int64.self) == 200)
        }
    }

    @Test("A writer who prefers so waits for the seal, and gets the checkpoint")
    func sealed() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let answer = try await fixture.post(
                .fresh,
                [SampleEvent.admitted()],
                token: token,
                headers: ["Prefer": "wait=sealed"]
            )
            #expect(answer.status == 201)
            #expect(answer.headers["preference-applied"] == "wait=sealed")
            let note = try #require(answer.json.string("checkpoint"))
            #expect(try SignedCheckpoint(parsing: note).checkpoint.size >= 1)
        }
    }

    @Test("Pages, NDJSON and filters give every event once, in order")
    func pages() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            for _ in 0..<5 {
                let events = [SampleEvent.admitted()] + (1...9).map { SampleEvent.session(day: $0) }
                #expect(try await fixture.post(.fresh, events, token: token).status == 201)
            }
            var positions: [Int] = []
            var after = 0
            while true {
                let page = try await fixture.get("events?after=\(after)&limit=7", token: token)
                positions += page.json.list("events").compactMap { $0["position"] as? Int }
                let next = try #require(page.json.integer("next_after"))
                if next == after { break }
                after = next
            }
            #expect(positions == Array(1...50))
            let lines = try await fixture.get(
                "events?after=10&types=admitted",
                token: token,
                headers: ["Accept": "application/x-ndjson"]
            )
            #expect(lines.text.split(separator: "\n").count == 4)
        }
    }

    @Test(
        "A parameter that cannot be read is a bad request that names it",
        arguments: [
            ("limit=0", "limit"), ("limit=x", "limit"), ("after=-1", "after"),
            ("types=admitted%00", "types"), ("types=yoga", "types"), ("nothing=1", "query"),
            ("after=1&after=2", "after"),
        ]
    )
    func badParameter(_ query: String, _ name: String) async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.service)
            let answer = try await fixture.get("events?\(query)", token: token)
            #expect(answer.status == 400)
            #expect(answer.json.list("errors").map { $0["pointer"] as? String } == [name])
        }
    }

    @Test("A method that a resource does not take is refused with those that it takes")
    func methods() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let wrong = try await fixture.request("PUT", "/v1/ledgers/default/census", token: nil)
            #expect(wrong.status == 405)
            #expect(wrong.headers["allow"] == "GET")
        }
    }

    @Test("A path that leads nowhere is told as a problem")
    func nothing() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let nothing = try await fixture.request(
                "GET",
                "/v1/ledgers/default/nothing",
                token: nil
            )
            #expect(nothing.status == 404)
            #expect(nothing.headers["content-type"] == "application/problem+json")
        }
    }

    @Test("The OpenAPI document names every request")
    func document() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let document = try await fixture.request("GET", "/openapi.json", token: nil)
            let paths = try #require(
                (JSONSerialization.jsonObject(with: Data(document.bytes)) as? [String: Any])?[
                    "paths"
                ]
                    as? [String: [String: Any]]
            )
            for endpoint in Endpoint.all {
                let path = paths["/v1/ledgers/{ledger}/\(endpoint.path)"]
                #expect(path?[endpoint.method.rawValue.lowercased()] != nil, "\(endpoint.path)")
            }
        }
    }

    @Test("The metrics say that the database is up, and of each ledger what is not sealed")
    func metrics() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            // A ledger is served from the first request on.
            _ = try await fixture.get("events", token: fixture.token(.service))
            let metrics = try await fixture.request("GET", "/metrics", token: nil)
            #expect(metrics.text.contains("\nepisode_ledger_database_up 1.0\n"))
            #expect(metrics.text.contains("episode_ledger_unsealed_events{ledger=\"default\"} 0.0"))
            // The request has left an entry in the access log.
            #expect(
                metrics.text.contains(
                    #"episode_ledger_unsealed_access_entries{ledger="default"} 1.0"#
                )
            )
            let lag = metrics.text.firstMatch(
                of: #/episode_ledger_access_seal_lag_now_seconds\{ledger="default"\} ([0-9.e-]+)/#
            )
            #expect(try #require(lag.flatMap { Double($0.output.1) }) > 0)
        }
    }

    @Test("An import tells the result of each line, in order")
    func importing() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let episode = EpisodeID.fresh
            func line(_ event: EventDraft) -> String {
                String(
                    decoding: event.importLine(episodeID: episode),
                    as: UTF8.self
                )
            }
            let admission = line(SampleEvent.admitted())
            let body = [
                admission, "", "{}", line(SampleEvent.session()), admission,
                String(repeating: "x", count: 600_000),
            ].joined(separator: "\n")
            let answer = try await fixture.request(
                "POST",
                "/v1/ledgers/default/events:import",
                token: token,
                body: Array(body.utf8)
            )
            #expect(answer.status == 200)
            let results = answer.text.split(separator: "\n").map {
                ServiceFixture.JSONObject(String($0))
            }
            #expect(results.map { $0.integer("line") } == [1, 3, 4, 5, 6])
            let statuses = results.map { $0.string("status") }
            #expect(statuses == ["appended", "refused", "appended", "duplicate", "refused"])
            #expect(results.map { $0.integer("position") } == [1, nil, 2, 1, nil])
        }
    }

    /// The root by the words of RFC 6962, section 2.1.
    private static func root(_ leaves: ArraySlice<TreeHash>) -> TreeHash {
        guard leaves.count > 1 else { return leaves[leaves.startIndex] }
        var half = 1
        while half * 2 < leaves.count { half *= 2 }
        return TreeHash.node(root(leaves.prefix(half)), root(leaves.dropFirst(half)))
    }

    @Test("The tiles over HTTP are the tree that is signed, and the entries its leaves")
    func tiles() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            for _ in 0..<3 {
                let events =
                    [SampleEvent.admitted()] + (1...99).map { SampleEvent.session(day: $0) }
                _ = try await fixture.post(.fresh, events, token: token)
            }
            let note = try await fixture.get("checkpoint", token: token)
            let checkpoint = try SignedCheckpoint(parsing: note.text).checkpoint
            #expect(checkpoint.size == 300)
            func tile(_ path: String) async throws -> ServiceFixture.Answer {
                try await fixture.get("tile/\(path)", token: token)
            }
            var leaves: [TreeHash] = []
            for path in ["000", "001.p/44"] {
                let answer = try await tile("0/\(path)")
                #expect(answer.status == 200, "\(path): \(answer.text)")
                let hashes = try #require(TreeHash.list(answer.bytes))
                let entries = try await tile("entries/\(path)").bytes
                var at = 0
                for hash in hashes {
                    let count = Int(entries[at]) << 8 | Int(entries[at + 1])
                    let entry = entries[(at + 2)..<(at + 2 + count)]
                    #expect(TreeHash.leaf(Array(entry)) == hash)
                    at += 2 + count
                }
                #expect(at == entries.count)
                leaves += hashes
            }
            #expect(Self.root(leaves[...]) == checkpoint.root)
            let above = try #require(TreeHash.list(try await tile("1/000.p/1").bytes))
            #expect(above == [Self.root(leaves.prefix(256))])
            for path in [
                "0/001", "0/001.p/45", "0/002.p/1", "1/000", "2/000.p/1", "0/1", "0/0000", "x/000",
                "0/x000/000", "0/000.p/256", "0/000.p/0", "entries/001.p/45", "64/000", "0",
                "0/x999/x999/x999/x999/x999/999", "63/x999/x999/x999/x999/999",
            ] { #expect(try await tile(path).status == 404, "\(path)") }
        }
    }

    @Test("Proofs lead to the signed root; a packet is what the command writes")
    func proofs() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.auditor, .service)
            let episode = EpisodeID.fresh
            let events = [SampleEvent.admitted()] + (1...9).map { SampleEvent.session(day: $0) }
            _ = try await fixture.post(episode, events, token: token)
            let note = try await fixture.get("checkpoint", token: token)
            #expect(note.status == 200, "\(note.text)")
            let checkpoint = try SignedCheckpoint(parsing: note.text).checkpoint
            #expect(checkpoint.size == 10)
            let served = try await fixture.get("events?limit=10", token: token).json.list("events")
            for (index, event) in served.enumerated() {
                let hex = try #require(event["leaf_hash"] as? String)
                let bytes = stride(from: 0, to: 64, by: 2).compactMap {
                    UInt8(hex.dropFirst($0).prefix(2), radix: 16)
                }
                let answer = try await fixture.get(
                    "proofs/inclusion?position=\(index + 1)",
                    token: token
                ).json
                let proof = answer.strings("proof").compactMap {
                    Base64.decode($0).flatMap { TreeHash($0) }
                }
                let isIncluded = TreeProof.verifyInclusion(
                    leaf: try #require(TreeHash(bytes)),
                    index: Int64(index),
                    size: 10,
                    root: checkpoint.root,
                    proof: proof
                )
                #expect(isIncluded)
            }
            let answer = try await fixture.get("proofs/consistency?from=4", token: token).json
            let isConsistent = TreeProof.verifyConsistency(
                from: 4,
                try #require(
                    Base64.decode(answer.string("from_root") ?? "").flatMap { TreeHash($0) }
                ),
                to: 10,
                checkpoint.root,
                proof: answer.strings("proof").compactMap {
                    Base64.decode($0).flatMap { TreeHash($0) }
                }
            )
            #expect(isConsistent)
            let packet = try await fixture.get("episodes/\(episode)/packet", token: token)
            let path = "\(fixture.folder)/packet.zip"
            try Data(packet.bytes).write(to: URL(filePath: path))
            #expect(try await PacketVerification(path).run().isClean)
            #expect(
                try await fixture.get("proofs/inclusion?position=11", token: token).status == 400
            )
        }
    }
}
