public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// An episode's sessions and hours, week by week, or how everybody attends who is enrolled.
public struct AttendanceQuestion: Question {
    /// One episode's attendance, or everybody's.
    public enum Value: Sendable {
        /// Week by week.
        case episode(EpisodeAttendance)
        /// A row for each who is enrolled, those to look at first on top.
        case enrolled(AttendanceList)
    }

    /// What can be given.
    public static let parameters =
        [
            Parameter(
                "episode",
                .episode,
                "The episode's id, a UUID. Without it, everybody who is enrolled."
            ),
            Parameter("program", .text, "Of everybody, only those in this program."),
            Parameter(
                "effective_at",
                .pastTime,
                """
                Only what happened up to this time takes part; without it, now. A date means its \
                24:00, today's now; of everybody, just before it.
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
    public static var schemas: [AnswerJSON] {
        [AttendanceAnswer.schema, AttendanceList.schema, comparison]
    }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .optional("episode_id", \.episode),
        .optional("program", \.program),
        .init("effective_at", \.effectiveAt),
    ]

    /// The weeks of an episode, or all who are enrolled.
    public static var isList: Bool { true }

    /// Whose; nil for everybody who is enrolled.
    public let episode: EpisodeID?
    /// Of everybody, only those in this program; nil for all.
    public let program: String?
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
        episode = reader.episode("episode")
        program = reader.text("program")
        if reader.has("episode"), reader.has("program") {
            reader.refuse("program", .conflict, "does not go with {episode}")
        }
        isTimeGiven = reader.has("effective_at")
        effectiveAt =
            reader.has("episode")
            ? reader.time("effective_at") ?? moment.now : reader.timeWithinDate("effective_at")
        weeklyHours = reader.programHours("weekly_hours")
        clocks = Clocks(&reader, ofEpisode: true)
        if reader.has("version"), !reader.has("episode") {
            reader.refuse("version", .conflict, "goes with {episode} alone")
        }
        try reader.finish()
    }

    /// The census; one episode is folded from its events.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        episode == nil ? try CensusProjection(ledger) : nil
    }

    /// Whether an episode is named.
    public var isAboutOneEpisode: Bool { episode != nil }

    /// The attendance.
    public func answer(_ context: LedgerContext) async throws -> Answer<Value> {
        let cut = try await cut(context)
        let settings = AttendanceSettings(
            weeklyHours,
            ledger: context.settings(known: clocks, cut)
        )
        guard let episode else {
            let (list, basis) = try await CensusQuery(context)
                .attendance(
                    effectiveAt: effectiveAt,
                    program: program,
                    settings: settings,
                    knowledge: clocks.knowledge
                )
            return Answer(
                .enrolled(list),
                basis,
                json: list.json(context.ledger, basis),
                list: { list.list }
            ) {
                list.document(context, basis)
            }
        }
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
        return Answer(
            .episode(attendance),
            basis,
            json: told.json(context.ledger, basis),
            list: { attendance.list }
        ) {
            told.document(context.ledger, basis)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let settings = AttendanceSettings(
            weeklyHours,
            ledger: context.settings(known: clocks)
        )
        guard let episode else {
            let time = AttendanceTime(effectiveAt, context.calendar, settings)
            return try await compare(
                context,
                (first, second),
                among: .enrolled(at: effectiveAt),
                settings: settings.ledger,
                fold: try CensusQuery(context).attendanceFold(
                    effectiveAt: effectiveAt,
                    program: program,
                    settings: settings
                ),
                items: { [program] in AttendanceList($0, program: program, at: time).items }
            )
        }
        return try await compare(
            context,
            (first, second),
            of: episode,
            settings: settings.ledger,
            fold: try query(context, settings).fold(effectiveAt: effectiveAt),
            items: { $0.flatMap(\.items) }
        )
    }

    /// What the last version that takes part has changed; nothing where none is named.
    ///
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``LedgerError/unknownVersion(_:newest:)``.
    public func changes(_ context: LedgerContext) async throws -> [KnowledgeDifference.Change] {
        guard let episode, let cut = try await cut(context) else { return [] }
        let settings = AttendanceSettings(
            weeklyHours,
            ledger: context.settings(known: clocks, cut)
        )
        return try await context.histories.changes(
            by: cut.version,
            of: episode,
            fold: try query(context, settings).fold(effectiveAt: effectiveAt(cut)),
            items: { $0.flatMap(\.items) }
        )
    }

    private func cut(_ context: LedgerContext) async throws -> HistoryCut? {
        guard let episode else { return nil }
        return try await context.cut(clocks, of: episode)
    }

    private func effectiveAt(_ cut: HistoryCut?) -> Instant {
        isTimeGiven ? effectiveAt : cut?.effectiveAt ?? effectiveAt
    }

    private func query(
        _ context: LedgerContext,
        _ settings: AttendanceSettings
    ) throws -> AttendanceQuery {
        try AttendanceQuery(
            context.database,
            ledger: context.ledger,
            settings: settings
        )
    }
}
