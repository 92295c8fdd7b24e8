/// One value, or one member's name, of a parsed document.
///
/// A document is a flat list of nodes in document order: a container is followed by its elements, an
/// object by name, value, name, value… `next` is where the node's subtree ends, so a value is passed
/// over in one step and reading a document makes two allocations however large it is.
struct JSONNode {
    enum Kind: UInt8 {
        case null, bool, number, string, name, array, object
    }

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// The text had escapes and stands, decoded, in `JSONDocument.unescaped`.
        static let unescaped = Flags(rawValue: 1)
        /// A number written without fraction and exponent.
        static let integerToken = Flags(rawValue: 2)
        /// An error was reported for this very value; its shape is not judged again.
        static let refused = Flags(rawValue: 4)
        /// A name that a reader asked for.
        static let known = Flags(rawValue: 8)
        /// The value of a `true`.
        static let isTrue = Flags(rawValue: 16)
    }

    var kind: Kind
    var flags: Flags
    /// Where the value begins in the bytes that were sent: the order in which errors are told.
    var offset: Int32
    /// The text of a string, name or number: in `bytes`, or in `unescaped` where the flag says so.
    var start: Int32
    var end: Int32
    /// The index after the last node of this subtree; `Int32.max` while a container is open.
    var next: Int32
    /// Elements of an array, members of an object.
    var count: Int32
}

/// A document of RFC 8259, parsed within the limits of `docs/events.md`.
struct JSONDocument {
    var bytes: [UInt8]
    var unescaped: [UInt8] = []
    var nodes: [JSONNode] = []
    /// What `docs/events.md` refuses although it is JSON.
    ///
    /// The document is whole nevertheless.
    var errors: [JSONError] = []

    /// How much has been read.
    struct Mark {
        fileprivate let nodes, unescaped, errors: Int
    }

    /// How much has been read.
    var mark: Mark { Mark(nodes: nodes.count, unescaped: unescaped.count, errors: errors.count) }

    /// Drops what was read after a mark.
    mutating func forget(from mark: Mark) {
        nodes.removeLast(nodes.count - mark.nodes)
        unescaped.removeLast(unescaped.count - mark.unescaped)
        errors.removeLast(errors.count - mark.errors)
    }

    /// Calls `body` with a node's text: unescaped UTF-8, or the token of a number.
    func withText<R>(
        _ node: JSONNode,
        _ body: (UnsafeBufferPointer<UInt8>) throws -> R
    ) rethrows -> R {
        if node.flags.contains(.unescaped) {
            try unescaped.withUnsafeBufferPointer {
                try body(UnsafeBufferPointer(rebasing: $0[Int(node.start)..<Int(node.end)]))
            }
        } else {
            try bytes.withUnsafeBufferPointer {
                try body(UnsafeBufferPointer(rebasing: $0[Int(node.start)..<Int(node.end)]))
            }
        }
    }

    func text(_ node: JSONNode) -> String {
        withText(node) { String(decoding: $0, as: UTF8.self) }
    }

    /// The value node of the first member of this name, which counts as known from now on.
    mutating func member(_ name: StaticString, of object: Int) -> Int? {
        var candidate = object + 1
        for _ in 0..<nodes[object].count {
            let found = nodes[candidate]
            if Int(found.end - found.start) == name.utf8CodeUnitCount,
                withText(found, { name.equals($0) })
            {
                nodes[candidate].flags.insert(.known)
                return candidate + 1
            }
            candidate = Int(nodes[candidate + 1].next)
        }
        return nil
    }
}

/// Something wrong with one value.
struct JSONError: Error {
    var code: String
    var detail: String
    /// The node at fault, or the object that lacks `member`; nil is the whole document.
    var node: Int?
    var member: String?
    /// The byte it is about, for the order in which errors are told.
    var offset: Int
    /// The place among errors about one byte; those of one place are told as they were noted.
    var order = 0
}
