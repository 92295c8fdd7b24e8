import CareEpisode
import Foundation
import Ledger
import Postgres
import Tampering
import TestSupport
import Testing

/// A short run of the campaign; the whole one is `swift run -c release tampering-campaign`.
@Suite("Tampering", .serialized)
struct TamperingTests {
    private func with(
        episodes: Int,
        seed: UInt64,
        _ body: (Campaign) async throws -> Void
    ) async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let folder = NSTemporaryDirectory() + "tampering-" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let superuser = PostgresPool(configuration, limit: 2)
            try await LedgerFixture.withDatabase(configuration) { database in
                let sealed = try await SealedLedger(
                    database,
                    superuser: superuser,
                    name: #require(LedgerName("clinic")),
                    episodes: episodes,
                    seed: seed,
                    folder: folder
                )
                try await SealedLedger.disableTriggers(superuser)
                try await body(Campaign(sealed, seed: seed))
            }
            await superuser.close()
        }
    }

    @Test(
        "Every change by the superuser is detected by verify, which names the first bad position",
        arguments: [UInt64(1), 2, 3]
    )
    func detected(seed: UInt64) async throws {
        try await with(episodes: 12, seed: seed) { campaign in
            let result = try await campaign.changes(8 * Change.Kind.allCases.count)
            #expect(result.failures == [])
            #expect(result.made.count == Change.Kind.allCases.count)
        }
    }

    @Test("Every kind of change is detected in an export by a verifier that shares no code")
    func detectedIndependently() async throws {
        try await with(episodes: 14, seed: 4) { campaign in
            let result = try await campaign.exportedChanges(2)
            #expect(result.failures == [])
            for kind in Change.Kind.allCases {
                #expect(result.foundIndependently[kind.rawValue] == 2, "\(kind)")
            }
        }
    }

    @Test("An untouched ledger and its export raise no alarm", arguments: [UInt64(5), 6, 7, 8])
    func untouched(seed: UInt64) async throws {
        try await with(episodes: Int(seed) * 3 - 14, seed: seed) { campaign in
            let alarms = try await campaign.untouched()
            #expect(alarms == [])
        }
    }
}
