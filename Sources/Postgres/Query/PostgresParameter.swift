/// One parameter: its type and its value in binary format.
public struct PostgresParameter: Sendable, Hashable {
    /// The type the server is told; `.inferred` leaves it to the server.
    public var type: PostgresType
    /// The binary form; nil is NULL.
    public var bytes: [UInt8]?

    /// Encodes a value; nil and optionals that hold nothing are NULL of the value's type.
    public init<Value: PostgresEncodable>(_ value: Value) {
        type = Value.postgresType
        guard !value.isPostgresNull else { return }
        var encoded: [UInt8] = []
        value.encode(into: &encoded)
        bytes = encoded
    }

    /// Takes a value that is already in binary format.
    public init(type: PostgresType, bytes: [UInt8]?) {
        self.type = type
        self.bytes = bytes
    }
}

extension PostgresParameter: CustomStringConvertible {
    /// Type and length; never the value.
    public var description: String {
        "\(type), \(bytes.map { "\($0.count) bytes" } ?? "NULL")"
    }
}
