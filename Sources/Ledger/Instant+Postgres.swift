public import CareEpisode
public import Postgres

// Times travel as the record has them, in microseconds since 1970 UTC, and are read from
// `timestamptz` columns as well.

extension Instant: PostgresEncodable, PostgresDecodable {
    /// Microseconds between 1970-01-01 and 2000-01-01, where PostgreSQL begins to count.
    private static let serverEpoch: Int64 = 946_684_800_000_000

    /// `bigint`.
    public static var postgresType: PostgresType { .int8 }

    /// Appends the microseconds since 1970 UTC.
    public func encode(into bytes: inout [UInt8]) { microseconds.encode(into: &bytes) }

    /// Reads a `bigint` of microseconds since 1970 UTC, or a `timestamptz`; its infinities are no
    /// instants.
    public init(
        postgres bytes: UnsafeRawBufferPointer,
        type: PostgresType
    ) throws(PostgresDecodingFailure) {
        guard type == .timestamptz else {
            self.init(microseconds: try Int64(postgres: bytes, type: type))
            return
        }
        let sinceServerEpoch = try Int64(postgres: bytes, type: .int8)
        let (microseconds, overflows) = sinceServerEpoch.addingReportingOverflow(Self.serverEpoch)
        guard !overflows, sinceServerEpoch != .min else { throw .outOfRange }
        self.init(microseconds: microseconds)
    }
}
