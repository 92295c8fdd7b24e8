package import CareEpisode

extension AccessDecision {
    /// The most episodes that an entry names.
    package static let foundLimit = 50

    /// What an entry says of the episodes that a search has found; those beyond ``foundLimit`` are
    /// counted.
    package static func told(found episodes: [EpisodeID]) -> String {
        guard !episodes.isEmpty else { return "found none" }
        let named = episodes.prefix(foundLimit).map(\.description).joined(separator: " ")
        let others = episodes.count - foundLimit
        return others > 0 ? "found \(named) and \(others) others" : "found \(named)"
    }
}
