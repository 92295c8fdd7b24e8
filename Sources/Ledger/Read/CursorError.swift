public import CareEpisode

/// A cursor after which reading cannot go on: it is of a history that a restore has ended, or ahead of
/// the ledger.
///
/// To go on all the same would pass over events unseen.
public struct CursorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why.
    public enum Reason: String, ClosedCode {
        /// The ledger was restored from a backup, and that was declared, since the cursor was told.
        case restored
        /// The ledger has not got to the cursor: it is another ledger's, or this one was restored from
        /// a backup and that is not declared yet.
        case ahead
    }

    /// Why.
    public let reason: Reason
    /// The incarnation that the ledger is in.
    public let incarnation: Int32
    /// The ledger's head.
    public let head: Position
    /// Up to where what was read before is still so; nil where nobody can tell.
    public let kept: Position?
    /// The cursor after which to go on; the beginning where nobody can tell.
    public let goOnAfter: Cursor
    /// What it is a cursor of.
    let tree: LedgerTree

    /// Of a cursor from before a restore.
    init(
        _ cursor: Cursor,
        restored incarnations: Incarnations,
        head: Position,
        in tree: LedgerTree = .events
    ) {
        self.tree = tree
        let shared = incarnations.shared(with: cursor)
        reason = .restored
        incarnation = incarnations.current
        self.head = head
        kept = shared
        goOnAfter = Cursor(shared, incarnation: incarnations.current)
    }

    /// Of a cursor ahead of the head.
    init(ahead head: LedgerHead, goOnAfter: Cursor = .beginning, in tree: LedgerTree = .events) {
        self.tree = tree
        reason = .ahead
        incarnation = head.incarnation
        self.head = head.position
        kept = nil
        self.goOnAfter = goOnAfter
    }

    /// What is wrong and what to do.
    public var description: String {
        switch reason {
        case .restored:
            "the cursor is from before a restore: the ledger was restored from a backup, and what was "
                + "read beyond \(tree.placeName) \(kept ?? .zero) may be no more. Drop that, and go on after "
                + "\(goOnAfter)"
        case .ahead:
            "the cursor is ahead of the \(tree == .events ? "ledger" : "access log"), whose head is \(head): "
                + "it is another ledger's, or this one was restored from a backup. Ask whoever keeps the ledger: once a restore is "
                + "declared, this says after which position to go on. Or begin again after "
                + "\(goOnAfter), and pass over what has an \(tree == .events ? "event_id" : "entry") that you have"
        }
    }
}
