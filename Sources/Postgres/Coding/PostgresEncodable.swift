/// A Swift value that can travel as a parameter or a COPY field, in PostgreSQL's binary format.
///
/// A conforming type's arrays travel too, as arrays of its type.
public protocol PostgresEncodable: Sendable {
    /// The type the server is told.
    static var postgresType: PostgresType { get }
    /// The type of an array of such values.
    static var postgresArrayType: PostgresType { get }
    /// Whether the value is NULL; only optionals are.
    var isPostgresNull: Bool { get }
    /// Appends the value's binary form. Not called for NULL.
    func encode(into bytes: inout [UInt8])
    /// Appends the binary form of an array of such values.
    static func encodeArray(_ values: [Self], into bytes: inout [UInt8])
}

extension PostgresEncodable {
    /// The array type PostgreSQL has for the type.
    public static var postgresArrayType: PostgresType { postgresType.array }

    /// False: only optionals can be NULL.
    public var isPostgresNull: Bool { false }

    /// Appends a one-dimensional array; an empty one has no dimension, as in PostgreSQL.
    public static func encodeArray(_ values: [Self], into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int32(values.isEmpty ? 0 : 1))
        let hasNull = values.contains { $0.isPostgresNull }
        bytes.appendBigEndian(Int32(hasNull ? 1 : 0))
        bytes.appendBigEndian(Self.postgresType.oid)
        guard !values.isEmpty else { return }
        bytes.appendBigEndian(Int32(values.count))
        bytes.appendBigEndian(Int32(1))
        for value in values { bytes.appendField(value) }
    }
}

/// A Swift type that can be read from a column in PostgreSQL's binary format.
public protocol PostgresDecodable {
    /// Reads a value that is not NULL.
    ///
    /// `bytes` is valid during the call only. `type` is the column's type; throw `.typeMismatch` for
    /// one that the Swift type does not stand for.
    init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    /// What NULL is read as; throws unless the type is an optional.
    static func decodeNull() throws(PostgresDecodingFailure) -> Self
    /// Reads an array of such values.
    static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure) -> [Self]
}

extension PostgresDecodable {
    /// Throws: only optionals stand for NULL.
    public static func decodeNull() throws(PostgresDecodingFailure) -> Self {
        throw .unexpectedNull
    }

    /// Reads an empty or one-dimensional array.
    public static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure) -> [Self]
    {
        var reader = BinaryReader(bytes)
        let dimensions = try reader.int32()
        let flags = try reader.int32()
        let element = PostgresType(oid: UInt32(bitPattern: try reader.int32()))
        guard type == .inferred || element.array == .inferred || element.array == type else {
            throw .typeMismatch
        }
        guard flags == 0 || flags == 1, dimensions == 0 || dimensions == 1 else {
            throw .malformed("only arrays of one dimension are supported")
        }
        guard dimensions == 1 else {
            guard reader.isAtEnd else { throw .malformed("bytes after an empty array") }
            return []
        }
        let count = Int(try reader.int32())
        _ = try reader.int32()  // lower bound: Swift's arrays begin at 0
        guard count >= 0, count <= bytes.count / 4 else {
            throw .malformed("an array longer than its bytes")
        }
        var values: [Self] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            if let field = try reader.field() {
                values.append(try Self(postgres: field, type: element))
            } else {
                values.append(try decodeNull())
            }
        }
        guard reader.isAtEnd else { throw .malformed("bytes after the last element") }
        return values
    }
}

/// Why a value could not be read.
///
/// The caller adds column and types.
public enum PostgresDecodingFailure: Error, Hashable, Sendable {
    /// NULL where the Swift type has no place for it.
    case unexpectedNull
    /// The column's type is not one the Swift type stands for.
    case typeMismatch
    /// The server's value does not fit the Swift type.
    case outOfRange
    /// The bytes are not in the type's binary format.
    case malformed(StaticString)

    /// The reason in words; never a value.
    public var reason: String {
        switch self {
        case .unexpectedNull: "the value is NULL"
        case .typeMismatch: "the types do not match"
        case .outOfRange: "the value is out of range"
        case .malformed(let what): "the bytes are malformed: \(what)"
        }
    }

    /// Equal if the reasons are.
    public static func == (a: Self, b: Self) -> Bool { a.reason == b.reason }

    /// Hashes the reason.
    public func hash(into hasher: inout Hasher) { hasher.combine(reason) }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The wrapped type's.
    public static var postgresType: PostgresType { Wrapped.postgresType }
    /// The wrapped type's.
    public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
    /// True for nil.
    public var isPostgresNull: Bool { self?.isPostgresNull ?? true }
    /// Appends the wrapped value.
    public func encode(into bytes: inout [UInt8]) { self?.encode(into: &bytes) }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// Reads the wrapped type.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        self = .some(try Wrapped(postgres: bytes, type: type))
    }

    /// nil.
    public static func decodeNull() throws(PostgresDecodingFailure) -> Self { .none }
}

extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// The element's array type: `bytea` for `[UInt8]`.
    public static var postgresType: PostgresType { Element.postgresArrayType }
    /// Appends the array.
    public func encode(into bytes: inout [UInt8]) { Element.encodeArray(self, into: &bytes) }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// Reads an array, or `bytea` if the elements are bytes.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        self = try Element.decodeArray(bytes, type: type)
    }
}
