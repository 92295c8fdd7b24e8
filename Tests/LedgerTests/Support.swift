import CareEpisode
import Crypto
import Postgres
import TestSupport
import Testing

@testable import Ledger

// MARK: - Requests and outcomes

/// A request for events of one episode.
func request(
    _ episode: EpisodeID,
    _ events: EventDraft...,
    expected: Version? = nil
) -> AppendRequest {
    AppendRequest(
        episodeID: episode,
        events: events,
        expectedVersion: expected,
        recordedBy: "cli:test",
        isList: events.count > 1
    )
}

extension AppendOutcome {
    var appended: [AppendReceipt]? {
        if case .appended(let receipts) = self { receipts } else { nil }
    }
    var duplicate: [AppendReceipt]? {
        if case .duplicate(let receipts) = self { receipts } else { nil }
    }
    var refusal: [String]? {
        if case .refused(let refusal) = self { refusal.errors.map(\.description) } else { nil }
    }
    var conflict: Version? {
        if case .conflict(let current) = self { current } else { nil }
    }
    var reused: EventID? {
        if case .eventIDReused(let id) = self { id } else { nil }
    }
    var isPartlyRecorded: Bool {
        if case .partlyRecorded = self { true } else { false }
    }
}

extension Result {
    var failure: Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}

extension Sequencer {
    /// Appends, and demands that it be recorded.
    @discardableResult
    func appended(_ request: AppendRequest) async throws -> [AppendReceipt] {
        let outcome = try await append(request)
        return try #require(outcome.appended, "\(outcome)")
    }
}

// MARK: - Sequencers

/// Runs a sequencer while a closure runs, and serves what was submitted.
func running<Result: Sendable>(
    _ sequencer: Sequencer,
    _ body: @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await sequencer.run() }
        do {
            let result = try await body()
            sequencer.stop()
            try await group.waitForAll()
            return result
        } catch {
            sequencer.stop()
            throw error
        }
    }
}

/// Has a sequencer that knows nothing yet decide requests in one batch.
func appendTogether(
    _ requests: [AppendRequest],
    _ database: LedgerDatabase,
    _ ledger: LedgerDescription
) async throws -> [Result<AppendOutcome, any Error>] {
    let sequencer = Sequencer(database, ledger: ledger)
    let tickets = try requests.map { try sequencer.submit($0) }
    return try await running(sequencer) { await outcomes(of: tickets) }
}

/// The outcomes of tickets, in their order.
func outcomes(of tickets: [AppendTicket]) async -> [Result<AppendOutcome, any Error>] {
    var outcomes: [Result<AppendOutcome, any Error>] = []
    for ticket in tickets {
        do {
            outcomes.append(.success(try await ticket.outcome()))
        } catch {
            outcomes.append(.failure(error))
        }
    }
    return outcomes
}

/// Holds the lock on a ledger's head, as an append of another process does, while a closure runs.
func withHeadLocked<Result>(
    _ database: LedgerDatabase,
    _ ledger: LedgerDescription,
    _ body: () async throws -> Result
) async throws -> Result {
    try await PostgresConnection.withConnection(database.configuration) { connection in
        try await connection.withTransaction { connection in
            _ = try await connection.query(
                "select from ledger_head where ledger_id = \(ledger.id.rawValue) for update"
            )
            return try await body()
        }
    }
}

/// The processes of the sessions of a database that wait for a lock, as the superuser sees them.
func waitingSessions(_ database: LedgerDatabase) async throws -> [Int32] {
    try await PostgresConnection.withConnection(database.configuration) { connection in
        try await connection.query(
            """
            select pid from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """
        ).map { try $0.get("pid") }
    }
}

/// When the statements of a database began that wait for a lock, in microseconds.
func waitingStatements(_ database: LedgerDatabase) async throws -> [Int64] {
    try await PostgresConnection.withConnection(database.configuration) { connection in
        try await connection.query(
            """
            select (extract(epoch from query_start) * 1e6)::bigint as began from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """
        ).map { try $0.get("began") }
    }
}

/// Waits until a session of the database waits for a lock.
func untilWaiting(_ database: LedgerDatabase, _ count: Int = 1) async throws {
    try await eventually("\(count) sessions wait for a lock") {
        try await waitingSessions(database).count >= count
    }
}

/// Runs SQL as the superuser.
func asSuperuser(_ database: LedgerDatabase, _ script: String) async throws {
    try await PostgresConnection.withConnection(database.configuration) { connection in
        try await connection.execute(script: script)
    }
}

// MARK: - What is recorded

/// A row of the event table, as it is stored.
struct StoredRow {
    let position, version, occurredAt, recordedAt, knownAt: Int64
    let episodeID: EpisodeID
    let eventID: EventID
    let type: String
    let nonce, commitment, leafHash, header, payload: [UInt8]

    var headerText: String { String(decoding: header, as: UTF8.self) }
    var payloadText: String { String(decoding: payload, as: UTF8.self) }
}

