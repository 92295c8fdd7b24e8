public import CareEpisode
public import Ledger
import Postgres
public import ProjectionRuntime
import TransparencyLog

/// Asks for the discharge summaries of one ledger, for any two clocks.
public struct DischargeSummaryQuery: Sendable {
    private let model: ReadModel<DischargeSummaryProjection>
    private let reader: EventReader
    private let database: LedgerDatabase
    private let ledger: LedgerDescription

    /// A ledger's discharge summaries.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) throws {
        model = ReadModel(try DischargeSummaryProjection(ledger), database, ledger: ledger)
        reader = EventReader(database, ledger: ledger)
        self.database = database
        self.ledger = ledger
    }

    /// Dates in the ledger's zone.
    public var calendar: LocalCalendar { model.projection.calendar }

    // MARK: - One episode

    /// The summary of one episode, folded from its events up to the head.
    ///
    /// Reads the episode's events a few times, and no table: nothing need be caught up.
    ///
    /// - Parameters:
    ///   - episode: which.
    ///   - effectiveAt: only entries up to this time take part.
    ///   - knowledge: only what was known then; nil for everything.
    ///   - through: the position up to which events take part; nil for the head.
    ///   - clock: which clock the end's own knowledge time, and `since`, are on.
    ///   - since: what has changed since this knowledge time, not later than `knowledge`; nil for
    ///     that of the end.
    ///   - interim: whether an open episode is summarized so far.
    /// - Throws: ``DischargeSummaryError``, and ``LedgerError/unknownEpisode(_:)``.
    public func episode(
        _ episode: EpisodeID,
        effectiveAt: Instant,
        knowledge: Knowledge? = nil,
        through: Position? = nil,
        clock: KnowledgeClock = .source,
        since: Instant? = nil,
        interim: Bool = false
    ) async throws -> DischargeSummaryAnswer {
        if let since, let knowledge, since > knowledge.at { throw DischargeSummaryError.sinceAhead }
        var position = through
        while true {
            let (known, basis) = try await folded(episode, effectiveAt, knowledge, position)
            var answer = DischargeSummaryAnswer(
                summary: known.summary,
                effectiveAt: effectiveAt,
                basis: basis,
                clock: clock
            )
            answer.checkpoint = try await checkpoint(covering: basis.position)
            guard let end = known.end else {
                if interim { return answer }
                throw DischargeSummaryError.notEnded(episode)
            }
            let since = since ?? (clock == .source ? end.knownAt : end.recordedAt)
            let difference = try await difference(
                episode,
                effectiveAt: effectiveAt,
                from: since,
                to: basis.knownAt ?? Instant(microseconds: .max),
                by: clock,
                through: through
            )
            // Where the episode has grown in between, the summary is made again up to there.
            let compared = difference.basis.position
            if compared > basis.position, try await newest(episode, compared) > basis.position {
                position = compared
                continue
            }
            answer.changedSince = DischargeSummaryAnswer.ChangedSince(
                since: since,
                clock: clock,
                changes: difference.changes
            )
            return answer
        }
    }

    /// The newest checkpoint, where it covers a position.
    private func checkpoint(covering position: Position) async throws -> TreeCheckpoint? {
        let newest = try await PublishedCheckpoint.newest(database, ledger)
        guard let checkpoint = newest?.signed.checkpoint, checkpoint.size >= position.rawValue
        else {
            return nil
        }
        return checkpoint
    }

    /// The position of an episode's newest event.
    private func newest(_ episode: EpisodeID, _ through: Position) async throws -> Position {
        let events = try await reader.histories(of: [episode], through: through)
        return events[episode]?.last?.position ?? .zero
    }

    /// What differs in the summary of one episode between two knowledge times.
    public func difference(
        _ episode: EpisodeID,
        effectiveAt: Instant,
        from first: Instant,
        to second: Instant,
        by clock: KnowledgeClock,
        through: Position? = nil
    ) async throws -> KnowledgeDifference {
        let calendar = calendar
        return try await model.histories.difference(
            of: [episode],
            from: first,
            to: second,
            by: clock,
            through: through,
            fold: { try Self.fold($0, $1, calendar, effectiveAt) },
            items: { $0.flatMap(\.items) }
        )
    }

    /// A summary as it stood at an effective time; nil without a known, unretracted admission.
    public static func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory,
        _ calendar: LocalCalendar,
        _ effectiveAt: Instant
    ) throws -> DischargeSummary? {
        // What is ordered for later is a part of the summary at any time.
        let history = history.through(effectiveAt, and: .medicationAdjusted)
        guard let course = try Course(history, calendar: calendar) else { return nil }
        return try DischargeSummary(
            episode,
            course,
            medications: course.medications(),
            effectiveAt: effectiveAt
        )
    }

    /// The recorded events of one episode that an answer may name.
    public func sources(
        of answer: DischargeSummaryAnswer
    ) async throws -> [DischargeSummarySource] {
        try await reader.events(of: answer.summary.episodeID, through: answer.basis.position).map {
            DischargeSummarySource(
                eventID: $0.history.eventID,
                type: $0.history.type,
                occurredAt: $0.history.occurredAt,
                knownAt: answer.clock == .source ? $0.history.knownAt : $0.history.recordedAt,
                knownBy: $0.history.knownAt == $0.history.recordedAt ? .ledger : answer.clock,
                position: $0.history.position
            )
        }
    }

    private struct Known: Sendable {
        let summary: DischargeSummary
        let end: EffectiveHistory.Entry?
    }

    private func folded(
        _ episode: EpisodeID,
        _ effectiveAt: Instant,
        _ knowledge: Knowledge?,
        _ position: Position?
    ) async throws -> (Known, ReadModelBasis) {
        let calendar = calendar
        let (parts, basis) = try await model.histories.run(
            of: [episode],
            known: knowledge,
            through: position
        ) { episode, history -> Known? in
            guard let summary = try Self.fold(episode, history, calendar, effectiveAt) else {
                return nil
            }
            let end = summary.client.endedAt.eventIDs.first
            return Known(summary: summary, end: history.entries.first { $0.eventID == end })
        }
        if let known = parts.first { return (known, basis) }
        guard basis.parked.isEmpty else { throw DischargeSummaryError.unreadable(episode) }
        let events = try await reader.histories(of: [episode], through: basis.position)
        throw events.isEmpty
            ? LedgerError.unknownEpisode(episode) : DischargeSummaryError.notAdmitted(episode)
    }

    // MARK: - Lists

    /// Which ended episodes a list has.
    public struct Selection: Sendable {
        /// Only those whose last program this is; nil for all.
        public var program: String?
        /// The first date of their ends in the ledger's zone; nil for no limit.
        public var from: CalendarDate?
        /// The last date; nil for no limit.
        public var to: CalendarDate?
    }

    /// The ended episodes, the latest end first.
    ///
    /// The table answers for all that is known; for any other knowledge every event is read.
    ///
    /// - Parameters:
    ///   - selection: which.
    ///   - effectiveAt: only those that had ended by this time.
    ///   - knowledge: only what was known then; nil for everything.
    func list(
        _ selection: Selection = Selection(),
        effectiveAt: Instant,
        knowledge: Knowledge? = nil
    ) async throws -> DischargeSummaryList {
        guard let knowledge else { return try await stored(selection, effectiveAt) }
        let (rows, basis) = try await model.histories.run(
            of: choice(selection),
            known: knowledge,
            row(selection, effectiveAt: effectiveAt)
        )
        return DischargeSummaryList(
            effectiveAt: effectiveAt,
            rows: rows.sorted {
                ($1.endedAt, $0.episodeID) < ($0.endedAt, $1.episodeID)
            },
            basis: basis
        )
    }

    /// Which episodes can be in a list.
    func choice(_ selection: Selection) -> EpisodeChoice {
        guard let from = selection.from else { return .all }
        let end = selection.to.map { max($0, from) }.map { calendar.startOfDay($0.adding(days: 1)) }
        return .enrolled(in: calendar.startOfDay(from)..<(end ?? Instant(microseconds: .max)))
    }

    /// An episode's row of a list: what a comparison of two knowledge times folds.
    ///
    /// - Parameters:
    ///   - selection: nil is returned for an episode outside it, and for an open one.
    ///   - effectiveAt: only entries up to this time take part.
    public func row(
        _ selection: Selection,
        effectiveAt: Instant
    ) -> @Sendable (EpisodeID, EffectiveHistory) throws -> DischargeSummaryRow? {
        { [calendar] episode, history in
            let summary = try Self.fold(episode, history, calendar, effectiveAt)
            guard let summary, summary.status == .final else { return nil }
            let row = DischargeSummaryRow(summary)
            return selection.has(row, calendar) ? row : nil
        }
    }

    /// An end in the table is in force whatever comes after it, so that a row is the same at every
    /// effective time from the end of its date on: sessions of that date belong to the episode.
    private func stored(
        _ selection: Selection,
        _ effectiveAt: Instant
    ) async throws -> DischargeSummaryList {
        let ledger = ledger
        let first = selection.from.map { calendar.startOfDay($0).microseconds } ?? .min
        let end =
            selection.to.map { calendar.startOfDay($0.adding(days: 1)).microseconds } ?? .max
        let program = selection.program
        let (stored, basis) = try await model.withTables { connection, generation, basis in
            let rows = try await connection.query(
                DischargeSummaryRow.select(
                    ledger.id,
                    generation,
                    where: """
                        ended_at >= \(first) and ended_at < \(end)
                        and ended_at <= \(effectiveAt.microseconds)
                        and (\(program)::text is null or program = \(program)::text)
                        """,
                    orderBy: "ended_at desc, episode_id"
                )
            )
            return (try rows.map { try DischargeSummaryRow($0) }, basis)
        }
        // Parked episodes cannot be folded: their last good rows answer.
        let ofThatDate = stored.filter {
            calendar.date(of: $0.endedAt) == calendar.date(of: effectiveAt)
                && !basis.parked.contains($0.episodeID)
        }
        let folded = try await model.folded(
            ofThatDate.map(\.episodeID),
            through: basis.position,
            effectiveAt: effectiveAt
        )
        return DischargeSummaryList(
            effectiveAt: effectiveAt,
            rows: stored.map { folded[$0.episodeID].map(DischargeSummaryRow.init) ?? $0 },
            basis: basis
        )
    }
}

extension DischargeSummaryQuery.Selection {
    fileprivate func has(_ row: DischargeSummaryRow, _ calendar: LocalCalendar) -> Bool {
        let date = calendar.date(of: row.endedAt)
        return program.map { $0 == row.program } ?? true
            && from.map { $0 <= date } ?? true && to.map { date <= $0 } ?? true
    }
}
