import TransparencyLog

/// What an export and a packet begin with: the signed checkpoint, and the keys that lie beside it.
struct SignedFiles {
    /// The checkpoint, signed by a key that counts.
    let checkpoint: TreeCheckpoint
    /// The keys that count: those that somebody pinned; without any, those in the file.
    let keys: [NoteVerifierKey]

    /// Reads both files; nil where the checkpoint is signed by no key that counts, which is told.
    ///
    /// - Parameters:
    ///   - note: the file `checkpoint`.
    ///   - list: the file `verifier-keys`.
    ///   - place: what they lie in, for people.
    ///   - pinned: the keys that somebody has from elsewhere.
    init?(
        checkpoint note: [UInt8],
        verifierKeys list: [UInt8],
        in place: String,
        pinned: [NoteVerifierKey],
        _ report: inout VerificationReport
    ) {
        do {
            let signed = try SignedCheckpoint(parsing: String(decoding: note, as: UTF8.self))
            report.checkpoints = 1
            report.newest = signed.checkpoint
            guard signed.note.description.utf8.elementsEqual(note) else {
                throw NoteError.malformed("it is not written as one")
            }
            let listed = try Self.keys(list, signersOf: signed)
            keys = pinned.isEmpty ? listed : pinned
            report.signers = try signed.verified(by: keys)
            checkpoint = signed.checkpoint
        } catch {
            report.add(.checkpoint("the checkpoint: \(error)"))
            return nil
        }
        if pinned.isEmpty {
            report.add(
                notice:
                    "the key is the one in the \(place): give --verifier-key, got in another way. "
                    + "Whoever made the \(place) could have made the key too"
            )
        } else {
            report.vouchers.append(.verifierKey)
        }
    }

    /// The keys of the file: a line each, none twice, those in front that signed the checkpoint.
    private static func keys(
        _ list: [UInt8],
        signersOf signed: SignedCheckpoint
    ) throws(NoteError) -> [NoteVerifierKey] {
        let file = ExportFolder.verifierKeys
        guard list.count <= SignedNote.lengthLimit else {
            throw .notAKey("\(file) is too long")
        }
        var keys: [NoteVerifierKey] = []
        for line in String(decoding: list, as: UTF8.self).split(separator: "\n") {
            keys.append(try NoteVerifierKey(line))
        }
        guard keys.map({ "\($0)\n" }).joined().utf8.elementsEqual(list),
            Set(keys).count == keys.count
        else { throw .notAKey("\(file) is not a key a line, each once") }
        // By hand, the first key is that of the first signature.
        let signers = try signed.verified(by: keys)
        guard signers.count == signed.note.signatures.count, keys.starts(with: signers) else {
            throw .notAKey("\(file) does not begin with the keys that signed the checkpoint")
        }
        return keys
    }
}
