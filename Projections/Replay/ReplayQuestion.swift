public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// An episode's history with both clocks, and the state it leads to.
public struct ReplayQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter("episode", .episode, "The episode's id, a UUID.", isRequired: true),
            Parameter("effective_at", .time, "Only what happened up to this time."),
        ] + Clocks.parameters

    /// The replay, and what differs between two.
    public static var schemas: [AnswerJSON] {
        [ReplayAnswer.schema, ReplayDifferenceAnswer.schema]
    }

    /// The episode.
    public static let subject: [JSONField<Self>] = [.init("episode_id", \.episode)]

    /// Whose.
    public let episode: EpisodeID
    /// Up to when entries take part; nil for all.
    public let effectiveAt: Instant?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let episode = reader.episode("episode")
        effectiveAt = reader.time("effective_at")
        clocks = Clocks(&reader)
        try reader.finish()
        guard let episode else { preconditionFailure("an episode that is not read is refused") }
        self.episode = episode
    }

    /// None: the events are replayed.
    public func tables(of ledger: LedgerDescription) -> (any EpisodeProjection)? { nil }

    /// One episode.
    public var isAboutOneEpisode: Bool { true }

    /// The replay.
    public func answer(_ context: LedgerContext) async throws -> Answer<Replay> {
        let replay = try Replay(
            try await events(context),
            knownAt: clocks.knownAt,
            knownBy: clocks.clock,
            effectiveAt: effectiveAt
        )
        let state = try CensusProjection(context.ledger).fold(episode, replay.history)
        let answer = ReplayAnswer(
            ledger: context.ledger.name,
            episodeID: episode,
            knownAt: clocks.knownAt,
            knownBy: clocks.clock,
            effectiveAt: effectiveAt,
            replay: replay,
            state: state
        )
        return Answer(replay, basis(context), json: answer.json) {
            [calendar = context.calendar] in replay.document(state, calendar)
        }
    }

    /// What differs between two replays.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<ReplayDifference> {
        let difference = try ReplayDifference(
            try await events(context),
            from: first,
            to: second,
            knownBy: clocks.clock,
            effectiveAt: effectiveAt
        )
        let answer = ReplayDifferenceAnswer(
            ledger: context.ledger.name,
            episodeID: episode,
            first: first,
            second: second,
            knownBy: clocks.clock,
            difference: difference
        )
        return Answer(difference, basis(context), json: answer.json) {
            [calendar = context.calendar] in
            difference.document(from: first, to: second, calendar)
        }
    }

    private func basis(_ context: LedgerContext) -> ReadModelBasis {
        ReadModelBasis(
            position: context.head,
            head: context.head,
            knownAt: clocks.knownAt,
            knownBy: clocks.clock
        )
    }

    private func events(_ context: LedgerContext) async throws -> [RecordedEvent] {
        let events = try await context.reader.events(of: episode)
        guard !events.isEmpty else { throw LedgerError.unknownEpisode(episode) }
        return events
    }
}
