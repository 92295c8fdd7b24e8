import Crypto

/// A public key by which signed notes are verified: Ed25519, the algorithm 0x01 of C2SP signed-note.
public struct NoteVerifierKey: Hashable, Sendable, CustomStringConvertible {
    /// Who signs with it; of a log, its origin.
    public let name: String
    /// The first four bytes of `SHA-256(name ‖ "\n" ‖ 0x01 ‖ key)`, as a number.
    public let hash: UInt32
    /// The 32 bytes of the key.
    public let rawKey: [UInt8]

    /// A key of 32 bytes; nil for any other count, and for a name that cannot stand in a note.
    public init?(name: String, rawKey: [UInt8]) {
        guard rawKey.count == 32, Self.isName(name) else { return nil }
        self.name = name
        self.rawKey = rawKey
        hash = Self.hash(name, rawKey)
    }

    /// Reads `<name>+<hash, 8 hexadecimal digits>+<base64 of 0x01 and the key>`.
    public init(_ text: some StringProtocol) throws(NoteError) {
        // Base64 may hold a plus sign, a name may not.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64.decode(parts[2]), bytes.count == 33,
            bytes[0] == 1
        else { throw .notAKey("it is not NAME+HASH+KEY with an Ed25519 key") }
        guard let key = NoteVerifierKey(name: String(parts[0]), rawKey: Array(bytes.dropFirst()))
        else { throw .notAKey("its name cannot stand in a note") }
        guard key.hexadecimalHash == parts[1] else { throw .notAKey("its hash is not the key's") }
        self = key
    }

    /// Whether a name can stand in a note: not empty, no white space, no plus sign.
    public static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255
            && !name.unicodeScalars.contains {
                $0 == "+" || $0.value < 0x21 || $0.value == 0x7F || $0.properties.isWhitespace
            }
    }

    static func hash(_ name: String, _ rawKey: [UInt8]) -> UInt32 {
        let digest = SHA256.hash(data: Array(name.utf8) + [0x0A, 0x01] + rawKey)
        return digest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// ``hash`` as eight hexadecimal digits, as it stands in the key's text.
    public var hexadecimalHash: String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The key as it is published: `<name>+<hash>+<base64>`.
    public var description: String {
        "\(name)+\(hexadecimalHash)+\(Base64.encode([1] + rawKey))"
    }

    /// Whether two keys are the same, their names byte for byte.
    public static func == (left: NoteVerifierKey, right: NoteVerifierKey) -> Bool {
        left.rawKey == right.rawKey && left.name.hasSameBytes(as: right.name)
    }

    func verifies(_ signature: [UInt8], _ text: String) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: rawKey) else {
            return false
        }
        return key.isValidSignature(signature, for: Array(text.utf8))
    }
}

/// A private key that signs notes.
public struct NoteSigningKey: Sendable {
    /// Its public half.
    public let verifierKey: NoteVerifierKey
    private let seed: [UInt8]

    /// Makes a key from the operating system's random source.
    ///
    /// - Parameter name: who signs with it; must satisfy ``NoteVerifierKey/isName(_:)``.
    public init(generatedFor name: String) {
        self.init(name, Curve25519.Signing.PrivateKey())
    }

    private init(_ name: String, _ key: Curve25519.Signing.PrivateKey) {
        seed = Array(key.rawRepresentation)
        let rawKey = Array(key.publicKey.rawRepresentation)
        guard let verifier = NoteVerifierKey(name: name, rawKey: rawKey) else {
            preconditionFailure("\(name) cannot be the name of a key")
        }
        verifierKey = verifier
    }

    private static let prefix = "PRIVATE+KEY+"

    /// Reads `PRIVATE+KEY+<name>+<hash>+<base64 of 0x01 and the seed>`, the form in which Go's
    /// `sumdb/note` keeps keys.
    public init(_ text: some StringProtocol) throws(NoteError) {
        guard text.hasPrefix(Self.prefix) else {
            throw .notAKey("it does not begin with \(Self.prefix)")
        }
        let parts = text.dropFirst(Self.prefix.count)
            .split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64.decode(parts[2]), bytes.count == 33,
            bytes[0] == 1,
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes.dropFirst()),
            NoteVerifierKey.isName(String(parts[0]))
        else { throw .notAKey("it is not \(Self.prefix)NAME+HASH+SEED with an Ed25519 seed") }
        self.init(String(parts[0]), key)
        guard verifierKey.description.hasPrefix("\(parts[0])+\(parts[1])+") else {
            throw .notAKey("its hash is not the key's")
        }
    }

    /// The key as it is kept in a file that nobody else can read.
    public var secretDescription: String {
        let published = verifierKey.description.split(separator: "+", maxSplits: 2)
        return "\(Self.prefix)\(published[0])+\(published[1])+\(Base64.encode([1] + seed))"
    }

    func sign(_ text: String) throws -> SignedNote.Signature {
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        return SignedNote.Signature(
            name: verifierKey.name,
            keyHash: verifierKey.hash,
            bytes: Array(try key.signature(for: Array(text.utf8)))
        )
    }
}
