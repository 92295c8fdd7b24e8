public import CareEpisode
public import Postgres

/// A database with ledgers in it, and connections to it for each purpose.
///
/// Each pool acts as the role of its purpose where the user may, else as the user itself.
public final class LedgerDatabase: Sendable {
    /// How the database is reached.
    public let configuration: PostgresConfiguration
    /// Appends batches, acting as `ledger_writer`.
    ///
    /// Each ledger has one batch under way at a time, so that ledgers whose heads are locked keep nobody
    /// else's batch waiting.
    public let appender: PostgresPool
    /// What an append needs besides, and the access log, acting as `ledger_writer`.
    public let writer: PostgresPool
    /// Reads events and read models: `ledger_reader`.
    public let reader: PostgresPool
    /// Fills read models: `ledger_projector`.
    public let projector: PostgresPool
    /// Creates ledgers: `ledger_owner`.
    public let owner: PostgresPool
    /// Links and sessions of the pages: `ledger_sign_in`.
    let signIn: PostgresPool
    /// Keeps the leases that this process holds.
    public let leases: LeaseKeeper

    /// How many connections the pools of writing have; the first is of batches.
    private static let (batches, writing, owning, signingIn) = (16, 4, 1, 2)
    /// Of the connections of batches so many are left by ledgers whose heads are locked to the others.
    private static let batchesForOthers = 4
    /// Of the reading connections so many are left by each ledger to the others, where there are some;
    /// where there is none, one.
    private static let readingForOthers = 2
    /// The most connections of each of the reading and projecting pools, unless said otherwise.
    public static let usualConnections = 8
    /// The most connections of a process that serves, with the one that listens.
    public static let mostConnections =
        batches + writing + owning + signingIn + 2 * usualConnections + 1

    /// Describes the connections; none is made before it is needed.
    ///
    /// - Parameters:
    ///   - configuration: where the database is.
    ///   - connectionLimit: the most connections of each of the reading and projecting pools.
    public init(_ configuration: PostgresConfiguration, connectionLimit: Int = usualConnections) {
        func pool(
            _ role: String,
            limit: Int,
            share: Int? = nil,
            isForWriting: Bool = true
        ) -> PostgresPool {
            var configuration = configuration
            configuration.role = role
            configuration.isForWriting = isForWriting
            // Somebody else's lock ends a batch before its deadline does: the session goes on.
            if role == "ledger_writer" { configuration.set("lock_timeout", to: "3s") }
            return PostgresPool(configuration, limit: limit, shareLimit: share)
        }
        self.configuration = configuration
        appender = pool(
            "ledger_writer",
            limit: Self.batches,
            share: Self.batches - Self.batchesForOthers
        )
        writer = pool("ledger_writer", limit: Self.writing)
        reader = pool(
            "ledger_reader",
            limit: connectionLimit,
            share: max(connectionLimit - Self.readingForOthers, 1),
            isForWriting: false
        )
        projector = pool("ledger_projector", limit: connectionLimit)
        owner = pool("ledger_owner", limit: Self.owning)
        signIn = pool("ledger_sign_in", limit: Self.signingIn)
        leases = LeaseKeeper(projector)
    }

    /// The same connections, for whoever acts on what he reads: he reads where is written.
    ///
    /// Of several servers, another one may lag behind what was written and what was heard of.
    public var atPrimary: LedgerDatabase { LedgerDatabase(readingAtPrimary: self) }

    private init(readingAtPrimary other: LedgerDatabase) {
        configuration = other.configuration
        appender = other.appender
        writer = other.writer
        reader = other.projector
        projector = other.projector
        owner = other.owner
        signIn = other.signIn
        leases = other.leases
    }

    /// Does something for a ledger: beside others it has no more of the reading connections than its
    /// share, so that they always find one.
    public static func sharing<Result>(
        _ ledger: LedgerID,
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        try await PostgresPool.$shareholder.withValue(Int64(ledger.rawValue)) {
            try await body()
        }
    }

