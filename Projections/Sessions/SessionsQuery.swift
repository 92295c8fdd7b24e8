import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// Asks for the sessions of one ledger, for any two clocks.
struct SessionsQuery {
    private let model: ReadModel<SessionsProjection>
    private let ledger: LedgerDescription

    /// A ledger's sessions.
    init(_ database: LedgerDatabase, ledger: LedgerDescription) throws {
        model = ReadModel(try SessionsProjection(ledger), database, ledger: ledger)
        self.ledger = ledger
    }

    private var calendar: LocalCalendar { model.projection.calendar }

    /// The sessions that are wanted.
    ///
    /// - Parameters:
    ///   - selection: which; those of one episode are folded from its events.
    ///   - effectiveAt: only what happened up to then takes part; nil for everything, so that the
    ///     tables may answer.
    ///   - knowledge: nil for all that is known.
    /// - Throws: `LedgerError.unknownEpisode`, ``SessionListError``.
    func list(
        _ selection: SessionSelection,
        effectiveAt: Instant?,
        knowledge: Knowledge?
    ) async throws -> (SessionList, ReadModelBasis) {
        if selection.episode == nil, effectiveAt == nil, knowledge == nil {
            return try await stored(selection)
        }
        let fold = fold(selection, effectiveAt: effectiveAt)
        let (found, basis) = try await model.histories.run(
            of: selection.episode.map { [$0] } ?? .all,
            known: knowledge
        ) { Found(sessions: try fold($0, $1)) }
        if let episode = selection.episode, found.isEmpty, basis.parked.isEmpty {
            throw LedgerError.unknownEpisode(episode)
        }
        return (try list(found.compactMap(\.sessions), selection), basis)
    }

    /// An episode's part of the answer: what a comparison of two knowledge times folds.
    ///
    /// Without what is surely not wanted.
    func fold(
        _ selection: SessionSelection,
        effectiveAt: Instant?
    ) -> @Sendable (EpisodeID, EffectiveHistory) throws -> EpisodeSessions? {
        { [projection = model.projection] episode, history in
            guard var sessions = try projection.fold(episode, history.through(effectiveAt)) else {
                return nil
            }
            sessions.entries.removeAll { !selection.mayHold($0) }
            if let time = selection.time {
                sessions.stays.removeAll {
                    $0.from >= time.upperBound || $0.to.map { $0 <= time.lowerBound } ?? false
                }
            }
            return sessions.entries.isEmpty && sessions.stays.isEmpty ? nil : sessions
        }
    }

    /// The list of some episodes.
    func list(
        _ sessions: [EpisodeSessions],
        _ selection: SessionSelection
    ) throws -> SessionList {
        try SessionList(
            SessionGroups(sessions.flatMap(\.entries), selection, calendar),
            sessions.flatMap(\.stays)
        )
    }

    private func stored(
        _ selection: SessionSelection
    ) async throws -> (SessionList, ReadModelBasis) {
        try await model.withTables { connection, generation, basis in
            let rows = try await connection.query(
                SessionRows.entries(selection, ledger.id, generation)
            )
            guard rows.count <= SessionList.mostEntries else { throw SessionListError.tooMany }
            let groups = SessionGroups(
                try rows.map { try SessionEntryRow($0).entry },
                selection,
                calendar
            )
            guard let rosters = groups.rosters else { return (try SessionList(groups, []), basis) }
            let stays = try await connection.query(
                SessionRows.stays(
                    rosters.programs,
                    from: rosters.from,
                    to: rosters.to,
                    ledger.id,
                    generation
                )
            )
            return (
                try SessionList(groups, try stays.map { try SessionStayRow($0).stay }), basis
            )
        }
    }

    /// An episode of which something is recorded.
    private struct Found: Sendable {
        /// Nil without an admission, or without anything that is wanted.
        let sessions: EpisodeSessions?
    }
}
