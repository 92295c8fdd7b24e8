import CareEpisode
import Ledger
import Postgres

/// Judges rows of episodes that are said to be parked: whoever may write rows may write that too.
///
/// The rows of a parked episode are those of the longest part of its history, from its beginning, that
/// can be folded and that the database takes (``NarrowedBatch``). So the rows must be those of a part
/// of it, and the part that has one event more cannot be folded, or is refused. Which it is, the
/// database is asked: the rows are written to temporary tables with the constraints and indexes of
/// the real ones.
struct ParkedRows<Projection: EpisodeProjection>: Sendable {
    /// An episode that is said to be parked.
    struct Episode: Sendable {
        let id: EpisodeID
        /// All of its events, by version.
        let events: [HistoryEvent]
        /// The rows that are there.
        let stored: ComparedRows
        /// What all of its events lead to; nil where they cannot be folded.
        let whole: ComparedRows?
    }

    /// What is to be said of an episode's rows.
    enum Verdict: Sendable {
        /// They are as they must be, for this reason.
        case explained(String)
        /// They are not, for this reason.
        case unexplained(String)
    }

    let expected: ExpectedRows<Projection>
    let database: LedgerDatabase

    /// Judges some episodes, in their order.
    func judge(_ episodes: [Episode]) async throws -> [Verdict] {
        let parts = episodes.map { longestPart($0) }
        let more = zip(episodes, parts).map { episode, part in
            part.flatMap { rows(of: episode, folding: $0 + 1) }
        }
        var answers = try await answers(to: more.compactMap { $0 })[...]
        return zip(episodes, zip(parts, more)).map { episode, known in
            let answer = known.1.flatMap { _ in answers.popFirst() }
            guard let part = known.0 else {
                return .unexplained("they are those of no part of its history")
            }
            if part == episode.events.count {
                return .explained("its rows are what its events lead to: `projections retry`")
            }
            return verdict(answer, "its rows are those of its version \(part)")
        }
    }

    private func verdict(_ answer: Answer?, _ rows: String) -> Verdict {
        switch answer {
        case nil: .explained("\(rows), the next event cannot be folded")
        case .refused(let state):
            .explained("\(rows), the database refuses those of the next: SQLSTATE \(state)")
        case .taken:
            .unexplained("\(rows), and the database takes those of the next: `projections retry`")
        case .unasked(.readOnlyTransaction), .unasked(.featureNotSupported):
            .explained("\(rows); whether the database refuses more, a standby cannot tell")
        case .unasked(let state):
            .unexplained(
                "\(rows), and whether the database refuses more is not told: SQLSTATE \(state)"
            )
        }
    }

    /// How many events the longest part of a history has whose rows are there; nil where there is none.
    private func longestPart(_ episode: Episode) -> Int? {
        if episode.stored == episode.whole { return episode.events.count }
        return (0..<episode.events.count).last { count in
            let part = Array(episode.events.prefix(count))
            // Rows that single events make are all there, or none of later ones is taken.
            return [episode.events, part].contains { singles in
                (try? expected.compared(episode.id, folding: part, singles: singles))
                    == episode.stored
            }
        }
    }

    /// The rows of a part of a history, to be written; nil where it cannot be folded, or is none.
    private func rows(of episode: Episode, folding count: Int) -> EncodedRows? {
        guard count <= episode.events.count else { return nil }
        let part = Array(episode.events.prefix(count))
        return try? expected.encoded(episode.id, folding: part, singles: episode.events)
    }

    // MARK: - The database

    /// What the database says to some rows.
    private enum Answer: Sendable {
        case taken
        case refused(SQLState)
        /// It lets nobody ask.
        case unasked(SQLState)
    }

    /// Tries to write the rows of some episodes, each by themselves; nothing of it stays.
    private func answers(to episodes: [EncodedRows]) async throws -> [Answer] {
        if episodes.isEmpty { return [] }
        let tables = expected.projection.tables
        do {
            return try await database.reader.withTransaction(.readCommitted) { connection in
                for (index, table) in tables.enumerated() {
                    _ = try await connection.query(
                        """
                        create temporary table parked_rows_\(raw: String(index))
                        (like \(raw: table.qualifiedName) including all) on commit drop
                        """
                    )
                }
                var answers: [Answer] = []
                for rows in episodes { answers.append(try await Self.answer(to: rows, connection)) }
                return answers
            }
        } catch let error as PostgresError {
            guard let state = error.sqlState, Self.unasked.contains(state) else { throw error }
            return episodes.map { _ in .unasked(state) }
        }
    }

    /// A standby, which writes nothing; a user who may make no temporary table.
    private static var unasked: [SQLState] {
        [.readOnlyTransaction, .featureNotSupported, .insufficientPrivilege]
    }

    private static func answer(
        to rows: EncodedRows,
        _ connection: PostgresConnection
    ) async throws -> Answer {
        _ = try await connection.query("savepoint parked_rows")
        var answer = Answer.taken
        do {
            for (index, table) in rows.tables.enumerated() where rows.hasRows(index) {
                let bytes = rows.bytes(index)
                _ = try await connection.copyIn(
                    """
                    copy pg_temp.parked_rows_\(raw: String(index)) (\(raw: table.columnNames))
                    from stdin (format binary)
                    """
                ) { try await $0.write(bytes) }
            }
            _ = try await connection.query("set constraints all immediate")
        } catch let error as PostgresError where error.isAboutValues {
            answer = .refused(error.sqlState ?? .uniqueViolation)
        }
        _ = try await connection.query("rollback to savepoint parked_rows")
        return answer
    }
}