    /// Closes every connection; calls under way fail.
    public func close() async {
        for pool in [appender, writer, reader, projector, owner, signIn] { await pool.close() }
    }

    /// All ledgers, by name.
    public func ledgers() async throws -> [LedgerDescription] {
        try await reader.query("select ledger_id, name, time_zone from ledger order by name")
            .map(LedgerDescription.init(row:))
    }

    /// The ledger of this name.
    ///
    /// - Throws: ``LedgerError/unknownLedger(_:)``.
    public func ledger(named name: LedgerName) async throws -> LedgerDescription {
        let rows = try await reader.query(
            "select ledger_id, name, time_zone from ledger where name = \(name.description)"
        )
        guard let row = rows.first else { throw LedgerError.unknownLedger(name) }
        return try LedgerDescription(row: row)
    }

    /// Makes a new, empty ledger.
    ///
    /// - Parameters:
    ///   - name: unique in the database.
    ///   - timeZone: IANA name of the zone of its days; it cannot be changed later.
    /// - Throws: ``LedgerError/ledgerExists(_:)``, or an error that names an unknown zone.
    public func createLedger(
        named name: LedgerName,
        timeZone: String
    ) async throws -> LedgerDescription {
        let zone = try LocalCalendar(timeZone: timeZone).timeZone
        do {
            let rows = try await owner.query(
                "select create_ledger(\(name.description), \(zone)) as ledger_id"
            )
            guard let row = rows.first else { throw LedgerError.unknownLedger(name) }
            return LedgerDescription(
                id: LedgerID(rawValue: try row.get("ledger_id")),
                name: name,
                timeZone: zone
            )
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            throw LedgerError.ledgerExists(name)
        }
    }
}

extension LedgerDescription {
    fileprivate init(row: PostgresRow) throws {
        let text = try row.get("name", as: String.self)
        guard let name = LedgerName(text) else { throw LedgerError.notALedgerName(text) }
        self.init(
            id: LedgerID(rawValue: try row.get("ledger_id")),
            name: name,
            timeZone: try row.get("time_zone")
        )
    }
}

/// What can be wrong about a ledger as a whole.
public enum LedgerError: Error, CustomStringConvertible {
    /// No ledger has this name.
    case unknownLedger(LedgerName)
    /// A ledger has this name already.
    case ledgerExists(LedgerName)
    /// The text is not a ledger's name.
    case notALedgerName(String)
    /// An event that must be there is not: somebody removed it.
    case missingEvent(Position)
    /// A recorded event that this program cannot read; a newer program may have written it.
    case unreadableEvent(Position)
    /// No event of this episode is recorded.
    case unknownEpisode(EpisodeID)
    /// The episode has not got to this version.
    case unknownVersion(EpisodeID, newest: Version)
    /// A ledger has as many settings as it may have.
    case tooManySettings(Int64)
    /// A recorded setting that is none: somebody wrote it past this program.
    case unreadableSetting

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .unknownLedger(let name):
            "there is no ledger named \(name): create it with "
                + "`episode-ledger ledgers create \(name) --time-zone ZONE`"
        case .ledgerExists(let name):
            "there is a ledger named \(name) already"
        case .notALedgerName(let text):
            "\"\(text)\" is not a ledger's name: lower-case letters, digits, - and _, at most 63"
        case .missingEvent(let position):
            "position \(position.rawValue) is missing from the ledger: an event was removed"
        case .unreadableEvent(let position):
            "the event at position \(position.rawValue) cannot be read by this program: "
                + "use a newer one, or verify the ledger"
        case .unknownEpisode(let episode):
            "no event of episode \(episode) is recorded in this ledger"
        case .unknownVersion(let episode, let newest):
            "episode \(episode) has no such version: its newest is \(newest)"
        case .tooManySettings(let most):
            "a ledger has at most \(most) settings, and they are never removed: nothing was set"
        case .unreadableSetting:
            "a recorded setting of the ledger has a date that is none of this calendar"
        }
    }
}
