public import Ledger
public import ProjectionRuntime

/// A read model of a ledger whose name and version are those of its type.
public protocol LedgerProjection: EpisodeProjection {
    /// As commands and the registry know it.
    static var name: String { get }
    /// Raised with every change of the fold or of the tables.
    static var foldVersion: Int { get }

    /// The read model of one ledger.
    ///
    /// - Throws: an error that names the ledger's zone where this machine does not know it.
    init(_ ledger: LedgerDescription) throws
}

extension LedgerProjection {
    /// As its type's.
    public var name: String { Self.name }

    /// As its type's.
    public var foldVersion: Int { Self.foldVersion }
}
