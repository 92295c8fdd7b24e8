import CareEpisode
import Markup

/// Episodes that could not be read: what a list says of them may be wrong.
enum Parked {
    /// What stands beside the client of such an episode; nothing of any other.
    static func chip(_ episode: EpisodeID, _ parked: Set<EpisodeID>) -> [HTML] {
        guard parked.contains(episode) else { return [] }
        return [.text(" "), .tag("span", ["class": "chip stop"], text: "may be wrong")]
    }
}
