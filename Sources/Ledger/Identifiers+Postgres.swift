public import CareEpisode
public import Postgres

// Identifiers travel as uuid, in binary.

extension UniqueIdentifier where Self: PostgresEncodable {
    /// `uuid`.
    public static var postgresType: PostgresType { .uuid }

    /// Appends the sixteen bytes.
    public func encode(into bytes: inout [UInt8]) {
        PostgresUUID(bits: bits).encode(into: &bytes)
    }
}

extension UniqueIdentifier where Self: PostgresDecodable {
    /// Reads a `uuid`.
    public init(
        postgres bytes: UnsafeRawBufferPointer,
        type: PostgresType
    ) throws(PostgresDecodingFailure) {
        self.init(bits: try PostgresUUID(postgres: bytes, type: type).bits)
    }
}

extension EventID: PostgresEncodable, PostgresDecodable {}
extension EpisodeID: PostgresEncodable, PostgresDecodable {}
