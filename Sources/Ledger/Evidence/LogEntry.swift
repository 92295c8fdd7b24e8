import CareEpisode
import TransparencyLog

/// The 112 bytes of an entry, read: version, position and time are ones that a ledger can have.
struct LogEntry {
    let eventID: EventID
    let episodeID: EpisodeID
    let version: Version
    let position: Position
    let recordedAt: Instant
    let bytes: ArraySlice<UInt8>

    /// The versions and positions there are: what every reader of JSON reads exactly.
    static let numbers: ClosedRange<Int64> = 1...TreeCheckpoint.sizeLimit
    /// The times that RFC 3339 can write, in microseconds since 1970: the years 0001 to 9999.
    static let times: Range<Int64> = -62_135_596_800_000_000..<253_402_300_800_000_000

    /// - Parameter mark: what entries of the tree begin with.
    init?(_ bytes: ArraySlice<UInt8>, mark: [UInt8] = Evidence.entryMark) {
        guard bytes.count == Evidence.entryLength, bytes.starts(with: mark) else { return nil }
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
        guard parsed.2.3 == 0,
            Self.numbers.contains(Int64(bitPattern: parsed.2.0)),
            Self.numbers.contains(Int64(bitPattern: parsed.2.1)),
            Self.times.contains(Int64(bitPattern: parsed.2.2))
        else { return nil }
        eventID = EventID(bits: parsed.0)
        episodeID = EpisodeID(bits: parsed.1)
        version = Version(Int64(bitPattern: parsed.2.0))
        position = Position(Int64(bitPattern: parsed.2.1))
        recordedAt = Instant(microseconds: Int64(bitPattern: parsed.2.2))
        self.bytes = bytes
    }
}
