/// Where an event stands in its ledger: 1, 2, 3… in commit order, without gaps.
public struct Position: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number, from 1; 0 is before the first event.
    public let rawValue: Int64

    /// The position with this number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The position with this number.
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// Before the first event of a ledger.
    public static let zero = Position(0)

    /// The position right after this one; of the last number there is, itself.
    public var next: Position { rawValue < .max ? Position(rawValue + 1) : self }

    /// Whether `left` comes first.
    public static func < (left: Position, right: Position) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}

/// Where an event stands in its episode: 1, 2, 3… without gaps.
public struct Version: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number, from 1; 0 is the version of an episode of which nothing is recorded.
    public let rawValue: Int64

    /// The version with this number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// The version with this number.
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// The version of an episode of which nothing is recorded.
    public static let zero = Version(0)

    /// The version right after this one; of the last number there is, itself.
    public var next: Version { rawValue < .max ? Version(rawValue + 1) : self }

    /// Whether `left` comes first.
    public static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}
