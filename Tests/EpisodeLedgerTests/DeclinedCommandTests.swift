import CareEpisode
import TestSupport
import Testing

@Suite("What the ledger declines, at the command line")
struct DeclinedCommandTests {
    private func lines(_ item: DeclineCase, _ events: [EventDraft]) -> [String] {
        events.map { String(decoding: $0.importLine(episodeID: item.episode), as: UTF8.self) }
    }

    /// Records the histories of the table, and demands that the body write nothing.
    private func withHistories(_ body: (CommandLineFixture) async throws -> Void) async throws {
        try await CommandLineFixture.with { fixture in
            let histories = DeclineTable.cases.flatMap { lines($0, $0.history) }
            let file = try fixture.file("histories.ndjson", lines: histories)
            try await fixture.succeed(["import", file])
            try await body(fixture)
            #expect(try await fixture.exported().count == histories.count)
        }
    }

    @Test("append says why on standard error, and ends with 1 for a conflict and 2 for a refusal")
    func appended() async throws {
        try await withHistories { fixture in
            for (index, item) in DeclineTable.cases.enumerated() {
                // Who appends by hand may not say it at all.
                if item.sent.contains(where: { $0.sourceRecordedAt != nil }) { continue }
                let texts = item.sent.map(\.text).joined(separator: ",")
                let json = item.sent.count == 1 ? texts : "[\(texts)]"
                let input = try fixture.file("event-\(index).json", Array(json.utf8))
                var words = ["append", "--episode", "\(item.episode)"]
                if let version = item.expectedVersion {
                    words += ["--expected-version", "\(version)"]
                }
                let end = try await fixture.run(words, input: input)
                #expect(end.status == (item.isConflict ? 1 : 2), "\(item)")
                #expect(end.output.isEmpty, "\(item)")
                let reasons =
                    item.code == "refused" ? item.errors.map(\.description) : [item.detail]
                #expect(end.errorLines == reasons.map { "error: \($0)" }, "\(item)")
            }
        }
    }

    @Test("import says why as FILE:LINE on standard error, and ends with 2")
    func imported() async throws {
        try await withHistories { fixture in
            let items = DeclineTable.cases.filter(\.isImportable)
            let file = try fixture.file(
                "declined.ndjson",
                lines: items.flatMap { lines($0, $0.sent) }
            )
            let end = try await fixture.run(["import", file])
            #expect(end.status == 2)
            let expected = items.enumerated().map { index, item in
                let reasons = item.errors.map(\.description).joined(separator: "; ")
                return "\(file):\(index + 1): \(reasons)"
            }
            #expect(end.errorLines == expected)
            let answer = try fixture.decode(ImportAnswer.self, end.output)
            #expect(answer.refused == items.count && answer.appended == 0)
        }
    }
}
