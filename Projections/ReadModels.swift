public import Ledger
public import ProjectionRuntime

/// The read models there are.
public enum ReadModels {
    private static let types: [any LedgerProjection.Type] = [
        CensusProjection.self, MedicationReviewProjection.self, DischargeSummaryProjection.self,
        SessionsProjection.self,
    ]

    /// Their names, as commands and the registry know them, and the versions of their folds.
    public static let foldVersions = types.map { (name: $0.name, version: $0.foldVersion) }

    /// Their names.
    public static var names: [String] { foldVersions.map(\.name) }

    /// Whether another version of the fold than this program's has filled a read model's tables.
    public static func isRebuildNeeded(_ status: ProjectionStatus) -> Bool {
        foldVersions.contains { $0.name == status.name && $0.version != status.foldVersion }
    }

    /// Every question that can be asked, as HTTP offers it.
    public static let questions = [
        QuestionDescription(
            question: ReplayQuestion.self,
            operation: "getEpisode",
            path: "episodes/{episode}",
            summary: "The state of an episode by replay",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: EpisodesQuestion.self,
            operation: "listEpisodes",
            path: "episodes",
            summary: "Episodes, by admission",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: CensusQuestion.self,
            operation: "getCensus",
            path: "census",
            summary: "The midnight census of a date, or of each day of a period",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: AttendanceQuestion.self,
            operation: "getAttendance",
            path: "attendance",
            summary: "An episode's sessions and hours, week by week, or how everybody attends",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: OutcomesQuestion.self,
            operation: "getOutcomes",
            path: "outcomes",
            summary: "How the episodes of a period ended",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: RetentionQuestion.self,
            operation: "getRetention",
            path: "retention",
            summary: "How long clients stay in the services of a period, and how these ended",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: SessionsQuestion.self,
            operation: "listSessions",
            path: "sessions",
            summary: "Sessions with who came, who did not and who is unmarked",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: StatisticsQuestion.self,
            operation: "getStatistics",
            path: "statistics",
            summary: "Who came, stayed and went in a period, and how they attended",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: MedicationReviewQuestion.self,
            operation: "getMedicationReview",
            path: "medication-review",
            summary: "The medication review of an episode, of a client, or of all who are enrolled",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: DischargeSummariesQuestion.self,
            operation: "listDischargeSummaries",
            path: "discharge-summaries",
            summary: "Ended episodes and what their summaries lack",
            disclosesHealthInformation: true
        ),
        QuestionDescription(
            question: DischargeSummaryQuestion.self,
            operation: "getDischargeSummary",
            path: "discharge-summaries/{episode}",
            summary: "The discharge summary of an episode",
            disclosesHealthInformation: true
        ),
    ]

    /// All read models of one ledger.
    ///
    /// - Throws: an error that names the ledger's zone where this machine does not know it.
    public static func all(_ ledger: LedgerDescription) throws -> [any EpisodeProjection] {
        try types.map { try $0.init(ledger) }
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
        let batches = SharedBatches(database, ledger: ledger)
        func worker(_ projection: some EpisodeProjection) -> any LeasedWork {
            ProjectionWorker(
                projection,
                database,
                ledger: ledger,
                holder: holder,
                batches: batches
            )
        }
        return try all(ledger).map { worker($0) }
    }
}

/// A question as HTTP offers it.
public struct QuestionDescription: Sendable {
    /// What is asked.
    public let question: any Question.Type
    /// Its name in the OpenAPI document and in the access log.
    public let operation: String
    /// Below the ledger's.
    public let path: String
    /// What the answer is, in a line.
    public let summary: String
    /// Whether the answer holds health information, so that who asks is kept in the access log.
    public let disclosesHealthInformation: Bool
}

extension MedicationReviewProjection: LedgerProjection {}
