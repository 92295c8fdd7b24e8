import CareEpisode
import Ledger
import ProjectionRuntime

extension ReadModel {
    /// Folds the histories of a whole ledger as they were known at a time.
    ///
    /// Reads every event; nothing is held but the models.
    ///
    /// - Parameters:
    ///   - knownAt: only what was known then; nil for everything, and so is the time of the newest
    ///     event or later.
    ///   - knownBy: which clock `knownAt` is on.
    ///   - effectiveAt: only entries up to this time; nil for all.
    func folded(
        knownAt: Instant?,
        knownBy: KnowledgeClock,
        effectiveAt: Instant? = nil
    ) async throws -> ([Projection.Model], ReadModelBasis) {
        let projection = projection
        return try await histories.run(
            known: knownAt.map { Knowledge(at: $0, by: knownBy) }
        ) { episode, history in
            try projection.fold(episode, history.through(effectiveAt))
        }
    }
}
