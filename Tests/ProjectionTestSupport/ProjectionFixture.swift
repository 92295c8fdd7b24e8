public import CareEpisode
public import Ledger
public import Postgres
import TestSupport

/// A ledger in a database of its own.
public struct ProjectionFixture: Sendable {
    /// The database, as the superuser.
    public let url: String
    public let database: LedgerDatabase
    public let ledger: LedgerDescription

    /// Lends an empty ledger.
    public static func with<Result: Sendable>(
        timeZone: String = "America/New_York",
        _ body: (ProjectionFixture) async throws -> Result
    ) async throws -> Result {
        try await LedgerFixture.withConfiguration { configuration in
            let url = try TestCluster.shared.url(database: configuration.database ?? "")
            let database = LedgerDatabase(configuration, connectionLimit: 4)
            do {
                let name = LedgerName("clinic") ?? .default
                let ledger = try await database.createLedger(named: name, timeZone: timeZone)
                let fixture = ProjectionFixture(url: url, database: database, ledger: ledger)
                try await fixture.makeCountingTable()
                let result = try await body(fixture)
                await database.close()
                return result
            } catch {
                await database.close()
                throw error
            }
        }
    }

    /// The table of a read model of the tests, as a migration would make it.
    private func makeCountingTable() async throws {
        try await PostgresConnection.withConnection(try PostgresConfiguration(url: url)) {
            try await $0.execute(
                script: """
                    create table read_model.entry_count (
                        ledger_id integer not null,
                        generation integer not null,
                        episode_id uuid not null,
                        entries bigint not null,
                        primary key (ledger_id, generation, episode_id)
                    );
                    alter table read_model.entry_count owner to ledger_projector;
                    grant select on read_model.entry_count to ledger_reader;
                    """
            )
        }
    }

    /// Another ledger of the same database.
    public func other(_ name: String) async throws -> ProjectionFixture {
        guard let name = LedgerName(name) else { throw Unexpected(description: "a name") }
        let other = try await database.createLedger(named: name, timeZone: ledger.timeZone)
        return ProjectionFixture(url: url, database: database, ledger: other)
    }

    public var reader: EventReader { EventReader(database, ledger: ledger) }

    public func head() async throws -> Position { try await reader.head().position }

    /// Appends events, each as a request of its own, in order.
    public func append(_ events: some Sequence<RandomEvent> & Sendable) async throws {
        try await Sequencer.with(database, ledger: ledger) { sequencer in
            try await Self.append(events, sequencer)
        }
    }

    /// Appends events through a sequencer that runs.
    public static func append(
        _ events: some Sequence<RandomEvent>,
        _ sequencer: Sequencer
    ) async throws {
        let tickets = try events.map { event in
            try sequencer.submit(
                AppendRequest(
                    episodeID: event.episodeID,
                    events: [event.draft],
                    recordedBy: "test"
                )
            )
        }
        for ticket in tickets {
            guard case .appended = try await ticket.outcome() else {
                throw Unexpected(description: "an event was not appended")
            }
        }
    }

    /// Runs SQL as the superuser, who may do what nobody else may.
    @discardableResult
    public func superuser(_ sql: String) async throws -> PostgresRows {
        try await PostgresConnection.withConnection(try PostgresConfiguration(url: url)) {
            try await $0.query(SQL(sql))
        }
    }

    /// The rows of one generation of a table of a read model as text, in order.
    public func rows(_ table: String, generation: Int32 = 1) async throws -> [String] {
        try await database.reader.query(
            """
            select (to_jsonb(t) - 'generation')::text as row
            from read_model.\(raw: table) t
            where ledger_id = \(ledger.id.rawValue) and generation = \(generation)
            order by 1
            """
        ).map { try $0.get("row") }
    }

    public struct Checkpoint: Sendable, Equatable {
        public var position: Position
        public var generation: Int32
        public var epoch: Int64
        public var holder: String?
        public var foldVersion: Int32
    }

    /// Where a read model of this ledger stands; nil where it is not registered.
    public func checkpoint(_ name: String) async throws -> Checkpoint? {
        let rows = try await database.reader.query(
            """
            select position, generation, epoch, lease_holder, fold_version from read_model_state
            where ledger_id = \(ledger.id.rawValue) and name = \(name)
            """
        )
        return try rows.first.map { row in
            Checkpoint(
                position: Position(rawValue: try row.get("position")),
                generation: try row.get("generation"),
                epoch: try row.get("epoch"),
                holder: try row.get("lease_holder"),
                foldVersion: try row.get("fold_version")
            )
        }
    }

    /// Lets the time of every lease be over.
    public func expireLeases() async throws {
        try await superuser(
            """
            update read_model_state set lease_until = clock_timestamp() - interval '1 microsecond'
            where lease_until is not null
            """
        )
    }
}
