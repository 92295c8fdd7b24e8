public import CareEpisode

/// The number under which a ledger's rows are stored.
public struct LedgerID: Hashable, Sendable, RawRepresentable {
    /// From 1.
    public let rawValue: Int32

    /// Wraps a stored number.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }
}

/// One ledger of a database: one organization's record.
public struct LedgerDescription: Hashable, Sendable {
    /// The number its rows begin with.
    public let id: LedgerID
    /// The name that headers, addresses and checkpoints carry.
    public let name: LedgerName
    /// IANA name of the zone of its days, weeks and midnights.
    public let timeZone: String

    /// Describes a ledger.
    public init(id: LedgerID, name: LedgerName, timeZone: String) {
        self.id = id
        self.name = name
        self.timeZone = timeZone
    }
}
