/// A parsed document on its way to typed values, and the errors found on that way.
///
/// The readers of payloads never stop at an error: they note it, put in a placeholder and go on, so
/// that all errors are told at once. Whoever starts a reading looks at `errors` before the result.
final class ShapeReader {
    var document: JSONDocument
    private(set) var errors: [JSONError] = []

    /// Parses a document; throws a ``Refusal`` where the bytes are not JSON, with pointers as the
    /// writer sees them below `prefix`.
    init(
        _ json: [UInt8],
        nesting: Int = JSONLimits.nesting,
        elementBytes: Int = .max,
        prefix: String = ""
    ) throws(Refusal) {
        let isJSON: Bool
        (document, isJSON) = JSONReader.read(json, nesting: nesting, elementBytes: elementBytes)
        guard isJSON else {
            throw Refusal(errors: document.errors.fieldErrors(in: document, prefix: prefix))
        }
    }

    /// Notes an error about a value, or about an object that lacks `member`.
    ///
    /// `order` is its place among the errors about one byte, in which it was not always noted.
    func refuse(
        _ node: Int,
        lacking member: String? = nil,
        order: Int = .max,
        _ code: String,
        _ detail: String
    ) {
        if member == nil { document.nodes[node].flags.insert(.refused) }
        // An event of 256 KiB can hold tens of thousands of errors; nobody reads them.
        guard errors.count < 10 * JSONLimits.reportedErrors else { return }
        errors.append(
            JSONError(
                code: code,
                detail: detail,
                node: node,
                member: member,
                offset: Int(document.nodes[node].offset),
                order: order
            )
        )
    }

    func object(at node: Int) -> ObjectReader? {
        guard accepts(node, .object, "an object") else { return nil }
        return ObjectReader(shape: self, node: node)
    }

    /// The elements of an array; none, and a note, where the node is none.
    func elements(of node: Int) -> [Int] {
        guard accepts(node, .array, "an array") else { return [] }
        var elements: [Int] = []
        var element = node + 1
        for _ in 0..<document.nodes[node].count {
            elements.append(element)
            element = Int(document.nodes[element].next)
        }
        return elements
    }

    /// Whether a node is of this kind; notes that it is not, unless it is refused already.
    func accepts(_ node: Int, _ kind: JSONNode.Kind, _ what: String) -> Bool {
        let value = document.nodes[node]
        if value.flags.contains(.refused) { return false }
        if value.kind == kind { return true }
        refuse(node, "wrong_type", "must be \(what)")
        return false
    }

    /// A value that was read, where nothing was noted; throws a ``Refusal`` with all that was.
    func accepted<Value>(_ value: Value?, prefix: String = "") throws(Refusal) -> Value {
        let errors = fieldErrors(prefix: prefix)
        guard let value, errors.isEmpty else { throw Refusal(errors: errors) }
        return value
    }

    /// Everything noted here and by the JSON reader, in the order of the document, as the writer
    /// sees it below `prefix`.
    ///
    /// No more than a hundred errors are told.
    private func fieldErrors(prefix: String) -> [FieldError] {
        (document.errors + errors).fieldErrors(in: document, prefix: prefix)
    }
}

extension [JSONError] {
    func fieldErrors(in document: JSONDocument, prefix: String = "") -> [FieldError] {
        let ordered = enumerated().sorted {
            ($0.element.offset, $0.element.order, $0.offset)
                < ($1.element.offset, $1.element.order, $1.offset)
        }
        var reported = ordered.prefix(JSONLimits.reportedErrors).map { _, error in
            FieldError(
                pointer: prefix
                    + (error.node.map { document.pointer(to: $0, member: error.member) } ?? ""),
                code: error.code,
                detail: error.detail
            )
        }
        if count > JSONLimits.reportedErrors {
            reported.append(
                FieldError(
                    pointer: prefix,
                    code: "more_errors",
                    detail:
                        "has more than \(JSONLimits.reportedErrors) errors; the rest is not told"
                )
            )
        }
        return reported
    }
}
