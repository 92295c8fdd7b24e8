extension Bool: PostgresEncodable, PostgresDecodable {
    /// boolean.
    public static var postgresType: PostgresType { .bool }
    /// One byte, 0 or 1.
    public func encode(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
    /// Reads boolean.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        guard type == .bool else { throw .typeMismatch }
        let byte = try bytes.bigEndian(UInt8.self)
        guard byte <= 1 else { throw .malformed("a boolean is 0 or 1") }
        self = byte == 1
    }
}

/// A single byte travels as smallint; an array of bytes is `bytea`.
extension UInt8: PostgresEncodable, PostgresDecodable {
    /// smallint.
    public static var postgresType: PostgresType { .int2 }
    /// bytea.
    public static var postgresArrayType: PostgresType { .bytea }
    /// Two bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int16(self)) }
    /// The bytes as they are.
    public static func encodeArray(_ values: [UInt8], into bytes: inout [UInt8]) {
        bytes.append(contentsOf: values)
    }
    /// Reads smallint from 0 to 255.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        let value = try Int16(postgres: bytes, type: type)
        guard let byte = UInt8(exactly: value) else { throw .outOfRange }
        self = byte
    }
    /// Reads bytea.
    public static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure) -> [UInt8]
    {
        guard type == .bytea else { throw .typeMismatch }
        return [UInt8](bytes)
    }
}

extension Int16: PostgresEncodable, PostgresDecodable {
    /// smallint.
    public static var postgresType: PostgresType { .int2 }
    /// Two bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    /// Reads smallint.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        guard type == .int2 else { throw .typeMismatch }
        self = try bytes.bigEndian()
    }
}

extension Int32: PostgresEncodable, PostgresDecodable {
    /// integer.
    public static var postgresType: PostgresType { .int4 }
    /// Four bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    /// Reads integer and smallint.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        switch type {
        case .int4: self = try bytes.bigEndian()
        case .int2: self = Int32(try bytes.bigEndian(Int16.self))
        default: throw .typeMismatch
        }
    }
}

extension Int64: PostgresEncodable, PostgresDecodable {
    /// bigint.
    public static var postgresType: PostgresType { .int8 }
    /// Eight bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    /// Reads bigint, integer, smallint and oid.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        switch type {
        case .int8: self = try bytes.bigEndian()
        case .int4: self = Int64(try bytes.bigEndian(Int32.self))
        case .int2: self = Int64(try bytes.bigEndian(Int16.self))
        case .oid: self = Int64(try bytes.bigEndian(UInt32.self))
        default: throw .typeMismatch
        }
    }
}

extension Int: PostgresEncodable, PostgresDecodable {
    /// bigint.
    public static var postgresType: PostgresType { .int8 }
    /// Eight bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int64(self)) }
    /// Reads bigint, integer, smallint and oid.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        self = Int(try Int64(postgres: bytes, type: type))
    }
}

extension Float: PostgresEncodable, PostgresDecodable {
    /// real.
    public static var postgresType: PostgresType { .float4 }
    /// Four bytes, IEEE 754.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(bitPattern) }
    /// Reads real.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        guard type == .float4 else { throw .typeMismatch }
        self = Float(bitPattern: try bytes.bigEndian())
    }
}

extension Double: PostgresEncodable, PostgresDecodable {
    /// double precision.
    public static var postgresType: PostgresType { .float8 }
    /// Eight bytes, IEEE 754.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(bitPattern) }
    /// Reads double precision and real.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        switch type {
        case .float8: self = Double(bitPattern: try bytes.bigEndian())
        case .float4: self = Double(Float(bitPattern: try bytes.bigEndian()))
        default: throw .typeMismatch
        }
    }
}
