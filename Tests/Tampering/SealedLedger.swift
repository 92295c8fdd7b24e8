public import CareEpisode
import Glibc
public import Ledger
public import Postgres
import ProjectionRuntime
import Projections
import Simulator
public import TestSupport
public import TransparencyLog

/// A ledger of simulated episodes with read models, sealed in several steps, and a pristine copy of
/// its rows to go back to.
public struct SealedLedger: Sendable {
    public let database: LedgerDatabase
    public let ledger: LedgerDescription
    /// Connections of the superuser.
    public let superuser: PostgresPool
    /// For key, checkpoint log and exports.
    public let folder: String
    public let place: SealingPlace
    /// How many events there are, all of them sealed.
    public let size: Int64
    /// The newest checkpoint, as an auditor has kept it.
    public let kept: SignedCheckpoint
    /// The key that signs, as an auditor has it from elsewhere.
    public let key: NoteVerifierKey

    /// Makes a ledger of a database.
    ///
    /// - Parameters:
    ///   - name: of the ledger.
    ///   - episodes: how many are simulated; about 40 events each.
    ///   - seed: of the simulation.
    ///   - folder: where key, log and exports go.
    ///   - isCopied: whether the rows are to be changed, and restored again.
    public init(
        _ database: LedgerDatabase,
        superuser: PostgresPool,
        name: LedgerName,
        episodes: Int,
        seed: UInt64,
        folder: String,
        isCopied: Bool = true
    ) async throws {
        self.database = database
        self.superuser = superuser
        self.folder = folder
        let ledger = try await database.createLedger(named: name, timeZone: "America/New_York")
        self.ledger = ledger
        place = SealingPlace(
            keys: SigningKeyFile("\(folder)/\(name).key"),
            log: CheckpointLog("\(folder)/\(name).checkpoints")
        )
        try await Self.fill(database, ledger, episodes, seed)
        let head = try await EventReader(database, ledger: ledger).head().position
        size = head.rawValue
        var random = SeededRandom(seed: seed)
        var settings = Sealer.Settings()
        settings.batch = max(1, size / Int64.random(in: 3...9, using: &random))
        let sealer = Sealer(
            database,
            ledger: ledger,
            place: place,
            holder: "tests",
            settings: settings
        )
        guard let kept = try await sealer.seal(upTo: head) else {
            throw NeverHappened(description: "the ledger was sealed")
        }
        self.kept = kept
        guard let key = try place.keys.keys().first else {
            throw NeverHappened(description: "the first seal made a key")
        }
        self.key = key.verifierKey
        for projection in try ReadModels.all(ledger) {
            try await Self.fold(projection, database, ledger, head)
        }
        if isCopied { try await copy() }
    }

    private static func fill(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ episodes: Int,
        _ seed: UInt64
    ) async throws {
        var requests: [AppendRequest] = []
        try Simulation(episodes: episodes, seed: seed).lines { line in
            let parsed = try EventParser.parseLine(line)
            requests.append(
                AppendRequest(
                    episodeID: parsed.episodeID,
                    events: [parsed.draft],
                    recordedBy: "tests"
                )
            )
        }
        let all = requests
        try await Sequencer.with(database, ledger: ledger) { sequencer in
            // Some at a time: the sequencer's queue has a limit.
            for start in stride(from: 0, to: all.count, by: 256) {
                let tickets = try all[start..<min(start + 256, all.count)].map {
                    try sequencer.submit($0)
                }
                for ticket in tickets {
                    guard case .appended = try await ticket.outcome() else {
                        throw NeverHappened(description: "every simulated event was appended")
                    }
                }
            }
        }
    }

    private static func fold<Projection: EpisodeProjection>(
        _ projection: Projection,
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ head: Position
    ) async throws {
        try await ProjectionWorker(projection, database, ledger: ledger, holder: "tests")
            .catchUp(to: head)
    }

    // MARK: - The pristine copy

    /// The tables that hold the record and its seal.
    static let evidence = [
        "event", "tile", "checkpoint", "ledger_head", "sealer", "verifier_key", "seal_log",
    ]

    /// The table that says which episodes are parked.
    static let parking = ["read_model_parked"]

    /// The tables of the read models.
    public func readModelTables() throws -> [String] {
        try ReadModels.all(ledger).flatMap { $0.tables.map(\.qualifiedName) }
    }

    private func copyName(_ table: String) -> String {
        "pristine_\(ledger.id.rawValue)_" + table.split(separator: ".").joined(separator: "_")
    }

    private func copy() async throws {
        for table in Self.evidence + Self.parking + (try readModelTables()) {
            _ = try await superuser.query(
                """
                create table \(raw: copyName(table)) as
                select * from \(raw: table) where ledger_id = \(raw: "\(ledger.id.rawValue)")
                """
            )
        }
    }

