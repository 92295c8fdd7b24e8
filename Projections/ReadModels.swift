public import Ledger
public import ProjectionRuntime

/// The read models there are.
public enum ReadModels {
    /// Their names, as commands and the registry know them, and the versions of their folds.
    public static let foldVersions: [(name: String, version: Int)] = [
        (CensusProjection.name, CensusProjection.foldVersion),
        (MedicationReviewProjection.name, MedicationReviewProjection.foldVersion),
        (DischargeSummaryProjection.name, DischargeSummaryProjection.foldVersion),
    ]

    /// Their names.
    public static var names: [String] { foldVersions.map(\.name) }

    /// Whether another version of the fold than this program's has filled a read model's tables.
    public static func isRebuildNeeded(_ status: ProjectionStatus) -> Bool {
        foldVersions.contains { $0.name == status.name && $0.version != status.foldVersion }
    }

    /// All read models of one ledger.
    ///
    /// - Throws: an error that names the ledger's zone where this machine does not know it.
    public static func all(_ ledger: LedgerDescription) throws -> [any EpisodeProjection] {
        [
            try CensusProjection(ledger),
            try MedicationReviewProjection(ledger),
            try DischargeSummaryProjection(ledger),
        ]
    }

    /// A worker for each read model of one ledger.
    ///
    /// - Parameter holder: who this is, shown as the holder of the leases.
    /// - Throws: as ``all(_:)``.
    public static func workers(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        holder: String
    ) throws -> [any LeasedWork] {
        func worker(_ projection: some EpisodeProjection) -> any LeasedWork {
            ProjectionWorker(projection, database, ledger: ledger, holder: holder)
        }
        return try all(ledger).map { worker($0) }
    }
}
