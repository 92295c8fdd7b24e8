public import CareEpisode
public import TransparencyLog

/// The signed statement that a ledger was restored from a backup and goes on as a new log.
///
/// A log that has signed a checkpoint never signs another history. After a restore that lost events,
/// the ledger therefore begins a new log, with an origin and a key of its own, and says so: what was
/// signed last, what is left of it, and why. The old keys sign the statement, and so does the new one.
public struct RestoreDeclaration: Hashable, Sendable {
    /// The first line of the text, which no checkpoint has.
    static let title = "episode-ledger restore declaration 1"

    /// The newest checkpoint of the log that ends.
    public let last: TreeCheckpoint
    /// The newest checkpoint of that log that the restored ledger still leads to; of size 0 where it
    /// leads to none.
    public let kept: TreeCheckpoint
    /// The key of the log that begins; its name is the new origin.
    public let key: NoteVerifierKey
    /// How many events the restored ledger held.
    public let head: Int64
    /// When it was declared, by the database server's clock.
    public let declaredAt: Instant
    /// Why, in one line, as the operator said it.
    public let reason: String

    /// The text that is signed.
    public var text: String {
        """
        \(Self.title)
        ended \(last.origin) \(last.size) \(last.root)
        kept \(kept.size) \(kept.root)
        restored \(head)
        begun \(key)
        declared \(declaredAt)
        reason \(reason)

        """
    }
}

extension RestoreDeclaration {
    /// Reads the text of a note; nil where it is no declaration.
    public init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let names = ["ended", "kept", "restored", "begun", "declared", "reason"]
        guard lines.count == names.count + 2, lines[0] == Self.title, lines.last == "" else {
            return nil
        }
        var values: [Substring] = []
        for (line, name) in zip(lines.dropFirst(), names) {
            guard line.hasPrefix(name + " ") else { return nil }
            values.append(line.dropFirst(name.count + 1))
        }
        let ended = values[0].split(separator: " ")
        let kept = values[1].split(separator: " ")
        guard ended.count == 3, kept.count == 2,
            let last = try? TreeCheckpoint(text: "\(ended[0])\n\(ended[1])\n\(ended[2])\n"),
            let begin = try? TreeCheckpoint(text: "\(ended[0])\n\(kept[0])\n\(kept[1])\n"),
            let head = Int64(values[2]), (0...TreeCheckpoint.sizeLimit).contains(head),
            let key = try? NoteVerifierKey(values[3]),
            let declaredAt = Instant(rfc3339: values[4])
        else { return nil }
        let declaration = RestoreDeclaration(
            last: last,
            kept: begin,
            key: key,
            head: head,
            declaredAt: declaredAt,
            reason: String(values[5])
        )
        // There is one way to write it.
        guard declaration.text.hasSameBytes(as: text) else { return nil }
        self = declaration
    }
}
