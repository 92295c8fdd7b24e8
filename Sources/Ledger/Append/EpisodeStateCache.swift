import CareEpisode

/// Recent episode states by episode, bounded by the number of events they stand for.
///
/// Two generations: what has not been used while one generation filled up is forgotten with the
/// next. Look-up and insertion take constant time, and no order of use is kept.
struct EpisodeStateCache {
    private var young: [EpisodeID: KnownState] = [:]
    private var old: [EpisodeID: KnownState] = [:]
    private var youngEvents = 0
    private let generationLimit: Int

    /// - Parameter eventLimit: how many events the cached episodes may have together.
    init(eventLimit: Int) {
        generationLimit = max(1, eventLimit / 2)
    }

    subscript(episode: EpisodeID) -> KnownState? {
        mutating get {
            if let known = young[episode] { return known }
            guard let known = old.removeValue(forKey: episode) else { return nil }
            self[episode] = known
            return known
        }
        set {
            old[episode] = nil
            youngEvents -= young[episode].map(Self.weight) ?? 0
            young[episode] = newValue
            youngEvents += newValue.map(Self.weight) ?? 0
            if youngEvents > generationLimit {
                old = young
                young = [:]
                youngEvents = 0
            }
        }
    }

    private static func weight(_ known: KnownState) -> Int { known.state.eventCount + 1 }
}
