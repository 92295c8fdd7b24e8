import CareEpisode
import Postgres
import TransparencyLog

/// Everything that was signed about a ledger and is at hand: checkpoints of the database, of the log
/// outside it, and those that somebody kept; in the order of their sizes, however many there are.
struct Witnesses {
    /// A signed statement that the events must lead to.
    struct Statement {
        let checkpoint: TreeCheckpoint
        /// What it is, for people.
        let source: String
    }

    /// The size of the newest published checkpoint.
    let size: Int64
    /// Of a replica: the most events that something signed covers of what it has not got to; 0 where
    /// it has got to everything.
    private(set) var awaited: Int64 = 0
    private let isReplica: Bool
    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let keys: [NoteVerifierKey]
    private let origin: String?
    private let declarations: [RestoreDeclaration]
    private var kept: [SignedCheckpoint]
    private var notes: CheckpointLog.NoteStream?
    private var nextNote: SignedCheckpoint?
    private var loggedSize: Int64 = 0
    private var after: Int64 = 0

    init(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ log: CheckpointLog?,
        _ pinned: [NoteVerifierKey],
        _ kept: [SignedCheckpoint],
        isReplica: Bool,
        _ report: inout VerificationReport
    ) async throws {
        self.isReplica = isReplica
        self.database = database
        self.ledger = ledger
        let registry = SealRegistry(database: database, ledger: ledger)
        var declared: [String] = []
        var logged: SignedCheckpoint?
        var hasNotes = false
        if let log {
            let newest: SignedNote?
            (declared, newest) = try await PrivateFile.run { try Self.survey(log) }
            hasNotes = newest != nil
            logged = newest.flatMap { try? SignedCheckpoint(parsing: $0.description) }
            loggedSize = logged?.checkpoint.size ?? 0
        }
        let identity: SealIdentity?
        do {
            identity = try await registry.identity()
        } catch let error as NoteError {
            report.add(.checkpoint("a registered key is \(error)"))
            identity = nil
        }
        origin = identity?.origin
        keys = pinned + (identity?.keys.map(\.key) ?? [])
        let notes = (identity?.declarations ?? []) + declared
        var declarations: [RestoreDeclaration] = []
        for text in notes {
            guard let declaration = Self.declaration(text, keys, &report),
                !declarations.contains(declaration)
            else { continue }
            declarations.append(declaration)
            let lost = declaration.last.size - declaration.kept.size
            report.add(
                notice: "restored from a backup, declared \(declaration.declaredAt): of "
                    + "\(declaration.last.origin) up to \(lost) events after position "
                    + "\(declaration.kept.size) were lost; reason: \(declaration.reason)"
            )
        }
        self.declarations = declarations
        size = try await Self.newest(database, ledger, keys, pinned, &report)
        if let log, size > 0, !hasNotes {
            report.add(
                notice: "there is no checkpoint log \(log.path) here: the ledger was held against "
                    + "what the database itself says was signed"
            )
        }
        if let log { self.notes = try CheckpointLog.NoteStream(log) }
        self.kept = kept.sorted { $0.checkpoint.size < $1.checkpoint.size }
        checkKept(&report)
        if identity != nil && size == 0 && loggedSize == 0 && logged == nil {
            report.add(notice: "a key is registered and nothing is sealed yet")
        }
    }

    /// The declarations in a log, and its newest note.
    private static func survey(_ log: CheckpointLog) throws -> ([String], SignedNote?) {
        var stream = try CheckpointLog.NoteStream(log)
        var declarations: [String] = []
        var newest: SignedNote?
        while let note = try stream.next() {
            if note.text.hasPrefix(RestoreDeclaration.title) {
                declarations.append(note.description)
            }
            newest = note
        }
        return (declarations, newest)
    }

