import CareEpisode
import Postgres

/// One call of `append_batch_2`: the bytes of a batch, made once and sent as often as it takes.
struct AppendCall {
    private let planned: [PlannedAppend]
    private let arguments: SQL
    private let headers: [[UInt8]]
    private let payloads: [[UInt8]]
    /// What each event was committed to.
    let commitments: [EventID: [UInt8]]

    /// What the database says of a batch.
    struct Outcome {
        /// Of the first event that was appended.
        var firstPosition: Position
        /// Of all that were appended.
        var recordedAt: Instant
        /// Of the appended events in order.
        var leafHashes: [[UInt8]]
        /// Index of each request that was not appended, and why.
        var refused: [Int: String]
        /// When the call that was answered was sent.
        var sentAt: ContinuousClock.Instant
    }

    init(_ planned: [PlannedAppend], ledger: LedgerDescription) {
        self.planned = planned
        let count = planned.reduce(0) { $0 + $1.events.count }
        var columns = Columns(capacity: count)
        var commitments: [EventID: [UInt8]] = [:]
        for (index, request) in planned.enumerated() {
            let pending = request.pending.request
            for (offset, event) in request.events.enumerated() {
                let bytes = request.pending.ticket.bytes[offset]
                commitments[event.eventID] = bytes.commitment
                columns.request.append(Int32(index + 1))
                columns.episode.append(pending.episodeID)
                columns.version.append(request.base.rawValue + Int64(offset) + 1)
                columns.eventID.append(event.eventID)
                columns.type.append(event.type.rawValue)
                columns.occurredAt.append(event.occurredAt.microseconds)
                columns.sourceRecordedAt.append(event.sourceRecordedAt?.microseconds)
                columns.nonce.append(bytes.nonce)
                columns.commitment.append(bytes.commitment)
                columns.header.append(bytes.header)
                columns.payload.append(bytes.payload)
            }
        }
        self.commitments = commitments
        headers = columns.header
        payloads = columns.payload
        let decisions = planned.map(\.pending.ticket).filter { !$0.keepsDecision }
            .compactMap(\.request.decision)
        arguments = """
                \(ledger.id.rawValue),
                \(columns.request), \(columns.episode), \(columns.version), \(columns.eventID),
                \(columns.type), \(columns.occurredAt), \(columns.sourceRecordedAt),
                \(columns.nonce), \(columns.commitment), \(columns.header), \(columns.payload),
                \(AccessDecision.arguments(decisions))
            """
    }

    private struct Columns {
        var request: [Int32] = []
        var episode: [EpisodeID] = []
        var version: [Int64] = []
        var eventID: [EventID] = []
        var type: [String] = []
        var occurredAt: [Int64] = []
        var sourceRecordedAt: [Int64?] = []
        var nonce: [[UInt8]] = []
        var commitment: [[UInt8]] = []
        var header: [[UInt8]] = []
        var payload: [[UInt8]] = []

        init(capacity: Int) {
            header.reserveCapacity(capacity)
            payload.reserveCapacity(capacity)
        }
    }

    /// How long the first call may take, with getting a connection.
    ///
    /// A little less than a request over HTTP waits. To end it early is safe, since the same batch is
    /// sent again under the same ids; and the next batch does not wait for a server that says nothing.
    static let limit: Duration = .seconds(4)

    /// Sends the batch: one transaction, one round trip; one more where an id is recorded already.
    ///
    /// - Parameter limit: how long that may take, with getting a connection.
    func run(on pool: PostgresPool, limit: Duration) async throws -> Outcome {
        let sentAt = ContinuousClock.now
        let deadline = sentAt + limit
        let row: PostgresRow
        do {
            row = try await ask(pool, looking: false, by: deadline)
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            row = try await ask(pool, looking: true, by: deadline)
        }
        for request in planned { request.pending.ticket.decisionIsKept() }
        let refused = try row.get("refused", as: [Int32].self)
        let outcomes = try row.get("outcome", as: [String]?.self) ?? []
        return Outcome(
            firstPosition: Position(rawValue: try row.get("first_position")),
            recordedAt: try row.get("recorded_at"),
            leafHashes: try row.get("leaf_hash", as: [[UInt8]]?.self) ?? [],
            refused: Dictionary(
                uniqueKeysWithValues: zip(refused, outcomes).map { (Int($0) - 1, $1) }
            ),
            sentAt: sentAt
        )
    }

    private func ask(
        _ pool: PostgresPool,
        looking looks: Bool,
        by deadline: ContinuousClock.Instant
    ) async throws -> PostgresRow {
        let results = try await pool.pipeline(
            [
                """
                select first_position, recorded_at, leaf_hash, refused, outcome
                from append_batch_2(
                    \(arguments), \(looks)
                )
                """
            ],
            deadline: deadline
        )
        guard let row = results.last?.first else { throw AppendError.outcomeUnknown }
        return row
    }

    /// The receipts of each request that was appended, by its index.
    func receipts(_ outcome: Outcome) -> [Int: [AppendReceipt]] {
        var receipts: [Int: [AppendReceipt]] = [:]
        var place = 0
        for (index, request) in planned.enumerated() where outcome.refused[index] == nil {
            receipts[index] = request.events.enumerated().map { offset, event in
                AppendReceipt(
                    eventID: event.eventID,
                    version: Version(rawValue: request.base.rawValue + Int64(offset) + 1),
                    position: Position(
                        rawValue: outcome.firstPosition.rawValue + Int64(place + offset)
                    ),
                    recordedAt: outcome.recordedAt,
                    leafHash: outcome.leafHashes[place + offset],
                    duplicate: false
                )
            }
            place += request.events.count
        }
        return receipts
    }

    /// The events that were appended, as a reader would read them.
    func recordedEvents(_ outcome: Outcome) -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        events.reserveCapacity(outcome.leafHashes.count)
        var place = 0
        for (index, request) in planned.enumerated() {
            defer { place += request.events.count }
            guard outcome.refused[index] == nil else { continue }
            for (offset, event) in request.events.enumerated() {
                let history = HistoryEvent(
                    position: Position(
                        rawValue: outcome.firstPosition.rawValue + Int64(events.count)
                    ),
                    version: Version(rawValue: request.base.rawValue + Int64(offset) + 1),
                    eventID: event.eventID,
                    type: event.type,
                    occurredAt: event.occurredAt,
                    recordedAt: outcome.recordedAt,
                    knownAt: event.sourceRecordedAt ?? outcome.recordedAt,
                    payload: payloads[place + offset],
                    header: event.type.hasReadAuthor ? headers[place + offset] : []
                )
                events.append(
                    RecordedEvent(
                        episodeID: request.pending.request.episodeID,
                        leafHash: outcome.leafHashes[events.count],
                        header: headers[place + offset],
                        history: history
                    )
                )
            }
        }
        return events
    }
}
