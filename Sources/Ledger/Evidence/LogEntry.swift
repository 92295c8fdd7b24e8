import CareEpisode

/// The 112 bytes of an entry, read.
struct LogEntry {
    let eventID: EventID
    let episodeID: EpisodeID
    let version: Version
    let position: Position
    let recordedAt: Instant
    let bytes: ArraySlice<UInt8>

    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == Evidence.entryLength, bytes.starts(with: Evidence.entryMark) else {
            return nil
        }
        let parsed = bytes.withUnsafeBytes { buffer in
            func word(_ offset: Int) -> UInt64 {
                UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            return (
                UInt128(word(16)) << 64 | UInt128(word(24)),
                UInt128(word(32)) << 64 | UInt128(word(40)),
                (word(48), word(56), word(64), word(72))
            )
        }
        guard parsed.2.3 == 0 else { return nil }
        eventID = EventID(bits: parsed.0)
        episodeID = EpisodeID(bits: parsed.1)
        version = Version(Int64(bitPattern: parsed.2.0))
        position = Position(Int64(bitPattern: parsed.2.1))
        recordedAt = Instant(microseconds: Int64(bitPattern: parsed.2.2))
        self.bytes = bytes
    }
}
