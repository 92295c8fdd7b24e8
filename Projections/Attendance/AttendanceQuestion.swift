public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// An episode's sessions and hours, week by week.
public struct AttendanceQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter("episode", .episode, "The episode's id, a UUID.", isRequired: true),
            Parameter(
                "effective_at",
                .pastTime,
                """
                Only what happened up to this time takes part; without it, now. A date means its \
                24:00, today's now.
                """
            ),
            Parameter(
                "weekly_hours",
                .programHours,
                """
                Below how many hours a program's weeks are flagged, 0 to 168; may be given \
                several times. Without it what the ledger has set, else 9, 6 for programs with \
                the word adolescent in their key, and 20 for partial hospitalization.
                """,
                repeats: true
            ),
        ] + Clocks.parameters + [Clocks.version]

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [AttendanceAnswer.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .init("episode_id", \.episode),
        .init("effective_at", \.effectiveAt),
    ]

    /// Whose.
    public let episode: EpisodeID
    /// Up to when entries take part, where no version says it.
    public let effectiveAt: Instant
    private let isTimeGiven: Bool
    /// Below how many hours a program's weeks are flagged, whatever the ledger has set.
    public let weeklyHours: [String: Double]
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let episode = reader.episode("episode")
        isTimeGiven = reader.has("effective_at")
        effectiveAt = reader.time("effective_at") ?? moment.now
        weeklyHours = reader.programHours("weekly_hours")
        clocks = Clocks(&reader, ofEpisode: true)
        try reader.finish()
        guard let episode else { preconditionFailure("an episode that is not read is refused") }
        self.episode = episode
    }

    /// None: it is folded from the episode's events.
    public func tables(of ledger: LedgerDescription) -> (any EpisodeProjection)? { nil }

    /// One episode.
    public var isAboutOneEpisode: Bool { true }

    /// The attendance.
    public func answer(_ context: LedgerContext) async throws -> Answer<EpisodeAttendance> {
        let cut = try await context.cut(clocks, of: episode)
        let settings = try await context.settings(known: clocks, cut)
        let effectiveAt = effectiveAt(cut)
        let (attendance, basis) = try await query(context, settings).episode(
            episode,
            effectiveAt: effectiveAt,
            knowledge: clocks.knowledge,
            through: cut?.position
        )
        // The id goes along within the answer: Swift 6.3.1 resumes an asynchronous closure wrongly that
        // captures its 16 bytes by themselves.
        let told = AttendanceAnswer(
            episodeID: episode,
            effectiveAt: effectiveAt,
            attendance: attendance
        )
        return Answer(attendance, basis, json: told.json(context.ledger, basis)) {
            told.document(context.ledger, basis)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let settings = try await context.settings(known: clocks)
        return try await compare(
            context,
            (first, second),
            of: episode,
            settings: settings,
            fold: try query(context, settings).fold(effectiveAt: effectiveAt),
            items: { $0.flatMap(\.items) }
        )
    }

    /// What the last version that takes part has changed; nothing where none is named.
    ///
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``LedgerError/unknownVersion(_:newest:)``.
    public func changes(_ context: LedgerContext) async throws -> [KnowledgeDifference.Change] {
        guard let cut = try await context.cut(clocks, of: episode) else { return [] }
        let settings = try await context.settings(known: clocks, cut)
        return try await context.histories.changes(
            by: cut.version,
            of: episode,
            fold: try query(context, settings).fold(effectiveAt: effectiveAt(cut)),
            items: { $0.flatMap(\.items) }
        )
    }

    private func effectiveAt(_ cut: HistoryCut?) -> Instant {
        isTimeGiven ? effectiveAt : cut?.effectiveAt ?? effectiveAt
    }

    private func query(
        _ context: LedgerContext,
        _ settings: LedgerSettings
    ) throws -> AttendanceQuery {
        try AttendanceQuery(
            context.database,
            ledger: context.ledger,
            settings: AttendanceSettings(weeklyHours, ledger: settings)
        )
    }
}
