public import CareEpisode
public import Ledger
public import Postgres
public import ProjectionRuntime

/// The census: stays, lengths of stay, counted hours and flags of every episode.
public struct CensusProjection: EpisodeProjection {
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

    /// `census`.
    public var name: String { Self.name }

    /// Raised with every change of the fold or of the tables.
    public static let foldVersion = 1

    /// ``foldVersion``.
    public var foldVersion: Int { Self.foldVersion }

    /// Episodes and their stays.
    public var tables: [ProjectionTable] { Self.tables }

    static let episodeTable = ProjectionTable(
        name: "census_episode",
        columns: [
            "ledger_id", "episode_id", "client_id", "admitted_at", "ended_at", "end_reason",
            "last_contact_at", "length_of_stay_days", "session_at", "session_minutes",
            "flag", "flag_at", "flag_events",
        ],
        definition: EmbeddedSQL.text("Census/episode.sql"),
        keys: EmbeddedSQL.text("Census/episode_keys.sql")
    )

    static let stayTable = ProjectionTable(
        name: "census_stay",
        columns: [
            "ledger_id", "episode_id", "ordinal", "program", "track", "level_of_care", "from_at",
            "to_at", "start_reason", "end_reason",
        ],
        definition: EmbeddedSQL.text("Census/stay.sql"),
        keys: EmbeddedSQL.text("Census/stay_keys.sql")
    )

    private static let tables = [episodeTable, stayTable]

    /// Folds one episode; nil without a known, unretracted admission.
    public func fold(_ episode: EpisodeID, _ history: EffectiveHistory) throws -> EpisodeCensus? {
        try EpisodeCensus.fold(episode, history, calendar: calendar)
    }

    /// One row for the episode, one for each stay.
    public func encode(
        _ census: EpisodeCensus,
        ledger: LedgerID,
        into encoders: inout [BinaryCopyEncoder]
    ) {
        encodeEpisode(census, ledger, into: &encoders[0])
        for (ordinal, stay) in census.stays.enumerated() {
            encoders[1].row(columns: Self.stayTable.columns.count)
            encoders[1].append(ledger.rawValue)
            encoders[1].append(census.episodeID)
            encoders[1].append(Int32(ordinal + 1))
            encoders[1].append(stay.program)
            encoders[1].append(stay.track)
            encoders[1].append(stay.levelOfCare.rawValue)
            encoders[1].append(stay.from.microseconds)
            encoders[1].append(stay.to?.microseconds)
            encoders[1].append(stay.startReason.rawValue)
            encoders[1].append(stay.endReason?.rawValue)
        }
    }

    private func encodeEpisode(
        _ census: EpisodeCensus,
        _ ledger: LedgerID,
        into encoder: inout BinaryCopyEncoder
    ) {
        encoder.row(columns: Self.episodeTable.columns.count)
        encoder.append(ledger.rawValue)
        encoder.append(census.episodeID)
        encoder.append(census.clientID)
        encoder.append(census.admittedAt.microseconds)
        encoder.append(census.end?.at.microseconds)
        encoder.append(census.end?.reason.rawValue)
        encoder.append(census.end?.lastContactAt.microseconds)
        encoder.append(census.end.map { Int32($0.lengthOfStayDays) })
        encoder.append(census.sessions.map(\.start.microseconds))
        encoder.append(census.sessions.map { Int32($0.minutes) })
        encoder.append(census.flags.map(\.flag.rawValue))
        encoder.append(census.flags.map(\.at.microseconds))
        encoder.append(
            census.flags.map { $0.eventIDs.map(\.description).joined(separator: ",") }
        )
    }
}
