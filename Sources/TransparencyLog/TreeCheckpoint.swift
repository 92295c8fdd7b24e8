/// What a log says of itself at one moment: how many leaves its tree has, and the tree's root.
///
/// The text of a C2SP tlog-checkpoint: origin, size and root, a line each.
public struct TreeCheckpoint: Hashable, Sendable {
    /// The log's name.
    public let origin: String
    /// The number of leaves.
    public let size: Int64
    /// The root of the tree of that size.
    public let root: TreeHash

    /// The greatest size that is read: what every reader of JSON reads exactly.
    public static let sizeLimit: Int64 = 1 << 53

    /// A checkpoint that nobody has signed yet.
    public init(origin: String, size: Int64, root: TreeHash) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Whether two say the same, of a log whose name is the same byte for byte.
    public static func == (left: TreeCheckpoint, right: TreeCheckpoint) -> Bool {
        left.size == right.size && left.root == right.root
            && left.origin.hasSameBytes(as: right.origin)
    }

    /// The text that is signed.
    public var text: String { "\(origin)\n\(size)\n\(root)\n" }

    /// Reads the text of a note; lines after the third are extensions and left unread.
    public init(text: String) throws(NoteError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines.last == "", lines.dropLast().allSatisfy({ !$0.isEmpty })
        else {
            throw .notACheckpoint("it has fewer than three lines, or an empty one")
        }
        guard let size = Int64(lines[1]), (0...Self.sizeLimit).contains(size),
            String(size) == lines[1]
        else {
            throw .notACheckpoint("its second line is not a size")
        }
        guard let root = Base64.decode(lines[2]).flatMap({ TreeHash($0) }) else {
            throw .notACheckpoint("its third line is not a root in base64")
        }
        self.init(origin: String(lines[0]), size: size, root: root)
    }
}

/// A checkpoint and the note that it came in.
public struct SignedCheckpoint: Hashable, Sendable {
    /// What it says.
    public let checkpoint: TreeCheckpoint
    /// The text and its signatures.
    public let note: SignedNote

    /// Signs a checkpoint.
    public init(_ checkpoint: TreeCheckpoint, signedBy keys: [NoteSigningKey]) throws {
        self.checkpoint = checkpoint
        note = try SignedNote(checkpoint.text, signedBy: keys)
    }

    /// Reads a note, without asking who signed it.
    public init(parsing note: String) throws(NoteError) {
        self.note = try SignedNote(parsing: note)
        checkpoint = try TreeCheckpoint(text: self.note.text)
    }

    /// The keys that have signed.
    ///
    /// - Throws: ``NoteError/wrongSignature(_:)``, and ``NoteError/notSigned(_:)`` where none has.
    @discardableResult
    public func verified(by keys: [NoteVerifierKey]) throws(NoteError) -> [NoteVerifierKey] {
        let own = keys.filter { $0.name.hasSameBytes(as: checkpoint.origin) }
        let signers = try note.verified(by: own)
        guard !signers.isEmpty else { throw .notSigned(checkpoint.origin) }
        return signers
    }
}
