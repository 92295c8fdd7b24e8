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
        /// Whether a key that counts has signed it.
        var isVouched = true
    }

    /// The size of the newest published checkpoint.
    let size: Int64
    /// Of a replica: the most events that something signed covers of what it has not got to; 0 where
    /// it has got to everything.
    private(set) var awaited: Int64 = 0
    private let isReplica: Bool
    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let tree: LedgerTree
    private let vouchers: Vouchers
    private var kept: [SignedCheckpoint]
    /// Those of ``kept`` that a key has signed that counts.
    private var keptThatCount: [TreeCheckpoint] = []
    private var notes: CheckpointLog.NoteStream?
    private var nextNote: SignedCheckpoint?
    private var after: Int64 = 0
    private var unlogged: (count: Int, first: Int64) = (0, .max)
    private var unvouched: (count: Int, last: Int64) = (0, 0)

    init(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ tree: LedgerTree,
        _ log: CheckpointLog?,
        _ pinned: [NoteVerifierKey],
        _ kept: [SignedCheckpoint],
        isReplica: Bool,
        _ report: inout VerificationReport
    ) async throws {
        self.isReplica = isReplica
        self.database = database
        self.ledger = ledger
        self.tree = tree
        self.kept = kept.sorted { $0.checkpoint.size < $1.checkpoint.size }
        // What is published stands in the log already, and so does what is declared; keys are
        // registered before they sign there.
        let registry = SealRegistry(database: database, ledger: ledger, tree: tree)
        let newest = try await Self.read { try await registry.newest() }
            .told("the newest checkpoint", &report)
        size = newest?.checkpoint.size ?? 0
        let declared = try await Self.read { try await registry.identity()?.declarations }
        let logEnd = try await PrivateFile.run { try log?.length() ?? 0 }
        var identity = try await Self.read { try await registry.identity() }
            .told("a registered key", &report)
        identity?.declarations = (try? declared.get()) ?? []
        vouchers = try await Vouchers(
            ledger.name,
            tree,
            identity,
            log,
            logEnd: logEnd,
            pinned,
            &report
        )
        if let log, vouchers.log != nil {
            notes = try CheckpointLog.NoteStream(log, end: logEnd)
            report.vouchers.append(.checkpointLog)
        } else if let log, size > 0 {
            report.add(notice: "there is no checkpoint log \(log.path) here")
        }
        checkNewest(newest, pinned, &report)
        checkKept(&report)
        if identity != nil && newest == nil && vouchers.log == nil {
            report.add(notice: "a key is registered and nothing is sealed yet")
        }
    }

    /// What the database says, or why it cannot be read.
    private static func read<Value>(
        _ body: () async throws -> Value?
    ) async throws -> Result<Value?, NoteError> {
        do {
            return .success(try await body())
        } catch let error as NoteError {
            return .failure(error)
        }
    }

    /// The newest published checkpoint: a pinned key must have signed it where there is one, else a key
    /// that counts.
    private mutating func checkNewest(
        _ newest: SignedCheckpoint?,
        _ pinned: [NoteVerifierKey],
        _ report: inout VerificationReport
    ) {
        guard let newest else {
            // A key is made by the first seal.
            if pinned.isEmpty { return }
            if isReplica {
                // It may be behind; until it has one, nothing is proven.
                awaited = max(awaited, 1)
            } else {
                report.add(.checkpoint("there is no checkpoint that the given key has signed"))
            }
            return
        }
        report.newest = newest.checkpoint
        do {
            let keys = vouchers.keys.filter { pinned.isEmpty || pinned.contains($0) }
            report.signers = try newest.verified(by: keys)
            if !pinned.isEmpty { report.vouchers.append(.verifierKey) }
        } catch {
            report.add(.checkpoint("the checkpoint of size \(size): \(error)"))
        }
    }

    /// Checkpoints that somebody kept: signed by a key that counts, and not of what was lost.
    ///
    /// One of another log says nothing about these events, and is not held against them.
    private mutating func checkKept(_ report: inout VerificationReport) {
        let given = kept
        kept = []
        for signed in given {
            do {
                try signed.verified(by: vouchers.keys)
            } catch {
                if mayArrive(signed, error) { continue }
                report.add(.checkpoint("the checkpoint that was kept: \(error)"))
                let origin = signed.checkpoint.origin
                if LogOrigin.of(ledger.name, tree, is: origin) { kept.append(signed) }
                continue
            }
            kept.append(signed)
            keptThatCount.append(signed.checkpoint)
            if let loss = vouchers.restores.loss(of: signed.checkpoint) { report.add(loss) }
        }
    }

    /// Whether a declared restore lost what a checkpoint covers.
    private func isLost(_ checkpoint: TreeCheckpoint) -> Bool {
        vouchers.restores.loss(of: checkpoint) != nil
    }

    /// Whether a replica may still get the key of a checkpoint that none it knows has signed: keys are
    /// published before what they sign, so that it has not got to that checkpoint either.
    private mutating func mayArrive(_ signed: SignedCheckpoint, _ error: any Error) -> Bool {
        let checkpoint = signed.checkpoint
        guard isReplica, checkpoint.size > size, case NoteError.notSigned = error,
            LogOrigin.of(ledger.name, tree, is: checkpoint.origin)
        else { return false }
        awaited = max(awaited, checkpoint.size)
        return true
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
        var outside = [(vouchers.log?.size ?? 0, "the checkpoint log")]
        outside += kept.filter { !isLost($0.checkpoint) }
            .map { ($0.checkpoint.size, "a checkpoint that was kept") }
        if isReplica {
            awaited = outside.map(\.0).filter { $0 > head.rawValue }.reduce(awaited, max)
            outside = []
        }
        for (size, source) in [(size, "the newest checkpoint")] + outside
        where size > head.rawValue {
            report.add(
                .shrunken(
                    "\(source) covers \(size) \(tree.noun), the ledger has \(head), and "
                        + "nothing vouches for those after \(tree.placeName) \(proven)"
                ),
                at: Position(proven + 1),
                through: Position(size)
            )
        }
        tellWhatCounts(proven, head, &report)
    }

    /// Says what the verification rests on, where that is not plain.
    private func tellWhatCounts(
        _ proven: Int64,
        _ head: Position,
        _ report: inout VerificationReport
    ) {
        if unlogged.count > 0 {
            report.add(
                notice: "the database has checkpoints that the checkpoint log lacks, "
                    + "\(unlogged.count) of them, the first of size \(unlogged.first)"
            )
        }
        if unvouched.count > 0 {
            report.add(
                notice: "checkpoints up to size \(unvouched.last), \(unvouched.count) of them, are "
                    + "signed by keys that only the database registers: they count for nothing"
            )
        }
        for checkpoint in keptThatCount
        where !isLost(checkpoint) && checkpoint.size <= proven {
            report.add(kept: checkpoint.size)
        }
        guard head > .zero, !vouchers.isOutside else { return }
        report.add(notice: Self.unvouchedNotice(keptThrough: report.keptThrough))
    }

    private static func unvouchedNotice(keptThrough: Int64) -> String {
        "no verifier key was given, and no checkpoint log is at hand: "
            + (keptThrough > 0
                ? "up to position \(keptThrough) a checkpoint that was kept vouches for the database, "
                    + "after it nothing does"
                : "nothing outside the database vouches for it. It agrees with itself, and whoever "
                    + "holds it could have made all of it so")
    }

    // MARK: - Page by page

    /// What was signed of the sizes up to a position, beyond those of the page before.
    mutating func page(
        through position: Position,
        _ report: inout VerificationReport
    ) async throws -> [Statement] {
        let through = position.rawValue
        var published = try await published(through: min(through, size), &report)
        var statements = published.values.map(\.statement)
        while let signed = try await log(through: through, &report) {
            // What the database repeats has been looked at.
            let other = published.removeValue(forKey: signed.checkpoint.size)
            if let other, other.note == signed.note, other.statement.isVouched { continue }
            report.checkpoints += 1
            if check(signed, "the checkpoint log", &report) {
                let source = "the log's checkpoint"
                statements.append(Statement(checkpoint: signed.checkpoint, source: source))
            }
        }
        let missing = published.keys.filter { $0 >= vouchers.log?.firstSize ?? .max }
        if let least = missing.min() {
            unlogged = (unlogged.count + missing.count, min(unlogged.first, least))
        }
        statements += kept.map(\.checkpoint)
            .filter { isDue($0, through) && !isLost($0) }
            .map { Statement(checkpoint: $0, source: "the checkpoint that was kept") }
        statements += vouchers.restores.declarations.map(\.kept)
            .filter { isDue($0, through) && !isLost($0) }
            .map { Statement(checkpoint: $0, source: "the checkpoint that a restore kept") }
        after = through
        return statements.sorted { $0.checkpoint.size < $1.checkpoint.size }
    }

    private func isDue(_ checkpoint: TreeCheckpoint, _ through: Int64) -> Bool {
        checkpoint.size > after && checkpoint.size <= through
    }

    private struct Published {
        let statement: Statement
        let note: SignedNote
    }

    /// The published checkpoints of a range of sizes, by size.
    private mutating func published(
        through: Int64,
        _ report: inout VerificationReport
    ) async throws -> [Int64: Published] {
        guard through > after else { return [:] }
        let rows = try await database.reader.query(
            """
            select size, root, note from \(tree.checkpoints)
            where ledger_id = \(ledger.id.rawValue) and size > \(after) and size <= \(through)
            order by size
            """
        )
        var checkpoints: [Int64: Published] = [:]
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
            var statement = Statement(checkpoint: signed.checkpoint, source: "the checkpoint")
            statement.isVouched = !isOnlyRegistered(signed)
            if statement.isVouched {
                guard check(signed, "the checkpoint", &report) else { continue }
            } else {
                unvouched = (unvouched.count + 1, size)
            }
            checkpoints[size] = Published(statement: statement, note: signed.note)
        }
        return checkpoints
    }

    /// Whether a published checkpoint is older than what is at hand, and signed by registered keys alone.
    ///
    /// So it is after a change of keys, and no fault: a later one, of a key that counts, covers the
    /// same events.
    private func isOnlyRegistered(_ signed: SignedCheckpoint) -> Bool {
        guard vouchers.isOutside, signed.checkpoint.size < vouchers.log?.firstSize ?? size,
            (try? signed.verified(by: vouchers.keys)) == nil
        else { return false }
        return (try? signed.verified(by: vouchers.registered)) != nil
    }

    private mutating func check(
        _ signed: SignedCheckpoint,
        _ source: String,
        _ report: inout VerificationReport
    ) -> Bool {
        do {
            try signed.verified(by: vouchers.keys)
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
            if !isLost(signed.checkpoint) { nextNote = signed }
        }
    }
}

extension Result where Failure == NoteError {
    /// The value; nil where it cannot be read, which is a fault.
    fileprivate func told<Value>(
        _ what: String,
        _ report: inout VerificationReport
    ) -> Value? where Success == Value? {
        do {
            return try get()
        } catch {
            report.add(.checkpoint("\(what) is \(error)"))
            return nil
        }
    }
}
