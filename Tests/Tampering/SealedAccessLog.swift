import CareEpisode
import Foundation
public import Ledger
public import Postgres
import TestSupport
public import TransparencyLog

/// A ledger whose access log is sealed by two checkpoints, with an entry between them that was given and
/// never written.
public struct SealedAccessLog: Sendable {
    /// How many entries the first checkpoint covers, and the second.
    public static let (first, count) = (200, 330)

    public let database: LedgerDatabase
    public let ledger: LedgerDescription
    /// Connections of the superuser.
    public let superuser: PostgresPool
    /// For keys, checkpoint logs and exports.
    public let folder: String

    /// Lends one in a database of its own.
    public static func with<Result>(
        _ body: (SealedAccessLog) async throws -> Result
    ) async throws -> Result {
        try await LedgerFixture.withConfiguration { configuration in
            let folder = NSTemporaryDirectory() + "accesses-" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let superuser = PostgresPool(configuration, limit: 2)
            defer { Task { await superuser.close() } }
            return try await LedgerFixture.withDatabase(configuration) { database in
                let log = SealedAccessLog(
                    database: database,
                    ledger: try await database.ledger(named: .default),
                    superuser: superuser,
                    folder: folder
                )
                try await log.write(1..<Self.first + 1)
                try await log.seal()
                try await log.asSuperuser("select nextval('access_log_entry_seq')")
                try await log.write(Self.first + 1..<Self.count + 1)
                try await log.seal()
                return try await body(log)
            }
        }
    }

    /// Where somebody's keys and checkpoint logs are.
    public func place(_ name: String = "own") -> SealingPlace {
        SealingPlace(
            keys: SigningKeyFile("\(folder)/\(name).key"),
            log: CheckpointLog("\(folder)/\(name).checkpoints")
        )
    }

    /// Writes entries, each of an episode of its own.
    public func write(_ numbers: Range<Int>) async throws {
        let decisions = numbers.map { number in
            AccessDecision(
                subject: "n-7",
                roles: ["clinician"],
                operation: "getEpisode",
                isAllowed: true,
                episodeID: .fresh,
                detail: "as of position \(number)",
                purpose: "TREAT",
                requestID: "request-\(number)"
            )
        }
        _ = try await database.writer.query(
            AccessDecision.statement(writing: decisions, to: ledger)
        )
    }

    /// Seals what is there.
    ///
    /// - Parameter place: where the key is and the log; the ledger's own without one.
    public func seal(_ place: SealingPlace? = nil) async throws {
        _ = try await Sealer(
            database,
            ledger: ledger,
            place: place ?? self.place(),
            holder: "tests"
        ).sealAccessLog()
    }

    /// Runs statements as the superuser, with the triggers off that refuse changes.
    public func asSuperuser(_ script: String) async throws {
        let off = Self.tables.map { "alter table \($0) disable trigger all;" }.joined()
        try await superuser.withConnection { try await $0.execute(script: off + script) }
    }

    /// What `verify` says.
    public func verify(
        pinned: [NoteVerifierKey] = [],
        hasLog: Bool = true
    ) async throws -> VerificationReport {
        try await LedgerVerification(
            database,
            ledger: ledger,
            log: hasLog ? place().log : nil,
            pinned: pinned
        ).run()
    }

    /// The registered keys.
    public func keys() async throws -> [NoteVerifierKey] {
        try await AccessStatus.keys(database, ledger: ledger)
    }

    /// The newest checkpoint.
    public func newest() async throws -> SignedCheckpoint {
        guard let newest = try await PublishedCheckpoint.newest(database, ledger, .access) else {
            throw NeverHappened(description: "the access log was sealed")
        }
        return newest.signed
    }

    /// Exports the access log with its rows.
    public func export(to path: String) async throws -> LogExport.Report {
        try await LogExport(database, ledger: ledger, tree: .access, to: path).run(newest())
    }

    // MARK: - The pristine copy

    /// The tables that hold the access log, its tree, and what is registered for both trees.
    private static let tables = [
        "access_log", "access_entry", "access_tile", "access_checkpoint", "access_seal_log",
        "access_verifier_key", "seal_log", "verifier_key",
    ]

    /// Keeps the rows as they are, and takes away what refuses numbers that no entry has.
    func copy() async throws {
        let copies = (Self.tables + ["sealer"]).map {
            "create table pristine_\($0) as select * from \($0);"
        }
        try await asSuperuser(
            copies.joined() + "alter table access_entry drop constraint access_entry_number_check"
        )
    }

    /// Puts the rows back that were kept.
    func restore() async throws {
        let all = Self.tables + ["sealer"]
        try await asSuperuser(
            "truncate \(all.joined(separator: ", "));"
                + all.reversed().map {
                    "insert into \($0) overriding system value select * from pristine_\($0);"
                }.joined()
        )
    }
}
