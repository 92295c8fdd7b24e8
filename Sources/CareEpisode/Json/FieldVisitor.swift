/// Takes the fields of an object of the catalog one by one: to read them, to write them, or to say
/// what they are.
///
/// A field is listed once, in ``PayloadObject/visit(_:)``. The compiler makes of that list what would
/// else be written by hand: parsing is as fast, writing costs a tenth more (key paths would double
/// it).
///
/// - `order` is the place of a required field among the errors that name what an object lacks, from 1
///   on in the order of `docs/events.md`; the list itself has the canonical order.
protocol FieldVisitor {
    mutating func required<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value,
        order: Int
    )
    mutating func optional<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value?
    )
}

/// An object of the catalog: its fields are listed once, and so read, written in canonical form,
/// and described.
protocol PayloadObject: CanonicalValue {
    /// What fields have before they are read, and keep where they are refused.
    static var blank: Self { get }
    /// Gives a visitor each field by name, in the order of RFC 8785.
    mutating func visit(_ field: inout some FieldVisitor)
    /// Notes what the fields by themselves do not show: which of them go together.
    func check(_ object: ObjectReader)
    /// What ``check(_:)`` refuses, as members of the object's JSON Schema.
    static var rules: [(name: String, value: AnswerJSON)] { get }
}

extension PayloadObject {
    func check(_ object: ObjectReader) {}
    static var rules: [(name: String, value: AnswerJSON)] { [] }

    /// Asks for each of the object's members; what is wrong is noted in the reader.
    init(reading object: ObjectReader) {
        self = Self.blank
        var reader = FieldReader(object: object)
        visit(&reader)
        check(object)
    }

    func write(to writer: inout CanonicalWriter) {
        var fields = self
        writer.begin("{")
        fields.visit(&writer)
        writer.end("}")
    }
}

/// Reads the fields of an object, and notes what is wrong.
private struct FieldReader: FieldVisitor {
    let object: ObjectReader

    mutating func required<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value,
        order: Int
    ) {
        if let read = object.required(name, kind, order: order) { value = read }
    }

    mutating func optional<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value?
    ) {
        value = object.optional(name, kind)
    }
}

/// Writes the fields of an object that are there: absent stays absent.
extension CanonicalWriter: FieldVisitor {
    mutating func required<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value,
        order: Int
    ) {
        self.name(name)
        kind.write(value, to: &self)
    }

    mutating func optional<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value?
    ) {
        guard let value else { return }
        self.name(name)
        kind.write(value, to: &self)
    }
}
