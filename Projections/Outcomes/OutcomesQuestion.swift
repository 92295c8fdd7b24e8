public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// How the episodes of a period ended.
public struct OutcomesQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter("from", .date, "The first date of the period.", isRequired: true),
            Parameter("to", .date, "The last date of the period.", isRequired: true),
            Parameter(
                "effective_at",
                .pastTime,
                "Only what happened up to this time takes part; without it, the end of the period."
            ),
            Parameter("program", .text, "Only this program."),
            Parameter(
                "by",
                .choice(PeriodOutcomes.Unit.allCases.map(\.rawValue)),
                """
                What is counted: whole episodes, or each unbroken time at one level of care as TEDS \
                counts, with its reason's number.
                """,
                valueName: "unit",
                standard: PeriodOutcomes.Unit.episode.rawValue
            ),
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [PeriodOutcomes.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .init("first_date", \.from),
        .init("last_date", \.to),
        .init("program", \.program),
        .init("by", \.unit),
    ]

    /// The first date.
    public let from: CalendarDate
    /// The last date.
    public let to: CalendarDate
    /// Up to when entries take part.
    public let effectiveAt: Instant
    /// Only this program; nil for all.
    public let program: String?
    /// What is counted.
    public let unit: PeriodOutcomes.Unit
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let period = reader.period(isRequired: true)
        let cut = reader.time("effective_at")
        program = reader.text("program")
        unit = reader.choice("by").flatMap(PeriodOutcomes.Unit.init(rawValue:)) ?? .episode
        clocks = Clocks(&reader)
        try reader.finish()
        guard let period else { preconditionFailure("a period that is not read is refused") }
        (from, to) = period
        let end = moment.effectiveAt(to)
        effectiveAt = min(cut ?? end, end)
    }

    /// The census.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        try CensusProjection(ledger)
    }

    /// All episodes take part.
    public var isAboutOneEpisode: Bool { false }

    /// The outcomes.
    public func answer(_ context: LedgerContext) async throws -> Answer<PeriodOutcomes> {
        let query = try CensusQuery(context)
        // A service may have begun with a stay that lies before the period.
        let time = context.calendar.instants(from: from, through: to)
        let (models, basis) = try await query.wholeEpisodes(
            time,
            among: .enrolled(in: time),
            effectiveAt: effectiveAt,
            knowledge: clocks.knowledge
        )
        let outcomes = outcomes(models, context.calendar)
        return Answer(outcomes, basis, json: outcomes.json(context.ledger, basis)) {
            outcomes.document(context.ledger, basis)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let query = try CensusQuery(context)
        return try await compare(
            context,
            (first, second),
            among: .enrolled(in: context.calendar.instants(from: from, through: to)),
            fold: query.fold(effectiveAt: effectiveAt),
            items: { [self, calendar = context.calendar] in outcomes($0, calendar).items }
        )
    }

    private func outcomes(_ models: [EpisodeCensus], _ calendar: LocalCalendar) -> PeriodOutcomes {
        PeriodOutcomes(
            models,
            from: from,
            to: to,
            program: program,
            by: unit,
            effectiveAt: effectiveAt,
            calendar: calendar
        )
    }
}
