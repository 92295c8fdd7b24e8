public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// The summary of an episode, each statement with its events.
public struct DischargeSummaryQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter("episode", .episode, "The episode's id, a UUID.", isRequired: true),
            Parameter("interim", .flag, "Summarize an open episode so far."),
            Parameter(
                "since",
                .pastTime,
                """
                Tell what has become known since this time, by the clock of {known_by} and not \
                later than {known_at}; without it, since the end itself became known.
                """
            ),
            Parameter(
                "effective_at",
                .pastTime,
                """
                Only what happened up to this time takes part; without it, now. A date means its \
                24:00 in the ledger's zone.
                """
            ),
        ] + Clocks.parameters + [Clocks.version]

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [DischargeSummaryAnswer.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .init("episode_id", \.episode),
        .init("effective_at", \.effectiveAt),
    ]

    /// Whose.
    public let episode: EpisodeID
    /// Whether an open episode is summarized so far.
    public let isInterim: Bool
    /// Since when changes are told; nil for since the end.
    public let since: Instant?
    /// Up to when entries take part, where no version says it.
    public let effectiveAt: Instant
    private let isTimeGiven: Bool
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let episode = reader.episode("episode")
        isInterim = reader.flag("interim")
        since = reader.time("since")
        isTimeGiven = reader.has("effective_at")
        effectiveAt = reader.time("effective_at") ?? moment.now
        clocks = Clocks(&reader, ofEpisode: true)
        if reader.has("since"), reader.has("diff") {
            reader.refuse("since", .conflict, "does not go with {diff}")
        }
        if !moment.isOpen, let since, let knownAt = clocks.knownAt, since > knownAt {
            reader.refuse(
                "since",
                .liesAhead,
                "must not be later than {known_at}: nothing had become known since then"
            )
        }
        try reader.finish()
        guard let episode else { preconditionFailure("an episode that is not read is refused") }
        self.episode = episode
    }

    /// None: it is folded from the episode's events.
    public func tables(of ledger: LedgerDescription) -> (any EpisodeProjection)? { nil }

    /// One episode.
    public var isAboutOneEpisode: Bool { true }

    /// The summary.
    public func answer(_ context: LedgerContext) async throws -> Answer<DischargeSummaryAnswer> {
        let query = try DischargeSummaryQuery(context.database, ledger: context.ledger)
        let cut = try await context.cut(clocks, of: episode)
        let answer = try await query.episode(
            episode,
            effectiveAt: isTimeGiven ? effectiveAt : cut?.effectiveAt ?? effectiveAt,
            knowledge: clocks.knowledge,
            through: cut?.position,
            clock: clocks.clock,
            since: since,
            interim: isInterim
        )
        return Answer(answer, answer.basis, json: answer.json(context.ledger, answer.basis)) {
            let sources = try await query.sources(of: answer)
            return answer.document(context.ledger, context.calendar, sources)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        try await compare(
            context,
            (first, second),
            of: episode,
            fold: { [effectiveAt, calendar = context.calendar] in
                try DischargeSummaryQuery.fold($0, $1, calendar, effectiveAt)
            },
            items: { $0.flatMap(\.items) }
        )
    }
}
