import CareEpisode
import ProjectionRuntime

/// An event that says, or changes, when an episode began or ended, in `census_life_cycle`.
struct CensusLifeCycleRow: ProjectionRow {
    static let table = ProjectionTable("census_life_cycle", of: Self.self, isInsertOnly: true)

    var episodeID = EpisodeID(bits: 0)
    var position = Int64(0)
    var type = EventType.admitted
    /// As the event says, not as corrected.
    var occurredAt = Instant(microseconds: 0)
    var knownAt = Instant(microseconds: 0)
    var recordedAt = Instant(microseconds: 0)

    init() {}

    init(_ episode: EpisodeID, _ event: HistoryEvent) {
        episodeID = episode
        position = event.position.rawValue
        type = event.type
        occurredAt = event.occurredAt
        knownAt = event.knownAt
        recordedAt = event.recordedAt
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column("position", &position)
        try column.code("type", &type)
        try column("occurred_at", &occurredAt)
        try column("known_at", &knownAt)
        try column("recorded_at", &recordedAt)
    }
}