    /// Reads a declaration, which both the log that ended and the one that begins must have signed.
    private static func declaration(
        _ text: String,
        _ keys: [NoteVerifierKey],
        _ report: inout VerificationReport
    ) -> RestoreDeclaration? {
        guard let note = try? SignedNote(parsing: text),
            let declaration = RestoreDeclaration(text: note.text)
        else {
            report.add(.checkpoint("a declaration of a restore cannot be read"))
            return nil
        }
        let signers = (try? note.verified(by: keys + [declaration.key])) ?? []
        guard signers.contains(where: { $0.name == declaration.last.origin }),
            signers.contains(declaration.key)
        else {
            report.add(
                .checkpoint(
                    "the declaration of a restore of \(declaration.last.origin) is not signed "
                        + "by the key of the log that ended and of the one that began"
                )
            )
            return nil
        }
        return declaration
    }

    /// The newest published checkpoint, which a pinned key must have signed where there is one.
    private static func newest(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ keys: [NoteVerifierKey],
        _ pinned: [NoteVerifierKey],
        _ report: inout VerificationReport
    ) async throws -> Int64 {
        do {
            let published = try await PublishedCheckpoint.newest(database, ledger)
            guard let signed = published?.signed else { return 0 }
            report.newest = signed.checkpoint
            do {
                report.signers = try signed.verified(by: pinned.isEmpty ? keys : pinned)
            } catch {
                report.add(
                    .checkpoint("the checkpoint of size \(signed.checkpoint.size): \(error)")
                )
            }
            return signed.checkpoint.size
        } catch let error as NoteError {
            report.add(.checkpoint("the newest checkpoint is \(error)"))
            return 0
        }
    }

    /// Checkpoints that somebody kept: signed by a key of the ledger, and not of what was lost.
    ///
    /// One of another log says nothing about these events, and is not held against them.
    private mutating func checkKept(_ report: inout VerificationReport) {
        let given = kept
        kept = []
        for signed in given {
            do {
                try signed.verified(by: keys)
            } catch {
                if mayArrive(signed, error) { continue }
                report.add(.checkpoint("the checkpoint that was kept: \(error)"))
                if keys.contains(where: { $0.name == signed.checkpoint.origin }) {
                    kept.append(signed)
                }
                continue
            }
            kept.append(signed)
            guard let declaration = ended(signed.checkpoint) else { continue }
            report.add(
                .shrunken(
                    "the checkpoint that was kept covers \(signed.checkpoint.size) events; a "
                        + "restore, declared \(declaration.declaredAt), lost those after "
                        + "position \(declaration.kept.size)"
                ),
                at: Position(declaration.kept.size + 1),
                through: Position(signed.checkpoint.size)
            )
        }
    }

    /// Whether a replica may still get the key of a checkpoint that none it knows has signed: keys are
    /// published before what they sign, so that it has not got to that checkpoint either.
    private mutating func mayArrive(_ signed: SignedCheckpoint, _ error: any Error) -> Bool {
        let checkpoint = signed.checkpoint
        guard isReplica, checkpoint.size > size, case NoteError.notSigned = error,
            ExportVerification.origin(checkpoint.origin, isOf: ledger.name)
        else { return false }
        awaited = max(awaited, checkpoint.size)
        return true
    }

    /// The declared restore that lost what a checkpoint covers.
    private func ended(_ checkpoint: TreeCheckpoint) -> RestoreDeclaration? {
        declarations.first {
            $0.last.origin == checkpoint.origin && checkpoint.size > $0.kept.size
        }
    }