    /// Puts the rows of some tables back.
    func restore(_ tables: [String]) async throws {
        let id = "\(ledger.id.rawValue)"
        try await superuser.withTransaction { connection in
            for table in tables {
                _ = try await connection.query(
                    """
                    delete from \(raw: table)
                    where ledger_id in (\(raw: id), \(raw: "\(Change.elsewhere)"))
                    """
                )
                _ = try await connection.query(
                    "insert into \(raw: table) select * from \(raw: copyName(table))"
                )
            }
        }
    }

    /// Turns the triggers off that refuse changes: only the superuser and the owner can.
    public static func disableTriggers(_ superuser: PostgresPool) async throws {
        for table in ["event", "tile", "checkpoint", "verifier_key", "seal_log"] {
            _ = try await superuser.query("alter table \(raw: table) disable trigger all")
        }
    }

    // MARK: - Verifiers

    /// What `verify` says of the ledger, with the checkpoint log and the checkpoint that was kept.
    public func verify(readModels: Bool) async throws -> VerificationReport {
        let verification = LedgerVerification(
            database,
            ledger: ledger,
            log: place.log,
            kept: [kept]
        )
        var report = try await verification.run()
        guard readModels else { return report }
        for projection in try ReadModels.all(ledger) {
            try await compare(projection, &report)
        }
        return report
    }

    /// What `verify` says to somebody who has the checkpoint log or a key, and kept no checkpoint.
    func verify(pinned: [NoteVerifierKey], hasLog: Bool) async throws -> VerificationReport {
        try await LedgerVerification(
            database,
            ledger: ledger,
            log: hasLog ? place.log : nil,
            pinned: pinned
        ).run()
    }

    /// Has the database refuse the rows of an episode that has ended, and fills the census anew: the
    /// episode is parked, with the rows of before its end.
    public func park() async throws {
        _ = try await superuser.query(
            """
            do $$
            declare ended uuid := (
                select min(episode_id::text) from read_model.census_stay
                where ledger_id = \(raw: "\(ledger.id.rawValue)") and to_at is not null
            );
            begin
                execute format(
                    'alter table read_model.census_stay add constraint refused
                    check (episode_id <> %L or to_at is null) not valid', ended
                );
            end $$
            """
        )
        let rebuild = ProjectionRebuild(
            try CensusProjection(ledger),
            database,
            ledger: ledger,
            holder: "tests"
        )
        guard try await rebuild.run().parked == 1 else {
            throw NeverHappened(description: "one episode is parked")
        }
    }

    private func compare<Projection: EpisodeProjection>(
        _ projection: Projection,
        _ report: inout VerificationReport
    ) async throws {
        try await ProjectionVerification(projection, database, ledger: ledger)
            .run(through: Position(size), &report)
    }

    /// Exports the ledger as it is, events and all, to a new folder.
    ///
    /// - Parameters:
    ///   - target: the folder.
    ///   - isNew: whether it is removed first.
    /// - Returns: the folder; nil where there is nothing that could be exported.
    public func export(to target: String? = nil, isNew: Bool = true) async throws -> String? {
        let target = target ?? "\(folder)/\(ledger.name)-export"
        if isNew { _ = await runningProgram(["rm", "-rf", target]) }
        do {
            guard let newest = try await PublishedCheckpoint.newest(database, ledger) else {
                return nil
            }
            let stays = try await CensusStays(database, ledger: ledger)
            let parked = stays.basis.parked.map { "\"\($0)\"" }.joined(separator: ",")
            let basis = """
                {"position":\(size),"time_zone":"\(ledger.timeZone)","parked":[\(parked)]}

                """
            let export = LogExport(
                database,
                ledger: ledger,
                to: target,
                includesEvents: true,
                documents: [
                    EpisodePacket.Document(
                        name: "read-models/basis.json",
                        bytes: Array(basis.utf8)
                    ),
                    EpisodePacket.Document(name: "read-models/stays.ndjson", bytes: stays.lines),
                ]
            )
            _ = try await export.run(newest.signed)
            return target
        } catch is SealError {
            return nil
        } catch is NoteError {
            return nil
        } catch is ProjectionRowError {
            // A code that no read model writes is refused as it is read.
            return nil
        }
    }

    /// What the independent verifier says of an export.
    public func verifyIndependently(_ export: String) async throws -> ProgramResult {
        let kept = "\(folder)/\(ledger.name)-kept"
        try Self.write(self.kept.note.description, to: kept)
        return await runningProgram([
            "python3", "\(Self.tests)/Independent/verify_export.py", export, "--against", kept,
        ])
    }

    private static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw NeverHappened(description: "\(path) was written") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw NeverHappened(description: "\(path) was written")
        }
    }

    /// The folder `Tests` of the repository.
    public static let tests: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(2)
        return parts.joined(separator: "/")
    }()
}
