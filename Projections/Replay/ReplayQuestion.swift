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
        ] + Clocks.parameters + [Clocks.version]

    /// The replay, and what differs between two.
    public static var schemas: [AnswerJSON] {
        [ReplayAnswer.schema, ReplayDifferenceAnswer.schema]
    }

    /// The episode.
    public static let subject: [JSONField<Self>] = [.init("episode_id", \.episode)]

    /// Whose.
    public let episode: EpisodeID
    /// Up to when entries take part; nil for all, or where a version says it.
    public let effectiveAt: Instant?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let episode = reader.episode("episode")
        effectiveAt = reader.time("effective_at")
        clocks = Clocks(&reader, ofEpisode: true)
        try reader.finish()
        guard let episode else { preconditionFailure("an episode that is not read is refused") }
        self.episode = episode
    }

    /// None: the events are replayed.
    public func tables(of ledger: LedgerDescription) -> (any EpisodeProjection)? { nil }

    /// One episode.
    public var isAboutOneEpisode: Bool { true }

    /// The replay.
    public func answer(_ context: LedgerContext) async throws -> Answer<ReplayAnswer> {
        let events = try await events(context)
        let cut = try clocks.version.map {
            try HistoryCut($0, of: events.map(\.history), episode, now: context.moment.now)
        }
        let effectiveAt = effectiveAt ?? cut?.effectiveAt
        let replay = try Replay(
            events.filter { event in cut.map { event.history.version <= $0.version } ?? true },
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
        return Answer(answer, basis(context, cut), json: answer.json) {
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
        return Answer(difference, basis(context, nil), json: answer.json) {
            [calendar = context.calendar] in
            difference.document(from: first, to: second, calendar)
        }
    }

    /// What the last version that takes part has changed among the entries; nothing where none is
    /// named.
    ///
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``LedgerError/unknownVersion(_:newest:)``.
    public func changes(_ context: LedgerContext) async throws -> [ReplayDifference.Change] {
        guard let version = clocks.version else { return [] }
        let events = try await events(context)
        _ = try HistoryCut(version, of: events.map(\.history), episode, now: context.moment.now)
        return try ReplayDifference(events, by: version).changes
    }

    private func basis(_ context: LedgerContext, _ cut: HistoryCut?) -> ReadModelBasis {
        ReadModelBasis(
            position: cut?.position ?? context.head,
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
