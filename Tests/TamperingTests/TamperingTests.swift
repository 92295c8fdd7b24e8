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

    @Test(
        "No forged packet, export or declared restore passes, in either verifier, and no untouched one fails"
    )
    func forged() async throws {
        try await with(episodes: 14, seed: 9) { campaign in
            for result in [
                try await campaign.forgedPackets(6 * PacketForgery.allCases.count),
                try await campaign.forgedExports(6 * ExportForgery.allCases.count),
                try await campaign.forgedDeclarations(42),
            ] {
                #expect(result.failures == [])
                #expect(result.made.values.reduce(0, +) > 40)
            }
        }
    }

    @Test("A read model's row is not hidden by saying that its episode is parked")
    func falselyParked() async throws {
        try await with(episodes: 6, seed: 17) { campaign in
            let result = try await campaign.changes(24, [.readModel])
            #expect(result.failures == [])
        }
    }

    @Test(
        "An episode whose rows the database refuses raises no alarm, in an export neither, and nobody else is excused"
    )
    func honestlyParked() async throws {
        try await with(episodes: 6, seed: 18) { campaign in
            try await campaign.park()
            #expect(try await campaign.untouched() == [])
            let forged = try await campaign.forgedExports(12, [.parked, .stays])
            #expect(forged.failures == [])
        }
    }

    @Test("An export with an episode that cannot be folded passes with the stays of what can be")
    func unreadable() async throws {
        #expect(try await Campaign.unreadableExports() == [])
    }

    @Test("An export that was broken off and is begun again passes, in either verifier")
    func begunAgain() async throws {
        try await with(episodes: 9, seed: 19) { campaign in
            let alarms = try await campaign.exportedAgain()
            #expect(alarms == [])
        }
    }

    /// Forges in some ways, and expects none to pass.
    private func refuse(
        _ packets: [PacketForgery],
        _ exports: [ExportForgery],
        seed: UInt64
    ) async throws {
        try await with(episodes: 4, seed: seed) { campaign in
            let forged = try await campaign.forgedPackets(4 * packets.count, packets)
            #expect(forged.failures == [])
            for kind in packets { #expect(forged.made[kind.rawValue] ?? 0 > 0, "\(kind)") }
            let exported = try await campaign.forgedExports(4 * exports.count, exports)
            #expect(exported.failures == [])
            for kind in exports { #expect(exported.made[kind.rawValue] ?? 0 > 0, "\(kind)") }
        }
    }

    @Test("Nothing hides in a packet or an export that a verifier does not look at")
    func nothingHides() async throws {
        try await refuse(
            [
                .memberTwice, .foreignMember, .otherCase, .prepended, .appended, .gap, .twoHeaders,
                .compressed, .memberMissing,
            ],
            [.foreignFile, .link, .fileMissing, .truncated, .large],
            seed: 11
        )
    }

    @Test("The script and the instructions in a packet are those of the program, byte for byte")
    func instructions() async throws {
        try await refuse([.instructions], [], seed: 12)
    }

    @Test("JSON in a packet or an export says each thing once, in one form, with its type")
    func strictJSON() async throws {
        try await refuse(
            [.memberOfJSON, .otherType, .whiteSpace],
            [.memberOfJSON, .linesSwapped],
            seed: 13
        )
    }

    @Test(
        "The read models of a packet are of the time of its newest sealed event, and in days of the ledger's zone"
    )
    func basis() async throws {
        try await refuse(
            [.basis, .newestEntry, .otherZone, .readModel],
            [.stays, .parked],
            seed: 14
        )
    }

    @Test("No key that came along, and no restore that it declares, counts beside a pinned one")
    func keys() async throws {
        try await refuse(
            [.keys, .checkpoint, .ownKey, .countersigned],
            [.keys, .checkpoint, .ownKey, .countersigned, .ownTree, .declaration],
            seed: 15
        )
    }

    @Test("Numbers, lines and depths beyond all measure are refused, and crash no verifier")
    func extremes() async throws {
        try await refuse([.extremeEntry, .endlessLine], [.extremeEntry, .endlessLine], seed: 16)
    }
}
