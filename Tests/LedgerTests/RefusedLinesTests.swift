import CareEpisode
import Foundation
import TestSupport
import Testing

@testable import Ledger

@Suite("What the ledger refuses")
struct RefusedLinesTests {
    @Test(
        "A request that the parser takes is declined for what is recorded, and nothing is written"
    )
    func declined() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            var recorded = 0
            for item in DeclineTable.cases {
                if !item.history.isEmpty {
                    let history = AppendRequest(
                        episodeID: item.episode,
                        events: item.history,
                        recordedBy: "cli:test",
                        isList: true
                    )
                    recorded += try await sequencer.appended(history).count
                }
                let outcome = try await sequencer.append(
                    AppendRequest(
                        episodeID: item.episode,
                        events: item.sent,
                        expectedVersion: item.expectedVersion,
                        recordedBy: "cli:test",
                        isList: item.sent.count > 1
                    )
                )
                #expect(outcome.receipts.isEmpty, "\(item)")
                let decline = try #require(outcome.decline, "\(item)")
                #expect(decline.code == item.code, "\(item)")
                #expect(decline.isConflict == item.isConflict, "\(item)")
                #expect(decline.detail == item.detail, "\(item)")
                #expect(decline.errors == item.errors, "\(item)")
            }
            #expect(try await audit(database, sequencer.ledger).count == recorded)
        }
    }

    @Test("The table has every code that the code of the ledger gives")
    func everyCode() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")
        var codes: Set<String> = []
        for path in [
            "CareEpisode/LifeCycle/EpisodeState+Decide.swift",
            "CareEpisode/Events/EventDraft+Time.swift", "Ledger/Append/AppendDecline.swift",
        ] {
            let source = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            let found = source.matches(
                of: /(?:code[:=]|code =|AppendDecline\(|refused\(\s*[^\s,]+,)\s*"([a-z_]+)"/
            )
            #expect(!found.isEmpty, "\(path)")
            codes.formUnion(found.map { String($0.1) })
        }
        let table = DeclineTable.cases.flatMap { [$0.code] + $0.errors.map(\.code) }
        #expect(codes.subtracting(table) == [])
        // What a replacement lacks is the parser's to say.
        #expect(Set(table).subtracting(codes) == ["required"])
    }

    @Test("An import refuses each line of both tables with its errors, and appends the others")
    func imported() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            var lines: [[UInt8]] = []
            var refused: [Int: [String]] = [:]
            var recorded = 0
            for item in DeclineTable.cases where item.isImportable {
                recorded += item.history.count
                lines += item.history.map { $0.importLine(episodeID: item.episode) }
                lines += item.sent.map { $0.importLine(episodeID: item.episode) }
                refused[lines.count] = item.errors.map(\.description)
            }
            for item in RefusalTable.cases where !item.line.contains(0x0A) {
                guard item.line.contains(where: { $0 != 0x20 }) else { continue }
                lines.append(item.line)
                refused[lines.count] = item.errors
            }
            #expect(refused.count >= 200)
            let told = try await importing(lines, to: sequencer)
            #expect(told.map(\.number) == Array(1...lines.count))
            for line in told {
                #expect(
                    line.outcome.decline?.errors.map(\.description) == refused[line.number],
                    "line \(line.number)"
                )
            }
            #expect(try await audit(database, sequencer.ledger).count == recorded)
        }
    }
}

/// What an import tells of lines.
func importing(_ lines: [[UInt8]], to sequencer: Sequencer) async throws -> [ImportJob.Line] {
    var chunks = [Array(lines.joined(separator: [0x0A]))][...]
    var told: [ImportJob.Line] = []
    var job = ImportJob(sequencer, recordedBy: "cli:test")
    try await job.run {
        chunks.popFirst()
    } telling: {
        told += $0
    }
    return told
}
