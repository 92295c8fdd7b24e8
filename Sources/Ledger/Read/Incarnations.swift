public import CareEpisode
import Postgres
import TransparencyLog

/// The histories that a ledger has had: one, and one more for each restore that was declared.
public struct Incarnations: Hashable, Sendable {
    /// Of each declared restore, the oldest first: up to which position the history before it goes on.
    private let kept: [Position]

    /// - Parameter kept: of each restore, the last position that is proven to be what it was.
    init(kept: [Position]) { self.kept = kept }

    /// The number of the history that goes on: 1, and one more for each restore.
    public var current: Int32 { Int32(kept.count) + 1 }

    /// The incarnation in which what stands at a position today was recorded.
    ///
    /// What a restore has kept is of the incarnation before it.
    public func incarnation(of position: Position) -> Int32 {
        Int32((kept.lastIndex { position > $0 } ?? -1) + 2)
    }

    /// Up to which position the history of a cursor goes on today, at most the cursor's own.
    public func shared(with cursor: Cursor) -> Position {
        kept.dropFirst(Int(cursor.incarnation) - 1).reduce(cursor.position, min)
    }
}

extension EventReader {
    /// A ledger's incarnation, as a part of a statement; of a row of `ledger_head`, called `h`.
    static let incarnation: SQL = """
        coalesce(
            (select max(l.incarnation) from seal_log l where l.ledger_id = h.ledger_id), 1
        )
        """

    /// The histories that the ledger has had.
    public func incarnations() async throws -> Incarnations {
        try await Incarnations(of: .events, ledger, database)
    }

    /// Makes sure that reading can go on after a cursor.
    ///
    /// - Returns: the head.
    /// - Throws: ``CursorError``.
    @discardableResult
    public func check(_ cursor: Cursor) async throws -> LedgerHead {
        let head = try await head()
        try await check(cursor, head)
        return head
    }

    /// Makes sure that reading can go on after a cursor, where the head is known.
    func check(_ cursor: Cursor, _ head: LedgerHead) async throws {
        try await Incarnations.check(cursor, head, of: .events, ledger, database)
    }
}

extension Incarnations {
    /// Those of one of a ledger's trees.
    init(
        of tree: LedgerTree,
        _ ledger: LedgerDescription,
        _ database: LedgerDatabase
    ) async throws {
        let rows = try await database.reader.query(
            """
            select incarnation, declaration from \(tree.logs)
            where ledger_id = \(ledger.id.rawValue) and incarnation > 1
            order by incarnation
            """
        )
        var kept: [Position] = []
        for row in rows {
            // Of restores before a tree's first log nothing is proven, as of one whose declaration cannot be
            // read; verification names that.
            let before = try row.get("incarnation", as: Int32.self) - 2
            while kept.count < before { kept.append(.zero) }
            let text = try row.get("declaration", as: String?.self) ?? ""
            let note = try? SignedNote(parsing: text)
            let declaration = note.flatMap { RestoreDeclaration(text: $0.text) }
            kept.append(Position(declaration?.kept.size ?? 0))
        }
        self.init(kept: kept)
    }

    /// Makes sure that reading can go on after a cursor, where the head is known.
    ///
    /// A replica may be behind: what is ahead of it is waited for.
    ///
    /// - Throws: ``CursorError``.
    static func check(
        _ cursor: Cursor,
        _ head: LedgerHead,
        of tree: LedgerTree,
        _ ledger: LedgerDescription,
        _ database: LedgerDatabase
    ) async throws {
        guard cursor.position > .zero else { return }
        let isAhead =
            cursor.incarnation > head.incarnation
            || cursor.incarnation == head.incarnation && cursor.position > head.position
        if isAhead ? head.isReplica : cursor.incarnation == head.incarnation { return }
        guard !isAhead else { throw CursorError(ahead: head, in: tree) }
        let incarnations = try await Incarnations(of: tree, ledger, database)
        throw CursorError(cursor, restored: incarnations, head: head.position, in: tree)
    }
}
