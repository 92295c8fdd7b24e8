import Postgres

/// The fields of a row, front to back: of a result, or of a COPY.
protocol EventFields {
    mutating func next<Value: PostgresEncodable & PostgresDecodable>(
        _: Value.Type
    ) throws -> Value
    mutating func withNextBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result
}

extension EventFields {
    mutating func next<Value: PostgresEncodable & PostgresDecodable>() throws -> Value {
        try next(Value.self)
    }

    /// The bytes of a `bytea`; none of NULL.
    mutating func nextArray() throws -> [UInt8] { try withNextBytes { [UInt8]($0) } }
}

extension BinaryCopyRow: EventFields {
    mutating func withNextBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result { try body(try nextBytes() ?? .none) }
}

/// The fields of a row of a result.
struct ResultFields: EventFields {
    let row: PostgresRow
    private var column = 0

    init(row: PostgresRow) { self.row = row }

    mutating func next<Value: PostgresEncodable & PostgresDecodable>(
        _: Value.Type
    ) throws -> Value {
        defer { column += 1 }
        return try row.get(column)
    }

    mutating func withNextBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        defer { column += 1 }
        return try row.withBytes(column) { try body($0 ?? .none) }
    }
}

extension UnsafeRawBufferPointer {
    /// Of NULL.
    fileprivate static var none: Self { Self(start: nil, count: 0) }
}