    /// Nothing that was signed covers more than there is; on a replica, it may be on its way.
    ///
    /// What the database itself has published is never ahead of its events.
    ///
    /// - Parameter proven: the size up to which something that was signed vouches for the events.
    mutating func checkHead(
        _ head: Position,
        proven: Int64,
        _ report: inout VerificationReport
    ) {
        var outside = [(loggedSize, "the checkpoint log")]
        outside += kept.filter { ended($0.checkpoint) == nil }
            .map { ($0.checkpoint.size, "a checkpoint that was kept") }
        if isReplica {
            awaited = outside.map(\.0).filter { $0 > head.rawValue }.reduce(awaited, max)
            outside = []
        }
        for (size, source) in [(size, "the newest checkpoint")] + outside
        where size > head.rawValue {
            report.add(
                .shrunken(
                    "\(source) covers \(size) events, the ledger has \(head), and nothing "
                        + "vouches for those after position \(proven)"
                ),
                at: Position(proven + 1),
                through: Position(size)
            )
        }
    }

    // MARK: - Page by page

    /// What was signed of the sizes up to a position, beyond those of the page before.
    mutating func page(
        through position: Position,
        _ report: inout VerificationReport
    ) async throws -> [Statement] {
        let through = position.rawValue
        let published = try await published(through: min(through, size), &report)
        var statements = published.values.map {
            Statement(checkpoint: $0.checkpoint, source: "the checkpoint")
        }
        while let signed = try await log(through: through, &report) {
            // What the database repeats has been looked at.
            if published[signed.checkpoint.size] == signed { continue }
            report.checkpoints += 1
            if check(signed, "the checkpoint log", &report) {
                statements.append(
                    Statement(checkpoint: signed.checkpoint, source: "the log's checkpoint")
                )
            }
        }
        statements += kept.map(\.checkpoint)
            .filter { $0.size > after && $0.size <= through && ended($0) == nil }
            .map { Statement(checkpoint: $0, source: "the checkpoint that was kept") }
        after = through
        return statements.sorted { $0.checkpoint.size < $1.checkpoint.size }
    }

    /// The published checkpoints of a range of sizes, by size.
    private mutating func published(
        through: Int64,
        _ report: inout VerificationReport
    ) async throws -> [Int64: SignedCheckpoint] {
        guard through > after else { return [:] }
        let rows = try await database.reader.query(
            """
            select size, root, note from checkpoint
            where ledger_id = \(ledger.id.rawValue) and size > \(after) and size <= \(through)
            order by size
            """
        )
        var checkpoints: [Int64: SignedCheckpoint] = [:]
        for row in rows {
            report.checkpoints += 1
            let size = try row.get("size", as: Int64.self)
            let root = TreeHash(try row.get("root", as: [UInt8].self))
            guard let signed = try? SignedCheckpoint(parsing: row.get("note")) else {
                report.add(.checkpoint("the note of the checkpoint of size \(size) is none"))
                continue
            }
            guard signed.checkpoint.size == size, signed.checkpoint.root == root else {
                report.add(.checkpoint("the checkpoint of size \(size) is not what its note says"))
                continue
            }
            if check(signed, "the checkpoint", &report) { checkpoints[size] = signed }
        }
        return checkpoints
    }

    private mutating func check(
        _ signed: SignedCheckpoint,
        _ source: String,
        _ report: inout VerificationReport
    ) -> Bool {
        do {
            try signed.verified(by: keys)
            return true
        } catch {
            if mayArrive(signed, error) { return false }
            report.add(.checkpoint("\(source) of size \(signed.checkpoint.size): \(error)"))
            return false
        }
    }

    /// The next checkpoint of the log up to a size; what a declared restore lost is passed over.
    private mutating func log(
        through: Int64,
        _ report: inout VerificationReport
    ) async throws -> SignedCheckpoint? {
        while true {
            if let waiting = nextNote {
                guard waiting.checkpoint.size <= through else { return nil }
                nextNote = nil
                return waiting
            }
            guard let note = try notes?.next() else { return nil }
            guard !note.text.hasPrefix(RestoreDeclaration.title) else { continue }
            guard let signed = try? SignedCheckpoint(parsing: note.description) else {
                report.add(.checkpoint("a record of the checkpoint log is none"))
                continue
            }
            if ended(signed.checkpoint) == nil { nextNote = signed }
        }
    }
}
