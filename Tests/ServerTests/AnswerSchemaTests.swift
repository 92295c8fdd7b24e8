import CareEpisode
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

/// Every answer of every test here is held against the OpenAPI document by ``ServiceFixture``; this
/// is about the document itself.
@Suite("What the OpenAPI document says of answers")
struct AnswerSchemaTests {
    @Test("Each good answer and each body has a schema")
    func complete() throws {
        let document = try JSONValue(OpenAPI.document)
        for (path, methods) in document["paths"]?.members ?? [:] {
            for (method, operation) in methods.members {
                var contents = operation["requestBody"]?["content"]?.members ?? [:]
                for (status, response) in operation["responses"]?.members ?? [:] {
                    guard status.hasPrefix("2"), status != "204" else { continue }
                    let found = response["content"]?.members ?? [:]
                    #expect(!found.isEmpty, "\(method) \(path) \(status)")
                    contents.merge(found) { $1 }
                }
                for (type, content) in contents {
                    let schema = content["schema"]?.members ?? [:]
                    #expect(!schema.isEmpty, "\(method) \(path) \(type)")
                }
            }
        }
    }

    @Test("What is not described is found, and so is what is described and missing")
    func check() throws {
        let check = AnswerCheck()
        func faults(_ text: String, _ type: String = "application/json") -> [String] {
            check.faults("GET", "/healthz", 200, type: type, Array(text.utf8))
        }
        #expect(faults(#"{"status":"ok"}"#).isEmpty)
        #expect(
            faults(#"{"status":"ok","more":1}"#) == [": has a member more that is not described"]
        )
        #expect(faults("{}") == [": lacks status"])
        #expect(faults(#"{"status":"well"}"#) == ["/status: is not the constant"])
        #expect(!faults(#"{"status":"ok"}"#, "text/html").isEmpty)
        #expect(!check.faults("GET", "/healthz", 201, type: "application/json", []).isEmpty)
        #expect(!check.faults("GET", "/nowhere", 200, type: "application/json", []).isEmpty)
    }

    @Test("Every property of every answer appears where everything happens once")
    func everyProperty() async throws {
        try await ClinicStory.with { fixture, story in
            try await EveryRequest(fixture: fixture, story: story).run()
            let stays = "get /v1/ledgers/{ledger}/census application/json |0/episodes[]/"
            let put = "put /v1/ledgers/{ledger}/subscriptions/{name} application/json /delivery/"
            #expect(
                fixture.answers.lacking == [
                    // A stay that is in force at midnight has no end.
                    "\(stays)to", "\(stays)end_reason",
                    // A stay of more than ten years takes an older ledger: MistypedYearTests has one.
                    "get /v1/ledgers/{ledger}/attendance application/json |0/weeks_left_out",
                    // Who puts a webhook has it sent to again at once.
                    "\(put)disabled_reason", "\(put)next_attempt_at",
                ]
            )
        }
    }
}

/// Asks everything that can be asked.
private struct EveryRequest {
    let fixture: ServiceFixture
    let story: ClinicStory

