public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// The sessions: every entry in force, with the program at its start and whether it counts.
public struct SessionsProjection: LedgerProjection {
    /// `sessions`.
    public static let name = "sessions"

    /// Days in the ledger's zone.
    public let calendar: LocalCalendar

    /// The sessions of one ledger.
    ///
    /// - Parameter ledger: whose zone the days are in.
    /// - Throws: an error that names the zone where this machine does not know it.
    public init(_ ledger: LedgerDescription) throws {
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
    }

    /// Raised with every change of the fold or of the tables.
    public static let foldVersion = 1

    /// Entries, and the stays in which they lie.
    public var tables: [ProjectionTable] { Self.tables }

    private static let tables = [SessionEntryRow.table, SessionStayRow.table]

    /// Folds one episode; nil without a known, unretracted admission.
    public func fold(_ episode: EpisodeID, _ history: EffectiveHistory) throws -> EpisodeSessions? {
        try EpisodeSessions.fold(episode, history, calendar: calendar)
    }

    /// Shares the course.
    public func fold(
        _ episode: EpisodeID,
        sharing history: EpisodeHistory
    ) throws -> EpisodeSessions? {
        try Course.of(history, calendar: calendar).map { try EpisodeSessions(episode, $0) }
    }

    /// One row for each entry, one for each stay.
    public func encode(_ sessions: EpisodeSessions, into rows: inout EncodedRows) {
        for entry in sessions.entries { rows.append(SessionEntryRow(entry)) }
        for (index, stay) in sessions.stays.enumerated() {
            rows.append(SessionStayRow(index + 1, stay))
        }
    }
}
