extension String: PostgresEncodable, PostgresDecodable {
    /// text.
    public static var postgresType: PostgresType { .text }

    /// UTF-8.
    ///
    /// The server refuses a NUL character with 22021.
    public func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }

    /// Reads text, varchar, char(n), name, unknown, json, jsonb and "char".
    ///
    /// Cast enums to text.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        var characters = bytes
        switch type {
        case .text, .varchar, .bpchar, .name, .unknown, .json, PostgresType(oid: 18): break
        case .jsonb:
            guard bytes.first == 1 else { throw .malformed("an unknown version of jsonb") }
            characters = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        default: throw .typeMismatch
        }
        guard let text = String(validating: characters, as: UTF8.self) else {
            throw .malformed("the text is not UTF-8")
        }
        self = text
    }
}
