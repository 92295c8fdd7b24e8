/// A timestamp with time zone: an instant, or one of the two infinities.
public struct PostgresTimestamp: Hashable, Comparable, Sendable, PostgresEncodable,
    PostgresDecodable
{
    /// Microseconds between 1970-01-01 and 2000-01-01, where PostgreSQL begins to count.
    private static let epochOffset: Int64 = 946_684_800_000_000

    /// Microseconds since 2000-01-01T00:00:00Z; the extremes are the infinities, as on the wire.
    private var wire: Int64

    /// An instant in microseconds since 1970-01-01T00:00:00Z.
    ///
    /// What lies before PostgreSQL's first year (4713 BC) is refused by the server with 22008.
    public init(microseconds: Int64) {
        let (shifted, overflow) = microseconds.subtractingReportingOverflow(Self.epochOffset)
        // One above the sentinel: still far out of the server's range, never "-infinity".
        wire = overflow || shifted == .min ? .min + 1 : shifted
    }

    private init(wire: Int64) { self.wire = wire }

    /// Later than every instant.
    public static let infinity = PostgresTimestamp(wire: .max)
    /// Earlier than every instant.
    public static let negativeInfinity = PostgresTimestamp(wire: .min)

    /// False for the infinities.
    public var isFinite: Bool { wire != .max && wire != .min }

    /// Microseconds since 1970-01-01T00:00:00Z; nil for the infinities and for what does not fit
    /// (the last months of the year 294276).
    public var microseconds: Int64? {
        guard isFinite else { return nil }
        let (shifted, overflow) = wire.addingReportingOverflow(Self.epochOffset)
        return overflow ? nil : shifted
    }

    /// By time; the infinities at the ends.
    public static func < (a: Self, b: Self) -> Bool { a.wire < b.wire }

    /// timestamp with time zone.
    public static var postgresType: PostgresType { .timestamptz }

    /// Eight bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(wire) }

    /// Reads timestamp with time zone; a timestamp without zone is no instant and is refused.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        guard type == .timestamptz else { throw .typeMismatch }
        wire = try bytes.bigEndian()
    }
}

/// A date, or one of the two infinities.
public struct PostgresDate: Hashable, Comparable, Sendable, PostgresEncodable, PostgresDecodable {
    /// Days between 1970-01-01 and 2000-01-01.
    private static let epochOffset = 10_957

    /// Days since 2000-01-01; the extremes are the infinities, as on the wire.
    private var wire: Int32

    /// A date by days since 1970-01-01.
    ///
    /// What PostgreSQL's type cannot hold becomes a value the server refuses with 22008.
    public init(dayNumber: Int) {
        let (shifted, overflow) = dayNumber.subtractingReportingOverflow(Self.epochOffset)
        wire = overflow ? .min + 1 : Int32(clamping: shifted)
        if wire == .min { wire += 1 }
        if wire == .max { wire -= 1 }
    }

    private init(wire: Int32) { self.wire = wire }

    /// Later than every date.
    public static let infinity = PostgresDate(wire: .max)
    /// Earlier than every date.
    public static let negativeInfinity = PostgresDate(wire: .min)

    /// False for the infinities.
    public var isFinite: Bool { wire != .max && wire != .min }

    /// Days since 1970-01-01; nil for the infinities.
    public var dayNumber: Int? { isFinite ? Int(wire) + Self.epochOffset : nil }

    /// By time; the infinities at the ends.
    public static func < (a: Self, b: Self) -> Bool { a.wire < b.wire }

    /// date.
    public static var postgresType: PostgresType { .date }

    /// Four bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(wire) }

    /// Reads date.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        guard type == .date else { throw .typeMismatch }
        wire = try bytes.bigEndian()
    }
}
