import CareEpisode
import TransparencyLog

extension EpisodePacket {
    /// How to check the packet without this program: `VERIFY.md`, with what it says of this packet.
    var instructions: String {
        let tree = checkpoint.checkpoint
        // The origin comes last: it alone may be any text.
        let values = [
            ("{EPISODE}", events.first?.episodeID.description ?? ""),
            ("{LEDGER}", ledger.name.description),
            ("{VERSIONS}", "\(events.last?.version.rawValue ?? 0)"),
            ("{SIZE}", "\(tree.size)"),
            ("{ORIGIN}", tree.origin),
        ]
        return values.reduce(EmbeddedText.text("Export/VERIFY.md")) { text, value in
            text.replacing(value.0, with: value.1)
        }
    }

    /// The verifier that comes along: standard library and `openssl` alone.
    static var script: String { EmbeddedText.text("Export/verify.py") }
}
