import CareEpisode
import Postgres
import TransparencyLog

/// A numbered row of the access log, with what stands for it in the tree.
struct AccessRow: Sendable {
    /// Where it stands in the tree, from 1.
    let number: Int64
    /// Which row of the access log it is.
    let entry: Int64
    /// What the access log has under that entry; nil where there is nothing, or nothing that this
    /// program could have written.
    let kept: KeptAccess?
    let nonce: [UInt8]
    let commitment: [UInt8]
    let leafHash: [UInt8]

    /// Gives a row its number, with a nonce of its own.
    init(numbering kept: KeptAccess, _ number: Int64, in ledger: LedgerName) {
        self.number = number
        self.kept = kept
        entry = kept.entry
        nonce = SecureRandom.bytes(Evidence.nonceLength)
        commitment = Evidence.commitment(
            nonce: nonce[...],
            header: kept.row(in: ledger),
            payload: kept.text
        )
        leafHash = TreeHash.leaf(Self.entry(kept, number, commitment)).bytes
    }

    /// What the columns of ``columns`` say.
    init(_ row: PostgresRow) throws {
        number = try row.get("number")
        entry = try row.get("numbered")
        nonce = try row.get("nonce")
        commitment = try row.get("commitment")
        leafHash = try row.get("leaf_hash")
        // Whoever owns the database may have taken away what no column could lack.
        kept = try? KeptAccess(row)
    }

    /// The columns of `access_entry e` and `access_log a`.
    static let columns: SQL = """
        e.number, e.entry as numbered, e.nonce, e.commitment, e.leaf_hash, \(KeptAccess.columns)
        """

    /// The 112 bytes that stand for a row of the access log in the tree.
    static func entry(_ kept: KeptAccess, _ number: Int64, _ commitment: [UInt8]) -> [UInt8] {
        var entry = Evidence.accessMark + [UInt8](repeating: 0, count: 16)
        entry += kept.decision.episodeID?.bytes ?? [UInt8](repeating: 0, count: 16)
        for number in [kept.entry, number, kept.at.microseconds, 0] {
            withUnsafeBytes(of: number.bigEndian) { entry += $0 }
        }
        return entry + commitment
    }

    /// The stored leaf; that of nothing where it is none.
    var leaf: TreeHash { TreeHash(leafHash) ?? .ofEmptyTree }

    /// Recomputes everything from the row of the access log and the nonce.
    ///
    /// - Returns: the leaf, and what is wrong; without the row, the stored leaf.
    func check(ledger: LedgerName) -> (leaf: TreeHash, fault: EvidenceFault.Kind?) {
        guard let kept, kept.entry == entry, nonce.count == Evidence.nonceLength else {
            return (leaf, .content)
        }
        let committed = Evidence.commitment(
            nonce: nonce[...],
            header: kept.row(in: ledger),
            payload: kept.text
        )
        let leaf = TreeHash.leaf(Self.entry(kept, number, commitment))
        guard committed == commitment else { return (leaf, .content) }
        return (leaf, leaf.bytes == leafHash ? nil : .leaf)
    }
}

/// A row of the access log as it is.
struct KeptAccess: Sendable {
    let entry: Int64
    let at: Instant
    let decision: AccessDecision

    /// The longest row, all its texts together, in bytes.
    ///
    /// This program, and those before it, have written none that is as long. Of a longer one nothing is read,
    /// so that it counts for none that was written.
    static let lengthLimit = 65_536

    /// The columns of `access_log a`.
    static let columns: SQL = {
        let texts = ["subject", "operation", "detail", "purpose", "request_id"]
        let length =
            texts.map { "coalesce(octet_length(a.\($0)), 0)" }.joined(separator: " + ")
            + " + coalesce(pg_column_size(a.roles), 0)"
        let bounded = (texts + ["roles"]).map { name in
            "case when \(length) <= \(lengthLimit) then a.\(name) end as \(name)"
        }
        return "a.entry, a.at, a.allowed, a.episode_id, \(raw: bounded.joined(separator: ", "))"
    }()

    init(entry: Int64, at: Instant, decision: AccessDecision) {
        self.entry = entry
        self.at = at
        self.decision = decision
    }

    init(_ row: PostgresRow) throws {
        entry = try row.get("entry")
        at = try row.get("at")
        guard LogEntry.times.contains(at.microseconds) else { throw UnreadableAccess() }
        decision = try AccessDecision(row)
    }

    private struct UnreadableAccess: Error {}

    /// The canonical JSON of what can never be erased; what is null is absent.
    func row(in ledger: LedgerName) -> [UInt8] {
        var members: [(name: String, value: AnswerJSON)] = [
            ("allowed", .bool(decision.isAllowed)),
            ("at", .instant(at)),
            ("entry", .integer(entry)),
            ("ledger", .string(ledger.description)),
            ("operation", .string(decision.operation)),
            ("request_id", .string(decision.requestID)),
            ("roles", .array(decision.roles.map { .string($0) })),
            ("subject", .string(decision.subject)),
        ]
        if let episode = decision.episodeID {
            members.append(("episode_id", .string("\(episode)")))
        }
        return AnswerJSON.object(members).canonicalBytes
    }

    /// The canonical JSON of what may hold texts that callers have typed.
    var text: [UInt8] {
        var members: [(name: String, value: AnswerJSON)] = []
        if let detail = decision.detail { members.append(("detail", .string(detail))) }
        if let purpose = decision.purpose { members.append(("purpose", .string(purpose))) }
        return AnswerJSON.object(members).canonicalBytes
    }
}
