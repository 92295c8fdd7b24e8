extension EpisodePacket {
    /// How to check a packet without this program: `VERIFY.md`, the same in every packet, so that a
    /// verifier can compare it.
    static var instructions: String { EmbeddedText.text("Export/VERIFY.md") }

    /// The verifier that comes along, which needs Python and `openssl` alone.
    ///
    /// It too is the same in every packet: whoever does not trust the packet takes it from the release.
    static var script: String { EmbeddedText.text("Export/verify.py") }
}