    func run() async throws {
        _ = try await fixture.database.set(
            [NewSetting("first_day_of_week=sunday"), NewSetting("not_reviewed_days=10")],
            from: try #require(CalendarDate(iso8601: "2025-01-01")),
            of: fixture.ledger,
            by: "a"
        )
        try await questions()
        try await returned()
        try await retained()
        try await record()
        try await evidence()
        try await subscriptions()
        for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
            let answer = try await fixture.request("GET", path, token: nil)
            #expect(answer.status == 200, "\(path)")
        }
        try await get("settings")
        let log = try await get("access-log", .auditor)
        #expect(log.json.list("entries").contains { $0["purpose"] as? String == "TREAT" })
    }

    @discardableResult
    private func get(
        _ path: String,
        _ role: Role = .administrator,
        headers: [String: String] = [:]
    ) async throws -> ServiceFixture.Answer {
        let answer = try await fixture.get(path, token: fixture.token(role), headers: headers)
        #expect(answer.status == 200, "\(path): \(answer.text)")
        return answer
    }

    @discardableResult
    private func send(
        _ method: String,
        _ path: String,
        _ body: String,
        headers: [String: String] = [:]
    ) async throws -> ServiceFixture.Answer {
        let answer = try await fixture.request(
            method,
            "/v1/ledgers/default/\(path)",
            token: fixture.token(.administrator),
            headers: headers,
            body: Array(body.utf8)
        )
        #expect((200...204).contains(answer.status), "\(path): \(answer.text)")
        return answer
    }

    /// Whose episode has ended is admitted again.
    private func returned() async throws {
        let admission =
            #""client_id":"C-1","program":"iop-day","level_of_care":"intensive_outpatient""#
        let attended =
            #""session_id":"g-1","kind":"group","modality":"cbt","topic":"sleep","minutes":90,"#
            + #""attendance":"late","group_size":1,"facilitators":[{"id":"F-1"}]"#
        try await story.record(
            [
                story.line(.fresh, "admitted", at: "02-20T10:00", admission),
                story.line(story.open, "session_attended", at: "02-21T10:00", attended),
                story.line(story.lateAdmitted, "session_attended", at: "02-21T10:00", attended),
                story.line(
                    story.open,
                    "session_missed",
                    at: "02-22T10:00",
                    #""session_id":"g-2","kind":"group","reason":"excused""#
                ),
            ],
            fixture
        )
        let head = try await EventReader(fixture.database, ledger: fixture.ledger).head().position
        let answer = try await get("statistics?from=2025-02-01&to=2025-02-28&at_least=\(head)")
        let readmissions = answer.json.list("periods").first?["readmissions"] as? [Any]
        #expect(readmissions?.count == 1)
        let all = "session_id=g-1&facilitator=F-1&author=T-1&program=iop-day&date=2025-02-21"
        let roster = try await get("sessions?\(all)&at_least=\(head)")
        let session = try #require(roster.json.list("sessions").first)
        #expect((session["unmarked"] as? [Any])?.count == 1)
        let own = "sessions?\(all)&episode=\(story.open)&effective_at=2025-02-28"
        try await get(own)
        try await get("\(own)&diff=2025-02-12T00:00:00Z,2025-02-28T00:00:00Z")
        // Of lists there is a table for spreadsheets.
        for path in [
            "statistics?from=2025-02-01&to=2025-02-28", "census?date=2025-01-15", "episodes",
            "census?from=2025-01-06&to=2025-01-10", "discharge-summaries?program=op-aftercare",
            "sessions?session_id=g-1", "attendance", "attendance?episode=\(story.open)",
            "medication-review", "medication-review?episode=\(story.open)",
            "medication-review?client_id=C-7", "retention?from=2025-01-01&to=2025-02-20",
        ] {
            let table = try await get(path, headers: ["Accept": "text/csv"])
            #expect(table.headers["content-type"] == "text/csv; charset=utf-8", "\(path)")
            #expect(table.text.contains(",") && table.text.hasSuffix("\r\n"), "\(path)")
        }
    }

    /// As many services as an estimate takes, half of which have ended.
    private func retained() async throws {
        let lines = (0..<12).flatMap { number -> [String] in
            let episode = EpisodeID.fresh
            let admission =
                #""client_id":"R-\#(number)","program":"op-many","level_of_care":"outpatient""#
            let begun = story.line(episode, "admitted", at: "02-01T10:00", admission)
            let ended = story.line(episode, "completed", at: "02-09T10:00", "")
            return number.isMultiple(of: 2) ? [begun, ended] : [begun]
        }
        try await story.record(lines, fixture)
        let head = try await EventReader(fixture.database, ledger: fixture.ledger).head().position
        let answer = try await get(
            "retention?from=2025-02-01&to=2025-02-20&program=op-many&at_least=\(head)"
        )
        #expect(answer.json.list("days").count == 9)
    }

    private func questions() async throws {
        try await send("POST", "events:import", story.plans.joined(separator: "\n"))
        let head = try await EventReader(fixture.database, ledger: fixture.ledger).head().position
        let (ended, open) = (story.ended, story.open)
        let period = "from=2025-01-01&to=2025-02-20"
        let times = "diff=2025-02-12T00:00:00Z,2025-02-28T00:00:00Z"
        for path in [
            "episodes/\(ended)?effective_at=2025-02-20", "episodes?", "census?date=2025-01-15",
            "outcomes?from=2025-02-01&to=2025-02-20&program=op-aftercare",
            "outcomes?from=2025-01-01&to=2025-02-20&by=service",
            "statistics?from=2025-01-01&to=2025-02-20&by=week&program=iop-day",
            "sessions?from=2025-01-01&to=2025-02-20&program=iop-day",
            "census?from=2025-01-06&to=2025-01-10", "attendance?episode=\(ended)",
            "attendance?program=iop-day&effective_at=2025-01-25", "attendance?",
            "retention?\(period)",
            "medication-review?episode=\(open)", "medication-review?program=iop-day",
            "medication-review?client_id=C-7", "medication-review?",
            "discharge-summaries?program=op-aftercare&from=2025-02-01&to=2025-02-28",
            "medication-review?episode=\(ended)", "discharge-summaries/\(ended)?",
        ] {
            let joint = path.hasSuffix("?") ? "" : "&"
            try await get("\(path)\(joint)at_least=\(head)")
            try await get("\(path)\(joint)known_at=2025-02-28T00:00:00Z")
            try await get("\(path)\(joint)\(times)")
            try await get("\(path)\(joint)\(times)", headers: ["Accept": "text/html"])
        }
        try await get("census?date=2025-01-08&\(times)")
        let some = "retention?\(period)&level_of_care=intensive_outpatient&program=iop-day"
        try await get(some)
        try await get("\(some)&\(times)")
        // In the first week nobody is judged yet.
        try await get("attendance?effective_at=2025-01-08")
        try await get("medication-review?client_id=C-7&effective_at=2025-01-20")
        try await get("medication-review?episode=\(story.planned)&effective_at=2025-01-20")
        try await get("discharge-summaries/\(story.discharged)")
        try await get("medication-review?episode=\(ended)&effective_at=2025-01-25")
        try await get("medication-review?program=iop-day&effective_at=2025-01-25")
        try await get("medication-review?program=op-aftercare&effective_at=2025-02-05")
        try await get("discharge-summaries/\(ended)?known_at=2025-02-11")
    }

    private func record() async throws {
        let sealed = try await fixture.post(
            .fresh,
            [SampleEvent.admitted()],
            token: fixture.token(.service),
            headers: ["Prefer": "wait=sealed"]
        )
        #expect(sealed.json.string("checkpoint") != nil)
        try await get("episodes/\(story.ended)/events")
        try await get("events", headers: ["X-Purpose-Of-Use": "TREAT"])
        try await get("events", headers: ["Accept": "application/x-ndjson"])
        // A line that is refused tells why.
        try await send("POST", "events:import", "{}")
    }

    private func evidence() async throws {
        try await get("checkpoint")
        try await get("checkpoint", headers: ["Accept": "application/json"])
        try await get("proofs/inclusion?position=2")
        try await get("proofs/consistency?from=1")
        try await get("tile/entries/000.p/1")
        try await get("episodes/\(story.ended)/packet")
        try await get("access-log/checkpoint", .auditor)
        try await get("access-log/checkpoint", headers: ["Accept": "application/json"])
        try await get("access-log/proofs/inclusion?number=2")
        try await get("access-log/proofs/consistency?from=1")
        try await get("access-log/tile/entries/000.p/1")
    }

    private func subscriptions() async throws {
        let settings = #"{"types":["admitted"],"episode_id":"\#(story.ended)"}"#
        try await send("PUT", "subscriptions/pulled", settings)
        let given = try await get("subscriptions/pulled/events?limit=1&buckets=64&consumer=c-1")
        try await get("subscriptions/pulled")
        try await send("PUT", "subscriptions/pulled", settings)
        let batch = try #require(given.json.list("batches").first)
        let position = try #require(batch["to"] as? Int)
        var failed = batch
        failed["failed"] = [["position": position, "reason": "unreadable"]]
        let body = try JSONSerialization.data(withJSONObject: failed)
        try await send("POST", "subscriptions/pulled/ack", String(decoding: body, as: UTF8.self))
        let letters = try await get("subscriptions/pulled/dead-letters")
        #expect(letters.json.list("dead_letters").count == 1)
        try await send("DELETE", "subscriptions/pulled/dead-letters/\(position)", "")
        for signature in ["v1", "v1a"] {
            let path = "subscriptions/pushed-\(signature)"
            let body = #"{"webhook":{"url":"https://example.org/","signature":"\#(signature)"}}"#
            try await send("PUT", path, body)
            try await send("POST", "\(path)/rotate-secret", "")
            // As after a receiver that is gone.
            _ = try await fixture.database.projector.query(
                """
                update webhook
                set epoch = epoch + 1, lease_holder = null, lease_until = null, attempts = 1,
                    disabled_reason = 'gone', next_attempt_at = now(), last_attempt_at = now(),
                    last_status = 410, last_error = 'status'
                where name = \("pushed-\(signature)")
                """
            )
            try await get(path)
            try await send("PUT", path, body)
        }
        try await get("subscriptions")
        try await send("DELETE", "subscriptions/pulled", "")
    }
}
