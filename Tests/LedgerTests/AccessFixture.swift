import CareEpisode
import Ledger
import Postgres
import TestSupport
import TransparencyLog

extension SealingFixture {
    /// A decision as the service makes them.
    static func decision(_ number: Int, detail: String? = "after=0") -> AccessDecision {
        AccessDecision(
            subject: "n-\(number % 7)",
            roles: ["auditor", "clinician"],
            operation: number.isMultiple(of: 2) ? "getEpisode" : "listEvents",
            isAllowed: !number.isMultiple(of: 5),
            episodeID: number.isMultiple(of: 2) ? EpisodeID(bits: UInt128(number)) : nil,
            detail: detail,
            purpose: number.isMultiple(of: 3) ? "TREAT" : nil,
            requestID: "request-\(number)"
        )
    }

    /// Writes so many decisions to the access log.
    func access(_ count: Int, from first: Int = 1) async throws {
        for start in stride(from: first, to: first + count, by: 1_000) {
            let numbers = start..<min(start + 1_000, first + count)
            _ = try await database.writer.query(
                AccessDecision.statement(writing: numbers.map { Self.decision($0) }, to: ledger)
            )
        }
    }

    /// Numbers and seals the access log.
    @discardableResult
    func sealAccessLog(_ sealer: Sealer? = nil) async throws -> SignedCheckpoint? {
        try await (sealer ?? self.sealer()).sealAccessLog()
    }

    /// Does something as the superuser, triggers off.
    func asSuperuser(_ script: String) async throws {
        try await PostgresConnection.withConnection(configuration) { connection in
            try await connection.execute(script: script)
        }
    }

    /// Triggers of the access log and its tree.
    static let triggersOff = [
        "access_log", "access_entry", "access_tile", "access_checkpoint", "access_seal_log",
    ].map { "alter table \($0) disable trigger all;" }.joined(separator: "\n")

    /// The numbers and request ids of the access log, in order.
    func numbered() async throws -> [String] {
        try await database.reader.query(
            """
            select e.number || ' ' || a.request_id as line
            from access_entry e join access_log a using (ledger_id, entry)
            where ledger_id = \(ledger.id.rawValue)
            order by e.number
            """
        ).map { try $0.get("line") }
    }
}
