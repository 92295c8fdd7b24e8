public import CareEpisode
public import Ledger
import Postgres
public import ProjectionRuntime

/// Asks the census of one ledger, for any two clocks.
public struct CensusQuery: Sendable {
    let model: ReadModel<CensusProjection>
    private let ledger: LedgerDescription

    /// A ledger's census.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) throws {
        model = ReadModel(try CensusProjection(ledger), database, ledger: ledger)
        self.ledger = ledger
    }

    /// Days in the ledger's zone.
    public var calendar: LocalCalendar { model.projection.calendar }

    /// The census of a date.
    ///
    /// - Parameters:
    ///   - date: not after today.
    ///   - effectiveAt: the instant up to which entries take part: just before the date's 24:00,
    ///     or now.
    ///   - program: only this programme; nil for all.
    ///   - knowledge: nil answers from the tables.
    public func date(
        _ date: CalendarDate,
        effectiveAt: Instant,
        program: String? = nil,
        knowledge: Knowledge? = nil
    ) async throws -> (CensusOfDate, ReadModelBasis) {
        let models: [EpisodeCensus]
        let basis: ReadModelBasis
        if let knowledge {
            (models, basis) = try await model.folded(
                knownAt: knowledge.at,
                knownBy: knowledge.by,
                effectiveAt: effectiveAt
            )
        } else {
            (models, basis) = try await stored(
                from: calendar.startOfDay(date),
                to: calendar.startOfDay(date.adding(days: 1)),
                effectiveAt: effectiveAt
            )
        }
        let answer = CensusOfDate(
            date,
            models,
            effectiveAt: effectiveAt,
            program: program,
            calendar: calendar
        )
        return (answer, basis)
    }

    /// The census of every day of a period.
    ///
    /// - Parameters:
    ///   - from: the first date.
    ///   - to: the last date, not after today.
    ///   - effectiveAt: as for a date, of the last one.
    ///   - program: only this programme; nil for all.
    ///   - knowledge: nil answers from the tables.
    public func period(
        from: CalendarDate,
        to: CalendarDate,
        effectiveAt: Instant,
        program: String? = nil,
        knowledge: Knowledge? = nil
    ) async throws -> (CensusTally, ReadModelBasis) {
        let stays: [EpisodeCensus.Stay]
        let basis: ReadModelBasis
        if let knowledge {
            let (models, folded) = try await model.folded(
                knownAt: knowledge.at,
                knownBy: knowledge.by,
                effectiveAt: effectiveAt
            )
            (stays, basis) = (models.flatMap(\.stays), folded)
        } else {
            let start = calendar.startOfDay(from)
            let end = calendar.startOfDay(to.adding(days: 1))
            (stays, basis) = try await model.withTables { connection, generation, basis in
                let rows = try await connection.query(
                    CensusRows.stays(ledger.id, generation, from: start, to: end)
                )
                return (try rows.map { try CensusRows.stay($0).stay }, basis)
            }
        }
        let tally = CensusTally(
            stays.filter { program == nil || $0.program == program },
            from: from,
            to: to,
            effectiveAt: effectiveAt,
            calendar: calendar
        )
        return (tally, basis)
    }

    /// Every episode, by admission.
    ///
    /// - Parameters:
    ///   - filter: which are wanted.
    ///   - effectiveAt: only what happened up to then takes part.
    ///   - knowledge: nil answers from the tables.
    public func episodes(
        _ filter: EpisodeFilter = EpisodeFilter(),
        effectiveAt: Instant,
        knowledge: Knowledge? = nil
    ) async throws -> (EpisodeList, ReadModelBasis) {
        let models: [EpisodeCensus]
        let basis: ReadModelBasis
        if let knowledge {
            (models, basis) = try await model.folded(
                knownAt: knowledge.at,
                knownBy: knowledge.by,
                effectiveAt: effectiveAt
            )
        } else {
            (models, basis) = try await stored(from: nil, to: nil, effectiveAt: effectiveAt)
        }
        return (EpisodeList(models, filter, effectiveAt: effectiveAt), basis)
    }

    /// Episodes from the tables, with a stay that overlaps a time.
    func stored(
        from: Instant?,
        to: Instant?,
        effectiveAt: Instant
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        var (models, basis) = try await model.withTables { connection, generation, basis in
            let results = try await connection.pipeline([
                CensusRows.episodes(ledger.id, generation, from: from, to: to),
                CensusRows.stays(ledger.id, generation, from: from, to: to),
            ])
            return (try CensusRows.models(episodes: results[0], stays: results[1]), basis)
        }
        // Parked episodes cannot be folded: their last good rows answer.
        let parked = Set(basis.parked)
        let doubtful = Set(
            models.filter { $0.needsFold(at: effectiveAt) }.map(\.episodeID)
        ).subtracting(parked)
        if !doubtful.isEmpty {
            let folded = try await model.folded(
                doubtful.sorted(),
                through: basis.position,
                effectiveAt: effectiveAt
            )
            models = models.compactMap {
                doubtful.contains($0.episodeID) ? folded[$0.episodeID] : $0
            }
        }
        return (models, basis)
    }
}
