public import CareEpisode
import Ledger
public import ProjectionRuntime

extension CensusQuery {
    /// Which episodes are wanted of a list.
    public struct EpisodeFilter: Sendable {
        /// Only this client's.
        public var clientID: String?
        /// Only open ones, or only ended ones.
        public var isOpen: Bool?
        /// Only those with a stay in this program.
        public var program: String?
    }
}

/// Episodes as they stood at a time, by admission.
public struct EpisodeList: Sendable {
    /// Those that were wanted.
    public let episodes: [EpisodeCensus]
    /// Which episodes overlap another one of the same client.
    public let overlapping: Set<EpisodeID>

    /// Puts a list together.
    ///
    /// - Parameters:
    ///   - models: every episode, since overlaps are between a client's episodes.
    ///   - filter: which are wanted.
    ///   - effectiveAt: only what happened up to then takes part.
    public init(
        _ models: [EpisodeCensus],
        _ filter: CensusQuery.EpisodeFilter,
        effectiveAt: Instant
    ) {
        let models = models.compactMap { $0.cut(effectiveAt) }
        overlapping = Self.overlapping(models)
        episodes = models.filter { model in
            (filter.clientID.map { $0 == model.clientID } ?? true)
                && (filter.isOpen.map { $0 == (model.end == nil) } ?? true)
                && (filter.program.map { program in
                    model.stays.contains { $0.program == program }
                } ?? true)
        }.sorted { ($0.admittedAt, $0.episodeID) < ($1.admittedAt, $1.episodeID) }
    }

    /// Episodes of one client that overlap.
    static func overlapping(_ models: [EpisodeCensus]) -> Set<EpisodeID> {
        var found: Set<EpisodeID> = []
        for episodes in Dictionary(grouping: models, by: \.clientID).values where episodes.count > 1
        {
            let ordered = episodes.sorted {
                ($0.admittedAt, $0.episodeID) < ($1.admittedAt, $1.episodeID)
            }
            var longest = ordered[0]
            for episode in ordered.dropFirst() {
                if longest.end.map({ $0.at > episode.admittedAt }) ?? true {
                    found.formUnion([longest.episodeID, episode.episodeID])
                }
                let endsLater = longest.end.map { end in
                    episode.end.map { $0.at > end.at } ?? true
                }
                if endsLater ?? false { longest = episode }
            }
        }
        return found
    }

    /// Named by episode.
    ///
    /// Without the mark of overlaps, which one episode's events alone do not explain.
    public var items: [AnswerItem] {
        episodes.map { AnswerItem("episodes/\($0.episodeID)", $0.json) }
    }
}

extension EpisodeList: AnswerValue {
    /// The answer of `episodes`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .ledger, .position, .lag, .knownAt, .knownBy,
        .init("episodes", \.value.lines),
        .parked,
    ]

    /// A line for each episode, without its stays.
    var table: CSVTable {
        CSVTable(
            lines,
            EpisodeCensus.head.filter { $0.name != "stays" }.map { $0.lifted(\Line.episode) } + [
                JSONField("overlapping_episode", \.isOverlapping),
                JSONField("flags") { $0.episode.flags.map(\.flag) },
            ]
        )
    }

    private var lines: [Line] {
        episodes.map { Line(episode: $0, isOverlapping: overlapping.contains($0.episodeID)) }
    }

    /// One episode of the list.
    private struct Line: JSONObject {
        let episode: EpisodeCensus
        let isOverlapping: Bool

        static let fields =
            EpisodeCensus.head.map { $0.lifted(\Self.episode) } + [
                JSONField("overlapping_episode", \.isOverlapping),
                JSONField("flags", \.episode.flags),
            ]
    }
}
