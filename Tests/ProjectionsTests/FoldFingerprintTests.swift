import CareEpisode
import Crypto
import Foundation
import Ledger
import Testing

@testable import ProjectionRuntime
@testable import Projections

/// What each version of each fold writes for the golden episodes.
@Suite("Fold versions")
struct FoldFingerprintTests {
    /// The SHA-256 of the rows, by read model and version. A line is added, never changed: databases
    /// hold rows under that version, and a program that writes others has to rebuild them.
    private static let fingerprints: [String: [Int: String]] = [
        CensusProjection.name: [
            1: "da69143cf1ff6b556e8f491760e5f5f3c828d0ff62f126ded5e1759bb1867414",
            2: "625109b23eb03aef0c959e12c6ce8dabc0045dc764e510f05d53b82163cff3f3",
        ],
        MedicationReviewProjection.name: [
            1: "aedbea122e278c7b6e4d89ad843bc9468bdcb22e360a99e81d5cd7b056f47343",
            2: "67c1781f6f6e45d800bdcd2fd6bc42b4054b3fdbfaf8096b005241f29547067f",
        ],
        DischargeSummaryProjection.name: [
            2: "fbc7f6dd802820f4d1b47de8b8d90459bca5540daa62190714b92b3cda2d752b",
            3: "62264580e56e4eda2d3ac3adc403e4f2937c06dcbdbcb3d396d2bfffe089e89e",
        ],
        SessionsProjection.name: [
            1: "ee228f7e1f2f85595de48ceba5bc278d85d0b900d53c40185b96c2d28d5d62d6"
        ],
    ]

    @Test("Who changes the rows of a fold raises its version", arguments: ReadModels.names)
    func fingerprint(_ name: String) throws {
        let ledger = LedgerDescription(
            id: LedgerID(rawValue: 1),
            name: .default,
            timeZone: "America/New_York"
        )
        let projection = try #require(try ReadModels.all(ledger).first { $0.name == name })
        let histories = try Self.goldenHistories()
        #expect(histories.count == 22)
        let fingerprint = try Self.fingerprint(projection, histories)
        let known = Self.fingerprints[name]?[projection.foldVersion]
        #expect(
            fingerprint == known,
            """
            version \(projection.foldVersion) of \(name) writes other rows than databases have under \
            it: raise foldVersion, and add a line for it
            """
        )
    }

    private static func fingerprint<Projection: EpisodeProjection>(
        _ projection: Projection,
        _ histories: [EpisodeID: [HistoryEvent]]
    ) throws -> String {
        var rows = EncodedRows(projection.tables, ledger: LedgerID(rawValue: 1), generation: 1)
        for (episode, events) in histories.sorted(by: { $0.key < $1.key }) {
            if let model = try projection.fold(episode, events) {
                projection.encode(model, into: &rows)
            }
        }
        var digest = SHA256()
        for index in projection.tables.indices { digest.update(data: rows.bytes(index)) }
        return digest.finalize().map { String(format: "%02x", $0) }.joined()
    }

    /// The golden episodes as if they had been imported, in the order of their files.
    private static func goldenHistories() throws -> [EpisodeID: [HistoryEvent]] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "EpisodeLedgerTests/GoldenEpisodes")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".ndjson") }.sorted()
        var histories: [EpisodeID: [HistoryEvent]] = [:]
        var position: Int64 = 0
        for file in files {
            let text = try Data(contentsOf: folder.appending(path: file))
            for line in text.split(separator: UInt8(ascii: "\n")) {
                let (episode, draft) = try EventParser.parseLine(Array(line))
                position += 1
                // 2026-01-01, and a second for each.
                let recordedAt = Instant(microseconds: 1_767_225_600_000_000 + position * 1_000_000)
                let header = draft.header(
                    ledger: .default,
                    episodeID: episode,
                    recordedBy: "test"
                )
                histories[episode, default: []].append(
                    HistoryEvent(
                        position: Position(position),
                        version: Version(Int64(histories[episode]?.count ?? 0) + 1),
                        eventID: draft.eventID,
                        type: draft.data.type,
                        occurredAt: draft.occurredAt,
                        recordedAt: recordedAt,
                        knownAt: draft.sourceRecordedAt ?? recordedAt,
                        payload: draft.payload(),
                        header: draft.data.type.hasReadAuthor ? header : []
                    )
                )
            }
        }
        return histories
    }
}
