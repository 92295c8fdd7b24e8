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

    // MARK: Strings and codes

    package func string(_ name: StaticString) -> String? {
        member(name).flatMap { string(at: $0) }
    }

    /// A required string is not empty.
    package func requiredString(_ name: StaticString, order: Int = .max) -> String {
        guard let member = requiredMember(name, order: order), let text = string(at: member) else {
            return ""
        }
        if text.isEmpty { shape.refuse(member, "empty", "must not be empty") }
        return text
    }

    package func strings(_ name: StaticString) -> [String]? {
        member(name).flatMap { shape.elements(of: $0) }?.compactMap { string(at: $0) }
    }

    func code<Code: ClosedCode>(_ name: StaticString) -> Code? {
        member(name).flatMap { code(at: $0) }
    }

    func requiredCode<Code: ClosedCode>(_ name: StaticString, order: Int = .max) -> Code? {
        requiredMember(name, order: order).flatMap { code(at: $0) }
    }

    func openCode<Code: OpenCode>(_ name: StaticString) -> Code? {
        guard let member = member(name), let text = string(at: member) else { return nil }
        if text.isEmpty { shape.refuse(member, "empty", "must not be empty") }
        return Code(rawValue: text)
    }

    private func string(at node: Int) -> String? {
        guard shape.accepts(node, .string, "a string") else { return nil }
        return shape.document.text(shape.document.nodes[node])
    }

    private func code<Code: ClosedCode>(at node: Int) -> Code? {
        guard let text = string(at: node) else { return nil }
        if let code = Code(rawValue: text) { return code }
        let list = Code.allCases.map(\.rawValue).joined(separator: ", ")
        shape.refuse(node, "unknown_code", "must be one of \(list)")
        return nil
    }

    // MARK: Numbers and booleans

    package func integer(_ name: StaticString, atLeast least: Int, atMost most: Int = .max) -> Int?
    {
        member(name).flatMap { integer(at: $0, atLeast: least, atMost: most) }
    }

    package func requiredInteger(
        _ name: StaticString,
        atLeast least: Int,
        atMost most: Int,
        order: Int = .max
    ) -> Int {
        requiredMember(name, order: order).flatMap { integer(at: $0, atLeast: least, atMost: most) }
            ?? least
    }

    private func integer(at node: Int, atLeast least: Int, atMost most: Int) -> Int? {
        guard shape.accepts(node, .number, "an integer") else { return nil }
        let value = shape.document.nodes[node]
        guard value.flags.contains(.integerToken) else {
            shape.refuse(
                node,
                "wrong_type",
                "must be an integer, written without fraction and exponent"
            )
            return nil
        }
        let number = Int(shape.document.withText(value) { CanonicalNumber.value(of: $0) })
        guard (least...most).contains(number) else {
            let allowed = most == .max ? "at least \(least)" : "from \(least) to \(most)"
            shape.refuse(node, "out_of_range", "must be \(allowed)")
            return nil
        }
        return number
    }

    /// A number greater than 0, and at most `most` where given.
    func positiveNumber(_ name: StaticString, atMost most: Int? = nil) -> Double? {
        guard let node = member(name), shape.accepts(node, .number, "a number") else { return nil }
        let number = shape.document.withText(shape.document.nodes[node]) {
            CanonicalNumber.value(of: $0)
        }
        guard number > 0, number <= most.map(Double.init) ?? .infinity else {
            let limit = most.map { " and at most \($0)" } ?? ""
            shape.refuse(node, "out_of_range", "must be greater than 0\(limit)")
            return nil
        }
        return number
    }

    package func flag(_ name: StaticString) -> Bool? {
        member(name).flatMap { flag(at: $0) }
    }

    func requiredFlag(_ name: StaticString, order: Int) -> Bool {
        requiredMember(name, order: order).flatMap { flag(at: $0) } ?? false
    }

    private func flag(at node: Int) -> Bool? {
        guard shape.accepts(node, .bool, "true or false") else { return nil }
        return shape.document.nodes[node].flags.contains(.isTrue)
    }

    // MARK: Times and identifiers

    func instant(_ name: StaticString) -> Instant? {
        member(name).flatMap { instant(at: $0) }
    }

    func requiredInstant(_ name: StaticString) -> Instant {
        requiredMember(name).flatMap { instant(at: $0) } ?? Instant(microseconds: 0)
    }

    private func instant(at node: Int) -> Instant? {
        parse(node, "invalid_instant", "a time with an offset, such as 2025-01-31T18:05:00Z") {
            Instant(utf8: $0)
        }
    }

    func date(_ name: StaticString) -> CalendarDate? {
        member(name).flatMap { node in
            parse(node, "invalid_date", "a date of the calendar, such as 2025-01-31") {
                CalendarDate(utf8: $0)
            }
        }
    }

    package func identifier<ID: UniqueIdentifier>(_ name: StaticString) -> ID? {
        member(name).flatMap { identifier(at: $0) }
    }

    package func requiredIdentifier<ID: UniqueIdentifier>(
        _ name: StaticString,
        order: Int = .max
    ) -> ID {
        requiredMember(name, order: order).flatMap { identifier(at: $0) } ?? ID(bits: 0)
    }

    private func identifier<ID: UniqueIdentifier>(at node: Int) -> ID? {
        parse(node, "invalid_uuid", "a UUID of 8-4-4-4-12 hexadecimal digits") {
            uuidBits($0).map { ID(bits: $0) }
        }
    }

    private func parse<Value>(
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

    // MARK: Objects and arrays

    func object<Part: PayloadObject>(_ name: StaticString) -> Part? {
        member(name).flatMap { shape.object(at: $0) }.map { $0.read() }
    }

    /// An object that must be there; an empty one stands in where it is not.
    func requiredObject<Part: PayloadObject>(
        _ name: StaticString,
        else placeholder: Part,
        order: Int = .max
    ) -> Part {
        requiredMember(name, order: order).flatMap { shape.object(at: $0) }.map { $0.read() }
            ?? placeholder
    }

    /// A member that is an object, read by a closure that asks for its members; the others are refused.
    package func object<Value>(
        _ name: StaticString,
        reading read: (ObjectReader) -> Value
    ) -> Value? {
        member(name).flatMap { shape.object(at: $0) }.map { object in
            defer { object.finish() }
            return read(object)
        }
    }

    /// As ``object(_:reading:)``, of the elements of an array.
    package func objects<Value>(
        _ name: StaticString,
        reading read: (ObjectReader) -> Value
    ) -> [Value]? {
        member(name).map { shape.elements(of: $0) }?.compactMap { shape.object(at: $0) }
            .map { object in
                defer { object.finish() }
                return read(object)
            }
    }

    func objects<Part: PayloadObject>(_ name: StaticString) -> [Part]? {
        member(name).flatMap { shape.elements(of: $0) }?
            .compactMap { shape.object(at: $0) }.map { $0.read() }
    }

    /// A required array has at least one element.
    func requiredObjects<Part: PayloadObject>(_ name: StaticString, order: Int) -> [Part] {
        guard let member = requiredMember(name, order: order) else { return [] }
        if shape.document.nodes[member].kind == .array, shape.document.nodes[member].count == 0 {
            shape.refuse(member, "too_few", "must have at least one element")
        }
        return objects(name) ?? []
    }

    /// Reads the object as a part of a payload, and refuses its unknown members.
    func read<Part: PayloadObject>() -> Part {
        let part = Part(reading: self)
        finish()
        return part
    }
}
