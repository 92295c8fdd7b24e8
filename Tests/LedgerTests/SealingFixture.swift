import CareEpisode
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing
import TransparencyLog

/// The default ledger of a database of its own, and a folder for key and checkpoint log.
struct SealingFixture: Sendable {
    let configuration: PostgresConfiguration
    let database: LedgerDatabase
    let ledger: LedgerDescription
    let folder: String

    static func with<Result: Sendable>(
        _ body: (SealingFixture) async throws -> Result
    ) async throws -> Result {
        try await LedgerFixture.withConfiguration { configuration in
            let folder = NSTemporaryDirectory() + "sealing-" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            defer { try? FileManager.default.removeItem(atPath: folder) }
            return try await LedgerFixture.withDatabase(configuration) { database in
                try await body(
                    SealingFixture(
                        configuration: configuration,
                        database: database,
                        ledger: try await database.ledger(named: .default),
                        folder: folder
                    )
                )
            }
        }
    }

    var place: SealingPlace { place() }

    func place(
        key: String = "key",
        log: String = "checkpoints",
        name: String? = nil
    ) -> SealingPlace {
        SealingPlace(
            keys: SigningKeyFile("\(folder)/\(key)"),
            log: CheckpointLog("\(folder)/\(log)"),
            name: name
        )
    }

    func sealer(
        _ place: SealingPlace? = nil,
        holder: String = "test",
        batch: Int64 = 4_096,
        lease: Double = 10,
        patience: Duration = .seconds(90)
    ) -> Sealer {
        var settings = Sealer.Settings()
        settings.interval = .milliseconds(1)
        settings.batch = batch
        settings.leaseSeconds = lease
        settings.writersPatience = patience
        return Sealer(
            database,
            ledger: ledger,
            place: place ?? self.place,
            holder: holder,
            settings: settings
        )
    }

    var reader: EventReader { EventReader(database, ledger: ledger) }

    func head() async throws -> Position { try await reader.head().position }

    /// Seals up to the head.
    @discardableResult
    func seal(_ sealer: Sealer? = nil) async throws -> SignedCheckpoint {
        let checkpoint = try await (sealer ?? self.sealer()).seal(upTo: head())
        return try #require(checkpoint)
    }

    /// Appends events, most of them sessions, in episodes of ten.
    func append(_ count: Int) async throws {
        try await Sequencer.with(database, ledger: ledger) { sequencer in
            var rest = count
            while rest > 0 {
                let size = min(rest, 10)
                var events = [SampleEvent.admitted()]
                for day in 1..<max(size, 1) { events.append(SampleEvent.session(day: Int64(day))) }
                let request = AppendRequest(
                    episodeID: .fresh,
                    events: Array(events.prefix(size)),
                    recordedBy: "cli:test",
                    isList: true
                )
                try await sequencer.appended(request)
                rest -= size
            }
        }
    }

    /// The root over the stored leaf hashes, computed the plain way.
    func root(_ size: Int64) async throws -> TreeHash {
        let rows = try await database.reader.query(
            """
            select leaf_hash from event
            where ledger_id = \(ledger.id.rawValue) and position <= \(size) order by position
            """
        )
        var edge = TreeEdge()
        for row in rows {
            edge.append(try #require(TreeHash(row.get("leaf_hash", as: [UInt8].self))))
        }
        return edge.root
    }

    /// Changes rows as the superuser with triggers disabled.
    func tamper(_ sql: SQL) async throws {
        let pool = PostgresPool(configuration, limit: 1)
        do {
            for table in ["event", "tile", "checkpoint"] {
                _ = try await pool.query("alter table \(raw: table) disable trigger all")
            }
            _ = try await pool.query(sql)
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    func verify(
        pinned: [NoteVerifierKey] = [],
        kept: [SignedCheckpoint] = [],
        log: CheckpointLog? = nil
    ) async throws -> VerificationReport {
        try await LedgerVerification(
            database,
            ledger: ledger,
            log: log ?? place.log,
            pinned: pinned,
            kept: kept
        ).run()
    }
}
