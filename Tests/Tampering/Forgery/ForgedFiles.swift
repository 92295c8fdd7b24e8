import Foundation
import TestSupport
import TransparencyLog

/// The files of a packet or an export by their names, and what can be forged in both alike.
protocol ForgedFiles {
    /// The bytes of a file; none where it is not there.
    subscript(name: String) -> [UInt8] { get set }
}

extension ForgedFiles {
    /// The lines of a file.
    func lines(_ name: String) -> [[UInt8]] {
        self[name].split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
            .map(Array.init)
    }

    /// Replaces the lines of a file.
    mutating func setLines(_ name: String, _ lines: [[UInt8]]) {
        self[name] = lines.flatMap { $0 + [0x0A] }
    }

    /// Swaps two lines that follow each other.
    mutating func swapLines(_ name: String, _ random: inout SeededRandom) -> Bool {
        var lines = lines(name)
        guard lines.count > 1 else { return false }
        let place = Int.random(in: 0..<lines.count - 1, using: &random)
        lines.swapAt(place, place + 1)
        setLines(name, lines)
        return true
    }

    /// Replaces a part of a text in a file, where it occurs.
    mutating func replace(_ name: String, _ from: String, _ to: String) -> Bool {
        let text = String(decoding: self[name], as: UTF8.self)
        guard text.contains(from) else { return false }
        self[name] = Array(text.replacing(from, with: to, maxReplacements: 1).utf8)
        return true
    }

    /// Changes a bit of a file.
    mutating func flip(_ name: String, _ random: inout SeededRandom) {
        let place = Int.random(in: 0..<max(1, self[name].count), using: &random)
        self[name][place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }

    // MARK: - What is signed

    /// The name of the log.
    var origin: String {
        String(decoding: self["checkpoint"], as: UTF8.self)
            .split(separator: "\n").first.map(String.init) ?? ""
    }

    /// A key of somebody else under the name of the log.
    var foreignKey: NoteSigningKey { NoteSigningKey(generatedFor: origin) }

    /// Puts keys of somebody else into the list, in front of the own ones or in their place.
    mutating func forgeKeys(_ random: inout SeededRandom) {
        let key = foreignKey.verifierKey
        let own = String(decoding: self["verifier-keys"], as: UTF8.self)
        let lists = ["\(key)\n", "\(key)\n\(own)", own + own, "nothing\n", ""]
        self["verifier-keys"] = Array((lists.randomElement(using: &random) ?? "").utf8)
    }

    /// Lets the checkpoint say something else, below the same signature.
    mutating func forgeCheckpoint(_ random: inout SeededRandom) {
        var lines = String(decoding: self["checkpoint"], as: UTF8.self)
            .components(separatedBy: "\n")
        switch Int.random(in: 0..<4, using: &random) {
        case 0: lines[0] += "2"
        case 1:
            let sizes = [
                "1", "0", "9223372036854775807", "1000000000000", "+\(lines[1])", "0\(lines[1])",
            ]
            lines[1] = sizes.randomElement(using: &random) ?? ""
        case 2: lines[2] = TreeHash.leaf([UInt8.random(in: 0...255, using: &random)]).description
        default: lines.insert("one line more", at: 3)
        }
        self["checkpoint"] = Array(lines.joined(separator: "\n").utf8)
    }

    /// Signs what the checkpoint says, or something else, by a key of somebody else.
    mutating func signAnew(_ change: (String) -> String = { $0 }) -> Bool {
        let key = foreignKey
        guard
            let note = try? SignedNote(
                parsing: String(decoding: self["checkpoint"], as: UTF8.self)
            ),
            let signed = try? SignedNote(change(note.text), signedBy: [key])
        else { return false }
        self["checkpoint"] = Array(signed.description.utf8)
        self["verifier-keys"] = Array("\(key.verifierKey)\n".utf8)
        return true
    }

    /// Adds a signature of somebody else, under another name, and its key.
    mutating func countersign(_ random: inout SeededRandom) -> Bool {
        let names = ["elsewhere.org/clinic", "\(origin)/2", "\u{212A}"]
        let key = NoteSigningKey(generatedFor: names.randomElement(using: &random) ?? "")
        guard
            let note = try? SignedNote(
                parsing: String(decoding: self["checkpoint"], as: UTF8.self)
            ),
            let signed = try? SignedNote(note.text, signedBy: [key])
        else { return false }
        let both = SignedNote(text: note.text, signatures: note.signatures + signed.signatures)
        self["checkpoint"] = Array(both.description.utf8)
        self["verifier-keys"] += Array("\(key.verifierKey)\n".utf8)
        return true
    }
}

/// The text that declares a restore.
func forgedDeclaration(
    of ended: String,
    size: Int64,
    root: TreeHash,
    kept: (size: Int64, root: TreeHash),
    begun: NoteVerifierKey
) -> String {
    """
    episode-ledger restore declaration 1
    ended \(ended) \(size) \(root)
    kept \(kept.size) \(kept.root)
    restored \(kept.size)
    begun \(begun)
    declared 2026-05-03T12:00:00.000000Z
    reason a fire

    """
}
