/// Up to where somebody has read a ledger, in the words in which readers keep it: a position, and the
/// history of the ledger that it is of.
///
/// A ledger that was restored from a backup goes on from the last position that is left, so that one
/// number can stand for two events. Each restore that is declared begins another *incarnation* of the
/// ledger. A cursor of the first one is written as its position alone, `1234`; of a later one the
/// incarnation stands in front, `2.1234`. The beginning is the same in all of them, and written `0`.
public struct Cursor: Hashable, Sendable, CustomStringConvertible {
    /// 1, and one more for each declared restore.
    public let incarnation: Int32
    /// Everything up to here has been read.
    public let position: Position

    /// Before the first event.
    public static let beginning = Cursor(.zero)

    /// Names a position of an incarnation.
    public init(_ position: Position, incarnation: Int32 = 1) {
        self.position = position
        self.incarnation = position == .zero ? 1 : incarnation
    }

    /// Reads `1234`, `1.1234` or `2.1234`; nil where the text is none of them.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let last = parts.last, let position = Int64(last), position >= 0,
            String(position) == last
        else { return nil }
        guard parts.count == 2 else {
            self.init(Position(position))
            return
        }
        guard let incarnation = Int32(parts[0]), incarnation > 0, String(incarnation) == parts[0]
        else { return nil }
        self.init(Position(position), incarnation: incarnation)
    }

    /// As it is told, and taken back.
    public var description: String {
        incarnation == 1 ? "\(position)" : "\(incarnation).\(position)"
    }
}

extension Cursor: JSONDescribed {
    /// The highest position that a request may name.
    public static let highest: Int64 = 1 << 53

    /// A whole number, or text where an incarnation stands in front.
    public static var schema: AnswerJSON {
        [
            "type": ["integer", "string"], "minimum": 0, "maximum": .integer(highest),
            "pattern": "^([1-9][0-9]{0,9}\\.)?(0|[1-9][0-9]{0,15})$",
        ]
    }

    /// A number in the first incarnation, text in the others.
    public var json: AnswerJSON {
        incarnation == 1 ? .integer(position.rawValue) : .string(description)
    }
}

/// A cursor in a body: a number, or text.
package struct CursorKind: MemberKind {
    package func read(_ node: Int, of object: ObjectReader) -> Cursor? {
        guard object.shape.document.nodes[node].kind == .string else {
            return IntegerKind(range: 0...Int(Cursor.highest)).read(node, of: object)
                .map { Cursor(Position(Int64($0))) }
        }
        guard let text = object.text(at: node) else { return nil }
        guard let cursor = Cursor(text), cursor.position.rawValue <= Cursor.highest else {
            let accepted = "must be a position, or a cursor such as 2.1234"
            object.shape.refuse(node, "out_of_range", accepted)
            return nil
        }
        return cursor
    }

    package func schema(_ name: StaticString) -> AnswerJSON { Cursor.schema }
}

extension MemberKind where Self == CursorKind {
    package static var cursor: Self { Self() }
}
