import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// Keeps every decision on health information: who asked for what, when and why.
struct AccessLog: Sendable {
    private let database: LedgerDatabase

    init(_ database: LedgerDatabase) {
        self.database = database
    }

    /// One decision.
    struct Entry: Sendable {
        var principal: Principal
        var operation: Operation
        var isAllowed: Bool
        var episode: EpisodeID?
        /// What was asked for, without health information.
        var detail: String?
        /// What the caller gave as its purpose.
        var purpose: String?
        var requestID: String
    }

    /// Records a decision, on disk before anything leaves.
    func record(_ entry: Entry, in ledger: LedgerDescription) async throws {
        let roles = entry.principal.roles.map(\.rawValue).sorted()
        _ = try await database.writer.query(
            """
            insert into access_log
                (ledger_id, subject, roles, operation, allowed, episode_id, detail, purpose,
                request_id)
            values (
                \(ledger.id.rawValue), \(entry.principal.subject), \(roles),
                \(entry.operation.rawValue), \(entry.isAllowed), \(entry.episode),
                \(entry.detail), \(entry.purpose), \(entry.requestID)
            )
            """
        )
    }

    /// Decisions after an entry, in order, of one episode or all.
    func page(
        _ ledger: LedgerDescription,
        after: Int64,
        limit: Int,
        episode: EpisodeID?
    ) async throws -> AnswerJSON {
        let rows = try await database.reader.query(
            """
            select entry, (extract(epoch from at) * 1000000)::bigint as at, subject, roles,
                operation, allowed, episode_id, detail, purpose, request_id
            from access_log
            where ledger_id = \(ledger.id.rawValue) and entry > \(after)
            and (\(episode)::uuid is null or episode_id = \(episode)::uuid)
            order by entry
            limit \(Int64(limit))
            """
        )
        let entries: [AnswerJSON] = try rows.map { row in
            [
                "entry": .integer(try row.get("entry")),
                "at": .instant(Instant(microseconds: try row.get("at"))),
                "subject": .string(try row.get("subject")),
                "roles": .array(try row.get("roles", as: [String].self).map { .string($0) }),
                "operation": .string(try row.get("operation")),
                "allowed": .bool(try row.get("allowed")),
                "episode_id": .text(
                    try row.get("episode_id", as: EpisodeID?.self)?.description
                ),
                "detail": .text(try row.get("detail")),
                "purpose": .text(try row.get("purpose")),
                "request_id": .string(try row.get("request_id")),
            ]
        }
        let last = try rows.last?.get("entry", as: Int64.self) ?? after
        return ["entries": .array(entries), "next_after": .integer(last)]
    }
}
