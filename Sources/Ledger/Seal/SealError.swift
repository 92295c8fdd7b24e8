public import CareEpisode
import Postgres
import TransparencyLog

/// Why a ledger is not sealed.
public enum SealError: Error, Hashable, CustomStringConvertible {
    /// This process does not have the private halves of the registered keys.
    case noSigningKey(origin: String, file: String)
    /// The checkpoint log here lacks the newest checkpoint of the database.
    case logBehind(file: String, size: Int64)
    /// The database is not the one that was sealed: it was rolled back, or changed.
    case inconsistent(file: String, size: Int64, head: Int64)
    /// The configured name is not the one under which the ledger is sealed.
    case otherOrigin(registered: String, configured: String)
    /// An event, or the tree, is not what it was.
    case damaged(EvidenceFault)
    /// Another process holds the lease and does not get there in time.
    case notReached(Position, sealed: Int64)
    /// The lease was lost: nothing was published.
    case leaseLost
    /// A file cannot be used.
    case file(String, reason: String)
    /// Nothing has been sealed yet.
    case notSealed(LedgerName)
    /// What was asked for has no meaning here, for this reason.
    case refused(String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .noSigningKey(let origin, let file):
            "\(file) does not hold the private keys with which \(origin) is sealed: seal where they "
                + "are, bring them here, or use --no-seal"
        case .logBehind(let file, let size):
            "the checkpoint log \(file) lacks the checkpoint of size \(size) that the database has: "
                + "seal where the log is, bring it here, or use --no-seal"
        case .inconsistent(let file, let size, let head):
            "the checkpoint log \(file) has a checkpoint of size \(size) that this database, which "
                + "goes up to \(head), does not lead to: it was restored from a backup, or changed. "
                + "Nothing is signed. See docs/audit.md, \"After a restore\""
        case .otherOrigin(let registered, let configured):
            "this ledger is sealed as \(registered), not as \(configured): an origin never changes"
        case .damaged(let fault):
            "\(fault). Nothing is signed; run `episode-ledger verify`"
        case .notReached(let position, let sealed):
            "the process that holds the sealing lease has sealed up to \(sealed) and not got to "
                + "\(position) in time: try again, or use --no-seal"
        case .leaseLost: "another process has taken the sealing lease; nothing was published"
        case .file(let path, let reason): "\(path): \(reason)"
        case .notSealed(let name):
            "the ledger \(name) has no checkpoint yet: run `episode-ledger checkpoint`"
        case .refused(let reason): reason
        }
    }

    /// The evidence is damaged: what is wrong, at a position or from one through another.
    static func damaged(
        _ kind: EvidenceFault.Kind,
        at position: Position? = nil,
        through: Position? = nil
    ) -> SealError {
        .damaged(EvidenceFault(kind, at: position, through: through))
    }

    /// That tables, keys or checkpoints of a tree are not what they were, or that the database refuses what
    /// the sealer writes; nil where it is something else.
    static func damage(_ error: any Error, _ tree: LedgerTree) -> SealError? {
        let log = tree == .events ? "ledger" : "access log"
        let state = (error as? PostgresError)?.sqlState?.rawValue ?? ""
        let reason: String? =
            switch error {
            case let error as NoteError: "a key or checkpoint of the \(log) is \(error)"
            case let error as PostgresError where error.isAboutSchema:
                "the tables of the \(log) are not those of this program"
            case let error as PostgresError where error.isAboutEncoding:
                "the database's encoding lacks a character that each checkpoint has (SQLSTATE \(state)): "
                    + "only a database in UTF8 can be sealed"
            case let error as PostgresError where error.sqlState != nil && !error.isTransient:
                "the \(log)'s tree takes no more (SQLSTATE \(state)): somebody has written to its tables, "
                    + "or taken privileges away"
            default: nil
            }
        return reason.map { .damaged(.checkpoint($0)) }
    }

    /// Whether waiting may help: the others want an operator.
    public var isTransient: Bool {
        switch self {
        case .leaseLost, .notReached: true
        default: false
        }
    }
}
