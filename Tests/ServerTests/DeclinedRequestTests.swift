import CareEpisode
import Ledger
import TestSupport
import Testing

@testable import Server

@Suite("What the ledger declines, over HTTP")
struct DeclinedRequestTests {
    /// Records the histories of the table, and lends it with a service and a token.
    private func withHistories(
        _ body: @escaping @Sendable (ServiceFixture, String) async throws -> Void
    ) async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.service)
            var recorded = 0
            for item in DeclineTable.cases where !item.history.isEmpty {
                let answer = try await fixture.post(item.episode, item.history, token: token)
                try #require(answer.status == 201, "\(item)")
                recorded += item.history.count
            }
            try await body(fixture, token)
            let reader = EventReader(fixture.database, ledger: fixture.ledger)
            #expect(try await reader.head().position == Position(Int64(recorded)))
        }
    }

    /// What a list of errors says; the same for the answer and for what is expected.
    private func fieldErrors(_ list: [[String: Any]]) -> [FieldError] {
        list.map { error in
            FieldError(
                pointer: error["pointer"] as? String ?? "none",
                code: error["code"] as? String ?? "none",
                detail: error["detail"] as? String ?? "none"
            )
        }
    }

    @Test("A request that is posted gets the status, the code and the fields, and writes nothing")
    func posted() async throws {
        try await withHistories { fixture, token in
            for item in DeclineTable.cases {
                let condition: [String: String] =
                    switch item.expectedVersion {
                    case nil: [:]
                    case .some(.zero): ["If-None-Match": "*"]
                    case .some(let version): ["If-Match": "\"\(version)\""]
                    }
                let texts = item.sent.map(\.text).joined(separator: ",")
                let answer = try await fixture.request(
                    "POST",
                    "/v1/ledgers/default/episodes/\(item.episode)/events",
                    token: token,
                    headers: condition,
                    body: Array((item.sent.count == 1 ? texts : "[\(texts)]").utf8)
                )
                #expect(answer.status == (item.isConflict ? 409 : 422), "\(item)")
                let problem = answer.json
                let code = item.code.replacing("_", with: "-")
                #expect(problem.string("type") == "urn:episode-ledger:\(code)", "\(item)")
                #expect(problem.string("detail") == item.detail, "\(item)")
                #expect(
                    fieldErrors(problem.list("errors"))
                        == (item.code == "refused" ? item.errors : []),
                    "\(item)"
                )
                #expect(
                    problem.integer("current_version")
                        == (item.code == "version_conflict" ? item.history.count : nil),
                    "\(item)"
                )
            }
        }
    }

    @Test("A line of an import gets the code and the fields, and writes nothing")
    func imported() async throws {
        try await withHistories { fixture, token in
            let items = DeclineTable.cases.filter(\.isImportable)
            let lines = Array(
                items.map { $0.sent[0].importLine(episodeID: $0.episode) }.joined(separator: [0x0A])
            )
            let answer = try await fixture.request(
                "POST",
                "/v1/ledgers/default/events:import",
                token: token,
                body: lines
            )
            let results = answer.text.split(separator: "\n").map {
                ServiceFixture.JSONObject(String($0))
            }
            try #require(results.count == items.count)
            for (index, (result, item)) in zip(results, items).enumerated() {
                #expect(result.integer("line") == index + 1, "\(item)")
                #expect(result.string("status") == "refused", "\(item)")
                #expect(fieldErrors(result.list("errors")) == item.errors, "\(item)")
                #expect(result.integer("position") == nil, "\(item)")
            }
        }
    }
}
