public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// Asks for the attendance of single episodes of one ledger, for any two clocks.
///
/// Always folded from the episode's events: no tables hold it.
public struct AttendanceQuery: Sendable {
    /// Days and weeks in the ledger's zone.
    public let calendar: LocalCalendar
    /// Below how many hours a week is flagged, and when it begins.
    public let settings: AttendanceSettings
    private let histories: HistoryFold

    /// The attendance of one ledger's episodes.
    ///
    /// - Throws: an error that names the ledger's zone where this machine does not know it.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        settings: AttendanceSettings = AttendanceSettings()
    ) throws {
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
        self.settings = settings
        histories = HistoryFold(database, ledger: ledger)
    }

    /// The attendance of one episode.
    ///
    /// - Parameters:
    ///   - episode: whose.
    ///   - effectiveAt: only what happened up to then takes part; not after now.
    ///   - knowledge: nil for all that is known.
    ///   - through: the position up to which events take part; nil for the head.
    /// - Throws: `LedgerError.unknownEpisode` where nothing is recorded of it, ``AttendanceError``.
    public func episode(
        _ episode: EpisodeID,
        effectiveAt: Instant,
        knowledge: Knowledge? = nil,
        through: Position? = nil
    ) async throws -> (EpisodeAttendance, ReadModelBasis) {
        let fold = fold(effectiveAt: effectiveAt)
        var (found, basis) = try await histories.run(
            of: [episode],
            known: knowledge,
            through: through
        ) {
            Found(attendance: try fold($0, $1))
        }
        guard basis.parked.isEmpty else { throw AttendanceError.unreadable(episode) }
        guard let found = found.first else { throw LedgerError.unknownEpisode(episode) }
        guard let attendance = found.attendance else {
            throw AttendanceError.notAdmitted(episode, effectiveAt: effectiveAt)
        }
        basis.settings = attendance.settings
        return (attendance, basis)
    }

    /// An episode's part of the answer: what a comparison of two knowledge times folds.
    ///
    /// - Parameter effectiveAt: only what happened up to then takes part.
    public func fold(
        effectiveAt: Instant
    ) -> @Sendable (EpisodeID, EffectiveHistory) throws -> EpisodeAttendance? {
        { [calendar, settings] _, history in
            try EpisodeAttendance.fold(
                history,
                effectiveAt: effectiveAt,
                calendar: calendar,
                settings: settings
            )
        }
    }

    /// An episode of which something is recorded.
    private struct Found: Sendable {
        /// Nil without an admission.
        let attendance: EpisodeAttendance?
    }
}

/// Why there is no attendance to tell.
public enum AttendanceError: Error, Equatable, CustomStringConvertible {
    /// Events of the episode are recorded, but no admission up to this time is known and in force.
    case notAdmitted(EpisodeID, effectiveAt: Instant)
    /// A recorded event of the episode cannot be read.
    case unreadable(EpisodeID)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .notAdmitted(let episode, _):
            "no admission of episode \(episode) is known and in force at the times asked for; "
                + "`episode-ledger replay` shows what is recorded"
        case .unreadable(let episode):
            "a recorded event of episode \(episode) cannot be read by this program: use a newer "
                + "one, or see `episode-ledger replay`"
        }
    }
}
