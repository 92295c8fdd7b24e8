public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// Ended episodes, and what their summaries lack.
public struct DischargeSummariesQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter(
                "program",
                .text,
                "The program whose ended episodes are listed, by the program they ended in."
            ),
            Parameter("from", .date, "The first date of the ends listed."),
            Parameter("to", .date, "The last date of the ends listed."),
            Parameter(
                "effective_at",
                .pastTime,
                """
                Only what happened up to this time takes part; without it, now. A date means its \
                24:00 in the ledger's zone.
                """
            ),
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [DischargeSummaryList.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .init("program", \.selection.program),
        .init("first_date", \.selection.from),
        .init("last_date", \.selection.to),
        .init("effective_at", \.effectiveAt),
    ]

    /// A line for each summary.
    public static var isList: Bool { true }

    /// Which.
    public let selection: DischargeSummaryQuery.Selection
    /// Up to when entries take part.
    public let effectiveAt: Instant
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let (from, to) = (reader.date("from"), reader.date("to"))
        if let from, let to, from > to {
            reader.refuse("from", .order, "must not be after {to}")
        }
        selection = DischargeSummaryQuery.Selection(
            program: reader.text("program"),
            from: from,
            to: to
        )
        effectiveAt = reader.time("effective_at") ?? moment.now
        clocks = Clocks(&reader)
        try reader.finish()
    }

    /// The discharge summaries.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        try DischargeSummaryProjection(ledger)
    }

    /// All episodes may take part.
    public var isAboutOneEpisode: Bool { false }

    /// The list.
    public func answer(_ context: LedgerContext) async throws -> Answer<DischargeSummaryList> {
        let query = try DischargeSummaryQuery(context.database, ledger: context.ledger)
        let list = try await query.list(
            selection,
            effectiveAt: effectiveAt,
            knowledge: clocks.knowledge
        )
        return Answer(
            list,
            list.basis,
            json: list.json(context.ledger, list.basis),
            list: { CSVTable(list.rows, DischargeSummaryRow.fields) }
        ) {
            list.document(context.calendar)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let query = try DischargeSummaryQuery(context.database, ledger: context.ledger)
        return try await compare(
            context,
            (first, second),
            among: query.choice(selection),
            fold: query.row(selection, effectiveAt: effectiveAt),
            items: { $0.map(\.item) }
        )
    }
}
