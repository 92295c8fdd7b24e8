/// Builds the data of `copy … from stdin (format binary)`.
///
/// ```swift
/// encoder.row(columns: 2)
/// encoder.append(position)
/// encoder.append(payload)
/// ```
public struct BinaryCopyEncoder: Sendable {
    static let signature: [UInt8] =
        [UInt8]("PGCOPY\n".utf8) + [0xFF] + [UInt8]("\r\n".utf8) + [0]

    /// What has been encoded and not been taken.
    public private(set) var bytes: [UInt8]
    private var fieldsDue = 0

    /// Begins with the header.
    public init() {
        bytes = Self.signature
        bytes.appendBigEndian(Int32(0))  // no flags
        bytes.appendBigEndian(Int32(0))  // no extension
    }

    /// Begins a row, which needs as many `append`s.
    public mutating func row(columns: Int) {
        precondition(fieldsDue == 0, "a row lacks \(fieldsDue) of its fields")
        precondition(columns >= 0 && columns <= 1600, "a row has up to 1,600 columns")
        fieldsDue = columns
        bytes.appendBigEndian(Int16(columns))
    }

    /// Appends a field; nil is NULL.
    public mutating func append<Value: PostgresEncodable>(_ value: Value) {
        precondition(fieldsDue > 0, "a row has more fields than it said")
        fieldsDue -= 1
        bytes.appendField(value)
    }

    /// Appends whole rows that another encoder has encoded.
    public mutating func append(rows: some Sequence<UInt8>) {
        precondition(fieldsDue == 0, "a row lacks \(fieldsDue) of its fields")
        bytes.append(contentsOf: rows)
    }

    /// Ends the data with the trailer.
    public mutating func finish() {
        precondition(fieldsDue == 0, "a row lacks \(fieldsDue) of its fields")
        bytes.appendBigEndian(Int16(-1))
    }

    /// Takes what has been encoded so far.
    public mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}
