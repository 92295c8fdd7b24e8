import CareEpisode
import TransparencyLog

/// Who vouches for a ledger that lies in a database: never the database itself.
///
/// A key counts if a person pinned it, or if it signed in the checkpoint log at hand. That the database
/// registers a key makes it one that may be found to count, and no more. A declaration of a restore
/// counts if it stands in that log; without a log, if a pinned key of the log that ended signed it.
///
/// Where there is neither, the registered keys stand in: they show that the database agrees with
/// itself, which whoever holds it can arrange.
struct Vouchers {
    /// The keys that count.
    let keys: [NoteVerifierKey]
    /// The keys that the database registers; pinned or not, they may have signed what it holds.
    let registered: [NoteVerifierKey]
    /// The declared restores that count.
    let restores: DeclaredRestores
    /// What the checkpoint log at hand says; nil where there is none, or an empty one.
    let log: LoggedNotes?

    /// Whether anything outside the database vouches.
    let isOutside: Bool

    /// Finds out who vouches.
    ///
    /// - Parameters:
    ///   - ledger: whose log the keys must be of.
    ///   - tree: of which tree.
    ///   - identity: what the database registers: its keys as they were read after the log, so that
    ///     every one that signed there is among them, its declarations as they were read before.
    ///   - log: the log at hand.
    ///   - logEnd: how long it was before that.
    ///   - pinned: keys that somebody has from elsewhere.
    init(
        _ ledger: LedgerName,
        _ tree: LedgerTree,
        _ identity: SealIdentity?,
        _ log: CheckpointLog?,
        logEnd: Int,
        _ pinned: [NoteVerifierKey],
        _ report: inout VerificationReport
    ) async throws {
        let isOwn = { (key: NoteVerifierKey) in LogOrigin.of(ledger, tree, is: key.name) }
        registered = (identity?.keys.map(\.key) ?? []).filter(isOwn)
        let candidates = (pinned + registered).filter(isOwn)
        if let log {
            let notes = try await PrivateFile.run { try LoggedNotes(log, end: logEnd, candidates) }
            self.log = notes.isEmpty ? nil : notes
        } else {
            self.log = nil
        }
        isOutside = self.log != nil || !pinned.isEmpty
        keys = isOutside ? pinned.filter(isOwn) + (self.log?.signers ?? []) : registered
        restores = Self.restores(ledger, tree, identity, self.log, keys, &report)
        noteSilentKeys(&report)
    }

    /// The declarations that count: of those in the log, where there is one.
    private static func restores(
        _ ledger: LedgerName,
        _ tree: LedgerTree,
        _ identity: SealIdentity?,
        _ log: LoggedNotes?,
        _ keys: [NoteVerifierKey],
        _ report: inout VerificationReport
    ) -> DeclaredRestores {
        let published = identity?.declarations ?? []
        let logged = log?.declarations.map(\.description)
        for text in published where logged?.contains(text) == false {
            let origin = (try? SignedNote(parsing: text))
                .flatMap { RestoreDeclaration(text: $0.text)?.last.origin }
            report.add(
                .checkpoint(
                    "the declaration of a restore\(origin.map { " of \($0)" } ?? "") is not in the "
                        + "checkpoint log, and does not count"
                )
            )
        }
        return DeclaredRestores(
            logged ?? published,
            signedBy: keys,
            isOwn: { LogOrigin.of(ledger, tree, is: $0) },
            &report
        )
    }

    /// Tells of keys that the database registers and that have signed nothing in the log at hand.
    private func noteSilentKeys(_ report: inout VerificationReport) {
        guard let log else { return }
        for key in registered
        where !keys.contains(key) && key.name.hasSameBytes(as: log.newestOrigin) {
            report.add(
                notice: "the database registers a key that has signed nothing in the checkpoint "
                    + "log, and does not count: \(key)"
            )
        }
    }
}

/// How a log is named that holds a ledger's events.
enum LogOrigin {
    /// Whether it is `<name>/<ledger>`, or after a restore `<name>/<ledger>/<number>`; of the access log
    /// `<name>/<ledger>/access`, and `<name>/<ledger>/access/<number>`.
    static func of(
        _ ledger: LedgerName,
        _ tree: LedgerTree = .events,
        is origin: String
    ) -> Bool {
        let end = "/\(ledger)\(tree.suffix)"
        return [origin[...], first(of: origin) ?? ""].contains { ends($0, with: end) }
    }

    /// The number of the restore after which a log of the access log began; 1 of the first.
    static func incarnation(ofAccess origin: String) -> Int32 {
        guard let first = first(of: origin) else { return 1 }
        return Int32(origin.dropFirst(first.count + 1)) ?? 1
    }

    /// Whether a log is a ledger's first one, or one that goes on from it after declared restores.
    ///
    /// An access log that was first sealed after a restore has a number in the name of its first log.
    static func isContinued(_ first: String, by origin: String) -> Bool {
        var stem = first[...]
        if let unnumbered = Self.first(of: first), ends(unnumbered, with: LedgerTree.access.suffix)
        {
            stem = unnumbered
        }
        return [origin[...], Self.first(of: origin) ?? ""].contains { $0.hasSameBytes(as: stem) }
    }

    private static func ends(_ origin: Substring, with ending: String) -> Bool {
        origin.utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8)
    }

    /// The origin without the number of a restore; nil where it has none.
    private static func first(of origin: String) -> Substring? {
        guard let slash = origin.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let number = origin[origin.utf8.index(after: slash)...]
        // At most nine digits, as for every other verifier.
        guard let count = Int32(number), (2...999_999_999).contains(count),
            String(count).hasSameBytes(as: number)
        else { return nil }
        return origin[..<slash]
    }
}

/// What a checkpoint log says as a whole: who signed in it, and what it declares.
struct LoggedNotes {
    /// The notes that declare restores, the oldest first.
    private(set) var declarations: [SignedNote] = []
    /// The keys, of those that could be asked for, that have signed in it.
    private(set) var signers: [NoteVerifierKey] = []
    /// The size of its first checkpoint: of what was signed before, it says nothing.
    private(set) var firstSize: Int64?
    /// How many events its newest note covers.
    private(set) var size: Int64 = 0
    /// The log that goes on.
    private(set) var newestOrigin = ""
    /// Whether there is no note.
    private(set) var isEmpty = true

    /// Reads a log.
    ///
    /// - Parameters:
    ///   - end: how much of it, in bytes.
    ///   - candidates: the keys that may have signed; those that declarations name come to them.
    init(_ log: CheckpointLog, end: Int, _ candidates: [NoteVerifierKey]) throws {
        var stream = try CheckpointLog.NoteStream(log, end: end)
        var candidates = Set(candidates)
        while let note = try stream.next() {
            isEmpty = false
            if let declaration = RestoreDeclaration(text: note.text) {
                declarations.append(note)
                (size, newestOrigin) = (declaration.kept.size, declaration.key.name)
                if !signers.contains(declaration.key) { candidates.insert(declaration.key) }
            } else if note.text.hasPrefix(RestoreDeclaration.title) {
                declarations.append(note)
            } else if let checkpoint = try? TreeCheckpoint(text: note.text) {
                firstSize = firstSize ?? checkpoint.size
                (size, newestOrigin) = (checkpoint.size, checkpoint.origin)
            }
            let found = note.signers(among: candidates)
            signers += found
            candidates.subtract(found)
        }
    }
}
