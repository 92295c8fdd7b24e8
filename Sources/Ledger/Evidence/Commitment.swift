import Crypto

/// The bytes that make an event's place in the record provable (RFC 6962 leaves over entries that
/// hold no health information).
public enum Evidence {
    /// Random bytes of each event, which keep small payloads from being guessed.
    public static let nonceLength = 32

    /// `SHA-256(SHA-256(nonce[0..<16] ‖ header) ‖ SHA-256(nonce[16..<32] ‖ payload))`.
    ///
    /// Two inner digests, so that a payload can one day be erased with the second half of its
    /// nonce while header and proofs stay verifiable.
    ///
    /// - Parameter nonce: ``nonceLength`` bytes.
    public static func commitment(
        nonce: ArraySlice<UInt8>,
        header: [UInt8],
        payload: [UInt8]
    ) -> [UInt8] {
        precondition(nonce.count == nonceLength)
        var headerHash = SHA256()
        headerHash.update(data: nonce.prefix(16))
        headerHash.update(data: header)
        var payloadHash = SHA256()
        payloadHash.update(data: nonce.suffix(16))
        payloadHash.update(data: payload)
        var both = SHA256()
        headerHash.finalize().withUnsafeBytes { both.update(bufferPointer: $0) }
        payloadHash.finalize().withUnsafeBytes { both.update(bufferPointer: $0) }
        return Array(both.finalize())
    }

    /// What every entry begins with.
    static let entryMark = Array("episode-ledger1\n".utf8)
    /// What every entry of the access log's tree begins with.
    static let accessMark = Array("episode-access1\n".utf8)
    /// How many bytes an entry has.
    public static let entryLength = 112
}
