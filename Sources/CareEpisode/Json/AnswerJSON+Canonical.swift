extension AnswerJSON {
    /// The JSON as RFC 8785 wants it: members by name, the shortest escapes, no white space.
    ///
    /// Whole numbers are written with all their digits. Names are to be ASCII, for which the order of
    /// bytes is that of UTF-16; what is JSON already is written as it is.
    public var canonicalBytes: [UInt8] {
        var writer = CanonicalWriter()
        write(canonical: &writer)
        return writer.bytes
    }

    private func write(canonical writer: inout CanonicalWriter) {
        switch self {
        case .object(let members):
            writer.begin("{")
            let sorted = members.sorted {
                $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
            }
            for member in sorted {
                writer.separate()
                writer.write(member.name)
                writer.write(canonical: CollectionOfOne(UInt8(ascii: ":")))
                member.value.write(canonical: &writer)
            }
            writer.end("}")
        case .array(let elements):
            writer.begin("[")
            for element in elements {
                writer.separate()
                element.write(canonical: &writer)
            }
            writer.end("]")
        case .string(let text): writer.write(text)
        case .integer(let number): writer.write(canonical: String(number).utf8)
        case .number(let number):
            if number.isFinite {
                writer.write(number)
            } else {
                writer.write(canonical: "null".utf8)
            }
        case .bool(let value): writer.write(value)
        case .raw(let json): writer.write(canonical: json)
        case .null: writer.write(canonical: "null".utf8)
        }
    }
}
