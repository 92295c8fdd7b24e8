public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// The census: stays, lengths of stay, counted hours and flags of every episode.
public struct CensusProjection: LedgerProjection {
    /// `census`.
    public static let name = "census"

    /// Days and weeks in the ledger's zone.
    public let calendar: LocalCalendar

    /// The census of one ledger.
    ///
    /// - Parameter ledger: whose zone the days are in.
    /// - Throws: an error that names the zone where this machine does not know it.
    public init(_ ledger: LedgerDescription) throws {
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
    }

    /// Raised with every change of the fold or of the tables.
    public static let foldVersion = 2

    /// Episodes and their stays.
    public var tables: [ProjectionTable] { Self.tables }

    private static let tables = [
        CensusEpisodeRow.table, CensusStayRow.table, CensusLifeCycleRow.table,
    ]

    /// Folds one episode; nil without a known, unretracted admission.
    public func fold(_ episode: EpisodeID, _ history: EffectiveHistory) throws -> EpisodeCensus? {
        try EpisodeCensus.fold(episode, history, calendar: calendar)
    }

    /// Shares the course.
    public func fold(_ episode: EpisodeID, sharing history: EpisodeHistory) throws -> EpisodeCensus?
    {
        try Course.of(history, calendar: calendar).map { EpisodeCensus(episode, $0) }
    }

    /// One row for the episode, one for each stay.
    public func encode(_ census: EpisodeCensus, into rows: inout EncodedRows) {
        rows.append(CensusEpisodeRow(census))
        for (index, stay) in census.stays.enumerated() {
            rows.append(
                CensusStayRow(episodeID: census.episodeID, ordinal: index + 1, stay: stay)
            )
        }
    }

    /// When the episode began and ended, in every version.
    public func encode(
        _ episode: EpisodeID,
        _ history: [HistoryEvent],
        after: Position,
        into rows: inout EncodedRows
    ) {
        for event in history.ofLifeCycle where event.position > after {
            rows.append(CensusLifeCycleRow(episode, event))
        }
    }
}
