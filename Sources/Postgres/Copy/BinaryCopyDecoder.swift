/// Reads the messages of `copy … to stdout (format binary)`.
///
/// The header comes at the head of the first message, the trailer in a message of its own.
public struct BinaryCopyDecoder: Sendable {
    private enum State {
        case header
        case rows
        case finished
    }

    private var state = State.header
    /// How many rows have been read.
    public private(set) var rowCount = 0

    /// Begins before the header.
    public init() {}

    /// Whether the trailer has come: the data is complete.
    public var isFinished: Bool { state == .finished }

    /// Reads one message and lends each row in it to `body`.
    ///
    /// Throws `PostgresError` with code `.decoding` if the bytes are not in the format, or have no
    /// more to come; rethrows what `body` throws. Allocates nothing.
    @inlinable
    public mutating func decode(
        _ message: UnsafeRawBufferPointer,
        row body: (inout BinaryCopyRow) throws -> Void
    ) throws {
        var rest = try begin(message)
        while var row = try nextRow(&rest) {
            try body(&row)
            rest = try end(row)
        }
    }

    @usableFromInline
    mutating func begin(_ message: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
        guard state == .header else { return message }
        var reader = BinaryReader(message)
        do throws(PostgresDecodingFailure) {
            let signature = try reader.bytes(BinaryCopyEncoder.signature.count)
            guard signature.elementsEqual(BinaryCopyEncoder.signature) else {
                throw .malformed("not binary COPY data")
            }
            // Bits 16 to 31 are for what a reader must understand.
            guard try reader.int32() & ~0xFFFF == 0 else { throw .malformed("unknown flags") }
            _ = try reader.bytes(Int(try reader.int32()))
            state = .rows
            return try reader.bytes(reader.remaining)
        } catch {
            throw failure(error)
        }
    }

    @usableFromInline
    mutating func nextRow(_ rest: inout UnsafeRawBufferPointer) throws -> BinaryCopyRow? {
        guard !rest.isEmpty else { return nil }
        var reader = BinaryReader(rest)
        do throws(PostgresDecodingFailure) {
            guard state == .rows else { throw .malformed("data after the trailer") }
            let columns = Int(try reader.int16())
            guard columns >= 0 else {
                guard columns == -1, reader.isAtEnd else { throw .malformed("a wrong trailer") }
                state = .finished
                rest = UnsafeRawBufferPointer(start: nil, count: 0)
                return nil
            }
            rowCount += 1
            return BinaryCopyRow(number: rowCount, columns: columns, reader: reader)
        } catch {
            throw failure(error)
        }
    }

    @usableFromInline
    mutating func end(_ row: BinaryCopyRow) throws -> UnsafeRawBufferPointer {
        var row = row
        while row.column < row.columns { _ = try row.nextBytes() }
        do throws(PostgresDecodingFailure) {
            return try row.reader.bytes(row.reader.remaining)
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ failure: PostgresDecodingFailure) -> PostgresError {
        PostgresError(.decoding, "COPY data after row \(rowCount): \(failure.reason)")
    }
}

/// One row of binary COPY data, read field by field.
///
/// Valid during the closure that gets it.
public struct BinaryCopyRow {
    /// The row's number, from 1.
    public let number: Int
    /// How many fields it has.
    public let columns: Int
    /// Which field comes next, from 0.
    public private(set) var column = 0
    fileprivate var reader: BinaryReader

    fileprivate init(number: Int, columns: Int, reader: BinaryReader) {
        self.number = number
        self.columns = columns
        self.reader = reader
    }

    /// The next field's bytes; nil is NULL.
    public mutating func nextBytes() throws -> UnsafeRawBufferPointer? {
        do throws(PostgresDecodingFailure) {
            guard column < columns else { throw .malformed("the row has no more fields") }
            column += 1
            return try reader.field()
        } catch {
            throw failure(error, as: UnsafeRawBufferPointer.self)
        }
    }

    /// Reads the next field.
    ///
    /// COPY data does not name types: the field must be of the type's own PostgreSQL type.
    public mutating func next<Value: PostgresDecodable & PostgresEncodable>(
        _: Value.Type = Value.self
    ) throws -> Value {
        guard let bytes = try nextBytes() else {
            do throws(PostgresDecodingFailure) {
                return try Value.decodeNull()
            } catch {
                throw failure(error, as: Value.self)
            }
        }
        do throws(PostgresDecodingFailure) {
            return try Value(postgres: bytes, type: Value.postgresType)
        } catch {
            throw failure(error, as: Value.self)
        }
    }

    private func failure<Value>(
        _ failure: PostgresDecodingFailure,
        as type: Value.Type
    ) -> PostgresError {
        PostgresError(
            .decoding,
            "field \(column) of row \(number) of COPY data as \(type): \(failure.reason)"
        )
    }
}
