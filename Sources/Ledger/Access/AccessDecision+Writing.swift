package import Postgres

extension AccessDecision {
    /// Writes decisions together; where the database takes exception to one of them, each by itself.
    ///
    /// - Returns: the places, from 0, of those that could not be written.
    package static func write(
        _ decisions: [AccessDecision],
        to ledger: LedgerDescription,
        on pool: PostgresPool,
        deadline: ContinuousClock.Instant
    ) async throws -> Set<Int> {
        do {
            _ = try await pool.query(statement(writing: decisions, to: ledger), deadline: deadline)
            return []
        } catch let error as PostgresError where error.isAboutValues {
            return try await writeEach(of: decisions, to: ledger, on: pool, deadline: deadline)
        }
    }
}
