import CareEpisode
import TransparencyLog

/// The declared restores that count, and what they say of checkpoints of before.
struct DeclaredRestores {
    /// The declarations, the oldest first.
    let declarations: [RestoreDeclaration]

    /// Reads declarations, and tells each: of what counts, what was lost; of the rest, why it does not.
    ///
    /// - Parameters:
    ///   - notes: the signed notes, the oldest first.
    ///   - keys: the keys that count: one of the log that ended must be among them.
    ///   - isOwn: whether a log may be one of this ledger, by its origin.
    init(
        _ notes: [String],
        signedBy keys: [NoteVerifierKey],
        isOwn: (String) -> Bool,
        _ report: inout VerificationReport
    ) {
        var declarations: [RestoreDeclaration] = []
        for text in notes {
            guard let note = try? SignedNote(parsing: text),
                let declaration = RestoreDeclaration(text: note.text)
            else {
                report.add(.checkpoint("a declaration of a restore cannot be read"))
                continue
            }
            guard isOwn(declaration.last.origin), isOwn(declaration.key.name),
                declaration.isSigned(note, endedBy: keys)
            else {
                report.add(
                    .checkpoint(
                        "the declaration of a restore of \(declaration.last.origin) is not signed "
                            + "by a key that counts of the log that ended, and by that of the one "
                            + "that began"
                    )
                )
                continue
            }
            declarations.append(declaration)
            report.add(notice: declaration.notice)
        }
        self.declarations = declarations
    }

    /// Up to which size the checkpoints of an origin still hold: a declared restore, and each after
    /// it, may have lost what lies beyond; nil where none did.
    func keptSize(of origin: String) -> Int64? {
        var origin = origin
        var kept: Int64?
        // Each declaration once at most, whatever they say of each other.
        for _ in declarations {
            guard let next = declarations.first(where: { $0.ended(origin) }) else { break }
            kept = min(kept ?? .max, next.kept.size)
            origin = next.key.name
        }
        return kept
    }

    /// What is wrong with a checkpoint that covers what a restore lost; nil where none did.
    func loss(of checkpoint: TreeCheckpoint) -> EvidenceFault? {
        guard let kept = keptSize(of: checkpoint.origin), checkpoint.size > kept,
            let declaration = declarations.first(where: { $0.ended(checkpoint.origin) })
        else { return nil }
        return EvidenceFault(
            .shrunken(
                "the checkpoint that was kept goes up to \(checkpoint.size); a restore, declared "
                    + "\(declaration.declaredAt), lost what came after \(kept)"
            ),
            at: Position(kept + 1),
            through: Position(checkpoint.size)
        )
    }
}

extension RestoreDeclaration {
    /// Whether it says that a log has ended.
    fileprivate func ended(_ origin: String) -> Bool { last.origin.hasSameBytes(as: origin) }

    /// Whether a key of the log that ended has signed it, one that counts, and the key that begins.
    fileprivate func isSigned(_ note: SignedNote, endedBy keys: [NoteVerifierKey]) -> Bool {
        // One key cannot do for both: a log that begins has a name of its own.
        guard !ended(key.name),
            let signers = try? note.verified(by: keys.filter { $0 != key } + [key])
        else { return false }
        return signers.contains(key) && signers.contains { ended($0.name) }
    }

    /// What a reader should know of it.
    fileprivate var notice: String {
        "restored from a backup, declared \(declaredAt): of \(last.origin) up to "
            + "\(max(0, last.size - kept.size)) of what came after \(kept.size) were lost; "
            + "reason: \(reason)"
    }
}
