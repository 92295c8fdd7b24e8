/// Reads one object's members by name, each at most once, and refuses those nobody asked for.
package struct ObjectReader {
    let shape: ShapeReader
    let node: Int

    // MARK: Members

    /// The value node of a member, or nil where it is absent.
    package func member(_ name: StaticString) -> Int? { shape.document.member(name, of: node) }

    /// The value node of a member that must be there; notes where it is not.
    ///
    /// `order` is its place among the errors that name what the object lacks.
    package func requiredMember(_ name: StaticString, order: Int = .max) -> Int? {
        if let member = member(name) { return member }
        shape.refuse(node, lacking: "\(name)", order: order, "required", "is required")
        return nil
    }

    /// Notes an error about a member, whether it is there or not.
    package func refuse(_ name: StaticString, _ code: String, _ detail: String) {
        if let member = member(name) {
            shape.refuse(member, code, detail)
        } else {
            shape.refuse(node, lacking: "\(name)", code, detail)
        }
    }

    /// Notes an error about the object itself.
    package func refuse(_ code: String, _ detail: String) { shape.refuse(node, code, detail) }

    /// Whether a member is there and nothing was noted about its value.
    func hasAccepted(_ name: StaticString) -> Bool {
        guard let member = member(name) else { return false }
        return !shape.document.nodes[member].flags.contains(.refused)
    }

    /// Notes every member that was not asked for.
    ///
    /// Call it last.
    package func finish() {
        var name = node + 1
        for _ in 0..<shape.document.nodes[node].count {
            let flags = shape.document.nodes[name].flags
            if flags.isDisjoint(with: [.known, .refused]) {
                shape.refuse(name, "unknown_field", "is not a field of this object")
            }
            name = Int(shape.document.nodes[name + 1].next)
        }
    }

    // MARK: Fields

    package func optional<Kind: MemberKind>(_ name: StaticString, _ kind: Kind) -> Kind.Value? {
        member(name).flatMap { kind.read($0, of: self) }
    }

    /// As ``optional(_:_:)``; notes where the member is absent.
    package func required<Kind: MemberKind>(
        _ name: StaticString,
        _ kind: Kind,
        order: Int = .max
    ) -> Kind.Value? {
        requiredMember(name, order: order).flatMap { kind.read($0, of: self) }
    }

    /// A member that is an object, read by a closure that asks for its members; the others are refused.
    package func object<Value>(
        _ name: StaticString,
        reading read: (ObjectReader) -> Value
    ) -> Value? {
        member(name).flatMap { shape.object(at: $0)?.finishing(read) }
    }

    /// As ``object(_:reading:)``, of the elements of an array.
    package func objects<Value>(
        _ name: StaticString,
        reading read: (ObjectReader) -> Value
    ) -> [Value]? {
        member(name).map { shape.elements(of: $0) }?
            .compactMap { shape.object(at: $0)?.finishing(read) }
    }

    /// Reads the object as a part of a payload, and refuses its unknown members.
    func read<Part: PayloadObject>() -> Part { finishing { Part(reading: $0) } }

    /// Reads the object, and refuses the members that were not asked for.
    func finishing<Value>(_ read: (ObjectReader) -> Value) -> Value {
        defer { finish() }
        return read(self)
    }

    // MARK: Values

    func text(at node: Int) -> String? {
        guard shape.accepts(node, .string, "a string") else { return nil }
        return shape.document.text(shape.document.nodes[node])
    }

    func parse<Value>(
        _ node: Int,
        _ code: String,
        _ what: String,
        _ parse: (UnsafeBufferPointer<UInt8>) -> Value?
    ) -> Value? {
        guard shape.accepts(node, .string, what) else { return nil }
        if let value = shape.document.withText(shape.document.nodes[node], parse) { return value }
        shape.refuse(node, code, "must be \(what)")
        return nil
    }
}
