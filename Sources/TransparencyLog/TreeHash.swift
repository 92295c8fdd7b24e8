public import Crypto

/// A SHA-256 value in a Merkle tree: the hash of a leaf, of an inner node, or a root.
///
/// The hashes are those of RFC 6962, section 2.1: leaves and nodes begin with different bytes, so
/// that neither can be passed off as the other.
public struct TreeHash: Hashable, Sendable {
    /// The 32 bytes, as they lie in memory.
    ///
    /// Not a SIMD vector: with one, whose alignment is 32 bytes, frames of async functions were seen
    /// to break (Swift 6.3, debug: "freed pointer was not the last allocation").
    private let first, second, third, fourth: UInt64

    private typealias Words = (UInt64, UInt64, UInt64, UInt64)

    /// How many bytes a hash has.
    public static let length = 32

    private init(words: Words) {
        (first, second, third, fourth) = words
    }

    private var words: Words { (first, second, third, fourth) }

    /// The hash with these bytes; nil unless there are 32.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.length else { return nil }
        var words: Words = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
        self.init(words: words)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        withUnsafeBytes(of: words) { Array($0) }
    }

    /// A digest as a hash of the tree.
    public init(_ digest: SHA256Digest) {
        self.init(words: digest.withUnsafeBytes { $0.loadUnaligned(as: Words.self) })
    }

    /// The root of a tree without leaves: `SHA-256("")`.
    public static let ofEmptyTree = TreeHash(SHA256.hash(data: [UInt8]()))

    /// `SHA-256(0x00 ‖ entry)`.
    public static func leaf(_ entry: some Collection<UInt8>) -> TreeHash {
        withUnsafeTemporaryAllocation(byteCount: 1 + entry.count, alignment: 8) { buffer in
            buffer[0] = 0
            UnsafeMutableRawBufferPointer(rebasing: buffer[1...]).copyBytes(from: entry)
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return TreeHash(hash.finalize())
        }
    }

    /// `SHA-256(0x01 ‖ left ‖ right)`.
    public static func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
            buffer[0] = 1
            buffer.storeBytes(of: left.words, toByteOffset: 1, as: Words.self)
            buffer.storeBytes(of: right.words, toByteOffset: 33, as: Words.self)
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
            return TreeHash(hash.finalize())
        }
    }

    /// The hashes that lie one after the other in these bytes; nil where they do not fill them.
    public static func list(_ bytes: some Collection<UInt8>) -> [TreeHash]? {
        guard bytes.count.isMultiple(of: length) else { return nil }
        let bytes = Array(bytes)
        return stride(from: 0, to: bytes.count, by: length).compactMap {
            TreeHash(bytes[$0..<$0 + length])
        }
    }

    /// The bytes of hashes, one after the other.
    public static func bytes(of hashes: some Sequence<TreeHash>) -> [UInt8] {
        var bytes: [UInt8] = []
        for hash in hashes { withUnsafeBytes(of: hash.words) { bytes += $0 } }
        return bytes
    }
}

extension TreeHash: CustomStringConvertible {
    /// The hash in base64, as checkpoints and proofs write it.
    public var description: String { Base64.encode(bytes) }
}
