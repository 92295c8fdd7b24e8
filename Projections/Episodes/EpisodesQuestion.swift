public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// The episodes there are: client, program, status, length of stay.
public struct EpisodesQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter(
                "client_id",
                .text,
                "Only this client's.",
                option: "client",
                valueName: "id"
            ),
            Parameter("status", .choice(["open", "ended"]), "Only open or only ended ones."),
            Parameter("program", .text, "Only those with a stay in this program."),
            Parameter(
                "effective_at",
                .pastTime,
                "Only what happened up to this time takes part; without it, now."
            ),
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [EpisodeList.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [.init("effective_at", \.effectiveAt)]

    /// A line for each episode.
    public static var isList: Bool { true }

    /// Which are wanted.
    public let filter: CensusQuery.EpisodeFilter
    /// Up to when entries take part.
    public let effectiveAt: Instant
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        filter = CensusQuery.EpisodeFilter(
            clientID: reader.text("client_id"),
            isOpen: reader.choice("status").map { $0 == "open" },
            program: reader.text("program")
        )
        effectiveAt = reader.time("effective_at") ?? moment.now
        clocks = Clocks(&reader)
        try reader.finish()
    }

    /// The census.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        try CensusProjection(ledger)
    }

    /// All episodes take part, since overlaps are between a client's episodes.
    public var isAboutOneEpisode: Bool { false }

    /// The list.
    public func answer(_ context: LedgerContext) async throws -> Answer<EpisodeList> {
        let query = try CensusQuery(context)
        let (models, basis) = try await query.episodes(
            overlapping: nil,
            effectiveAt: effectiveAt,
            knowledge: clocks.knowledge
        )
        let list = EpisodeList(models, filter, effectiveAt: effectiveAt)
        return Answer(
            list,
            basis,
            found: filter.clientID.map { _ in list.episodes.map(\.episodeID) },
            json: list.json(context.ledger, basis),
            list: { list.table }
        ) {
            list.document(context.calendar, basis)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let query = try CensusQuery(context)
        let answer = try await compare(
            context,
            (first, second),
            fold: query.fold(effectiveAt: effectiveAt),
            items: { [filter, effectiveAt] in
                EpisodeList($0, filter, effectiveAt: effectiveAt).items
            }
        )
        return naming(filter.clientID, in: answer)
    }
}
