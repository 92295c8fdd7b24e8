/// The writer's own id of an event: the idempotency key within a ledger.
public struct EventID: UniqueIdentifier {
    /// The 128 bits, the first byte the most significant.
    public let bits: UInt128
    /// The identifier with these bits.
    public init(bits: UInt128) { self.bits = bits }
}

/// One client's stay with one organization: the stream its events are versions of.
public struct EpisodeID: UniqueIdentifier {
    /// The 128 bits, the first byte the most significant.
    public let bits: UInt128
    /// The identifier with these bits.
    public init(bits: UInt128) { self.bits = bits }
}

/// The id of a request, or of the event that caused another.
public struct CorrelationID: UniqueIdentifier {
    /// The 128 bits, the first byte the most significant.
    public let bits: UInt128
    /// The identifier with these bits.
    public init(bits: UInt128) { self.bits = bits }
}
