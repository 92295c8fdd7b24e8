/// Reads JSON bodies other than events: one object, or a list of objects, by the same strict rules
/// as events, with every error told at once.
package enum JSONBody {
    /// Reads one object.
    ///
    /// Throws a ``Refusal`` with all errors, in the order of the body; also of members that `read`
    /// did not ask for.
    package static func object<Value>(
        _ json: [UInt8],
        reading read: (ObjectReader) -> Value
    ) throws(Refusal) -> Value {
        let shape = try ShapeReader(json)
        return try shape.accepted(shape.object(at: 0)?.finishing(read))
    }

    /// Reads an object, or a list of at most `limit` of them, and says which of the two it was.
    package static func objects<Value>(
        _ json: [UInt8],
        atMost limit: Int,
        reading read: (ObjectReader) -> Value
    ) throws(Refusal) -> (values: [Value], isList: Bool) {
        let shape = try ShapeReader(json)
        var nodes = [0]
        let isList = shape.document.nodes[0].kind == .array
        if isList {
            nodes = shape.elements(of: 0)
            if !(1...limit).contains(nodes.count) {
                shape.refuse(0, "wrong_count", "must have from 1 to \(limit) elements")
            }
        }
        let values = nodes.prefix(limit).compactMap { shape.object(at: $0)?.finishing(read) }
        return (try shape.accepted(values), isList)
    }
}