/// All events of a ledger by position.
func storedRows(
    _ database: LedgerDatabase,
    _ ledger: LedgerDescription
) async throws -> [StoredRow] {
    let rows = try await database.reader.query(
        """
        select position, version, occurred_at, recorded_at, known_at, episode_id, event_id, type,
            nonce, commitment, leaf_hash, header, payload
        from event
        where ledger_id = \(ledger.id.rawValue)
        order by position
        """
    )
    return try rows.map { row in
        StoredRow(
            position: try row.get("position"),
            version: try row.get("version"),
            occurredAt: try row.get("occurred_at"),
            recordedAt: try row.get("recorded_at"),
            knownAt: try row.get("known_at"),
            episodeID: try row.get("episode_id"),
            eventID: try row.get("event_id"),
            type: try row.get("type"),
            nonce: try row.get("nonce"),
            commitment: try row.get("commitment"),
            leafHash: try row.get("leaf_hash"),
            header: try row.get("header"),
            payload: try row.get("payload")
        )
    }
}

/// Checks all that must hold of every recorded ledger: positions and versions without gaps, times
/// that never decrease, columns that repeat the header, commitments and leaves of the bytes.
///
/// The hashes are computed as `docs/tamper-evidence.md` says, and not by the code under test.
func audit(
    _ database: LedgerDatabase,
    _ ledger: LedgerDescription
) async throws -> [StoredRow] {
    let rows = try await storedRows(database, ledger)
    var versions: [EpisodeID: Int64] = [:]
    var newest: Int64 = 0
    for (index, row) in rows.enumerated() {
        try #require(row.position == Int64(index) + 1)
        try #require(row.version == versions[row.episodeID, default: 0] + 1)
        versions[row.episodeID] = row.version
        try #require(row.recordedAt >= newest)
        newest = row.recordedAt
        let header = try EventHeader.decode(row.header)
        try #require(header.ledger == ledger.name)
        try #require(header.episodeID == row.episodeID)
        try #require(header.eventID == row.eventID)
        try #require(header.type.rawValue == row.type)
        try #require(header.occurredAt.microseconds == row.occurredAt)
        try #require((header.sourceRecordedAt?.microseconds ?? row.recordedAt) == row.knownAt)
        try #require(row.nonce.count == 32)
        try #require(row.commitment == commitment(of: row))
        try #require(row.leafHash == leaf(of: row))
    }
    #expect(Set(rows.map(\.nonce)).count == rows.count)
    #expect(Set(rows.map(\.eventID)).count == rows.count)
    let head = try await EventReader(database, ledger: ledger).head()
    #expect(head.position.rawValue == Int64(rows.count))
    #expect(head.recordedAt?.microseconds == rows.last?.recordedAt)
    return rows
}

private func commitment(of row: StoredRow) -> [UInt8] {
    let header = SHA256.hash(data: row.nonce[..<16] + row.header)
    let payload = SHA256.hash(data: row.nonce[16...] + row.payload)
    return Array(SHA256.hash(data: Array(header) + Array(payload)))
}

private func leaf(of row: StoredRow) -> [UInt8] {
    func bytes(_ number: Int64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
    }
    let entry =
        Array("episode-ledger1\n".utf8) + row.eventID.bytes + row.episodeID.bytes
        + bytes(row.version) + bytes(row.position) + bytes(row.recordedAt) + bytes(0)
        + row.commitment
    precondition(entry.count == 112)
    return Array(SHA256.hash(data: [0] + entry))
}

// MARK: - Many rows

/// Fills an empty ledger with rows as an append would have left them, but for their hashes: episodes
/// of ten events each, taking turns, so that neighbors by position belong to different episodes.
func fill(
    _ database: LedgerDatabase,
    _ ledger: LedgerDescription,
    events: Int,
    analyzes: Bool = true
) async throws {
    let episodes = max(1, events / 10)
    let insertion = EventTable.insert(
        [
            "ledger_id": "\(ledger.id.rawValue)", "position": "n",
            "version": "(n - 1) / \(episodes) + 1",
            "occurred_at": "1736154000000000 + n", "recorded_at": "n", "known_at": "n",
            "episode_id": "md5('episode ' || (n - 1) % \(episodes))::uuid",
            "event_id": "md5('event ' || n)::uuid",
            "type": "case when n <= \(episodes) then 'admitted' else 'session_attended' end",
            "nonce": "sha256('n')", "commitment": "sha256('c')", "leaf_hash": "sha256('l')",
            "header": "'{}'",
            "payload": """
            case when n <= \(episodes)
                then '{"client_id":"C","level_of_care":"outpatient","program":"p"}'
                else '{"kind":"group","minutes":60,"session_id":"s"}'
            end::bytea
            """,
        ],
        from: "generate_series(1, \(events)) as n"
    )
    try await asSuperuser(
        database,
        """
        \(insertion);
        update ledger_head set position = \(events), recorded_at = \(events)
        where ledger_id = \(ledger.id.rawValue);
        \(analyzes ? "analyze event" : "")
        """
    )
}
