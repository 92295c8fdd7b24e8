extension [UInt8] {
    /// Appends an integer in network byte order.
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// Appends a field as arrays and COPY rows hold it: its length, or -1 for NULL, and its bytes.
    mutating func appendField(_ value: some PostgresEncodable) {
        guard !value.isPostgresNull else {
            appendBigEndian(Int32(-1))
            return
        }
        let start = count
        appendBigEndian(Int32(0))
        value.encode(into: &self)
        let length = count - start - 4
        precondition(length <= Int32.max, "a field of 2 GiB or more")
        Swift.withUnsafeBytes(of: Int32(length).bigEndian) { prefix in
            for (offset, byte) in prefix.enumerated() { self[start + offset] = byte }
        }
    }
}

/// Reads PostgreSQL's binary format front to back, refusing to read past the end.
struct BinaryReader {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }
    var remaining: Int { rest.count }

    mutating func bytes(_ count: Int) throws(PostgresDecodingFailure) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= rest.count else { throw .malformed("bytes are missing") }
        let taken = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        return taken
    }

    mutating func int16() throws(PostgresDecodingFailure) -> Int16 {
        try bytes(2).bigEndian(Int16.self)
    }

    mutating func int32() throws(PostgresDecodingFailure) -> Int32 {
        try bytes(4).bigEndian(Int32.self)
    }

    /// A length-prefixed field; nil is NULL.
    mutating func field() throws(PostgresDecodingFailure) -> UnsafeRawBufferPointer? {
        let length = try int32()
        guard length != -1 else { return nil }
        return try bytes(Int(length))
    }
}

extension UnsafeRawBufferPointer {
    /// The integer these bytes are, in network byte order.
    func bigEndian<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self)
        throws(PostgresDecodingFailure) -> Integer
    {
        guard count == MemoryLayout<Integer>.size else { throw .malformed("a wrong length") }
        return Integer(bigEndian: loadUnaligned(as: Integer.self))
    }
}
