/// A text with signatures: a C2SP signed note.
///
/// The text ends with a newline; then come an empty line and the signatures, one a line:
/// `— <key name> <base64 of the key's hash and the signature>`.
public struct SignedNote: Hashable, Sendable {
    /// One line below the text.
    public struct Signature: Hashable, Sendable {
        /// Who signed.
        public let name: String
        /// The first bytes of the key's hash, which tell keys of one name apart.
        public let keyHash: UInt32
        /// The signature itself.
        public let bytes: [UInt8]

        /// Whether two signatures are the same, their names byte for byte.
        public static func == (left: Signature, right: Signature) -> Bool {
            left.keyHash == right.keyHash && left.bytes == right.bytes
                && left.name.hasSameBytes(as: right.name)
        }

        /// Whether it says that it is a key's.
        func names(_ key: NoteVerifierKey) -> Bool {
            keyHash == key.hash && name.hasSameBytes(as: key.name)
        }
    }

    /// What is signed, with the newline at its end.
    public let text: String
    /// The signatures, in order; also those of keys nobody here knows.
    public let signatures: [Signature]

    /// The most signatures that are read.
    public static let signatureLimit = 16
    /// The longest note that is read, in bytes.
    public static let lengthLimit = 65_536

    /// A text and its signatures.
    public init(text: String, signatures: [Signature]) {
        self.text = text
        self.signatures = signatures
    }

    /// Signs a text, which ends with a newline and holds no other control characters.
    public init(_ text: String, signedBy keys: [NoteSigningKey]) throws {
        precondition(text.hasSuffix("\n") && !keys.isEmpty)
        self.text = text
        signatures = try keys.map { try $0.sign(text) }
    }

    /// Reads a note.
    ///
    /// - Throws: ``NoteError/malformed(_:)``.
    public init(parsing note: String) throws(NoteError) {
        guard note.utf8.count <= Self.lengthLimit else { throw .malformed("it is too long") }
        guard !note.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" }) else {
            throw .malformed("it holds control characters")
        }
        // By bytes: a space is one also where a mark follows that goes on top of it.
        let lines = note.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
        // The last empty line but the end divides text and signatures.
        guard lines.last?.isEmpty == true,
            let divider = lines.dropLast().lastIndex(where: \.isEmpty), divider > 0
        else { throw .malformed("there are no signatures below an empty line") }
        text = String(note[..<lines[divider].startIndex])
        let signed = lines[(divider + 1)...].dropLast()
        guard !signed.isEmpty, signed.count <= Self.signatureLimit else {
            throw .malformed("it has no signatures, or more than \(Self.signatureLimit)")
        }
        var signatures: [Signature] = []
        for line in signed {
            let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].elementsEqual("—".utf8), !parts[1].isEmpty,
                let bytes = Base64.decode(utf8: parts[2]), bytes.count > 4
            else { throw .malformed("a line below the text is no signature") }
            signatures.append(
                Signature(
                    name: String(Substring(parts[1])),
                    keyHash: bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) },
                    bytes: Array(bytes.dropFirst(4))
                )
            )
        }
        self.signatures = signatures
    }

    /// Whether two notes are the same, byte for byte.
    public static func == (left: SignedNote, right: SignedNote) -> Bool {
        left.text.hasSameBytes(as: right.text) && left.signatures == right.signatures
    }

    /// The note as it is kept and handed on.
    public var description: String {
        let lines = signatures.map { signature in
            let hash = (0..<4).map { UInt8(truncatingIfNeeded: signature.keyHash >> (24 - 8 * $0)) }
            return "— \(signature.name) \(Base64.encode(hash + signature.bytes))\n"
        }
        return text + "\n" + lines.joined()
    }

    /// The keys, of those given, that have signed; a wrong signature counts as none.
    public func signers(among keys: some Sequence<NoteVerifierKey>) -> [NoteVerifierKey] {
        keys.filter { key in
            signatures.contains { $0.names(key) && key.verifies($0.bytes, text) }
        }
    }

    /// The keys, of those given, whose signatures stand below the text.
    ///
    /// - Throws: ``NoteError/wrongSignature(_:)`` where a signature names one of the keys and is not
    ///   that key's: such a note is worth nothing, whoever else signed it.
    public func verified(by keys: [NoteVerifierKey]) throws(NoteError) -> [NoteVerifierKey] {
        var verified: [NoteVerifierKey] = []
        for signature in signatures {
            for key in keys where signature.names(key) {
                guard key.verifies(signature.bytes, text) else {
                    throw .wrongSignature(key.description)
                }
                if !verified.contains(key) { verified.append(key) }
            }
        }
        return verified
    }
}

/// Why a note cannot be relied on.
public enum NoteError: Error, Hashable, CustomStringConvertible {
    /// The bytes are not a signed note, for this reason.
    case malformed(String)
    /// The text is not a checkpoint, for this reason.
    case notACheckpoint(String)
    /// The text is not a key, for this reason.
    case notAKey(String)
    /// A signature that names this key is not that key's.
    case wrongSignature(String)
    /// None of the known keys has signed.
    case notSigned(String)

    /// What is wrong.
    public var description: String {
        switch self {
        case .malformed(let reason): "not a signed note: \(reason)"
        case .notACheckpoint(let reason): "not a checkpoint: \(reason)"
        case .notAKey(let reason): "not a key of signed notes: \(reason)"
        case .wrongSignature(let key): "the signature of the key \(key) is wrong"
        case .notSigned(let name): "no known key of \(name) has signed it"
        }
    }
}
