public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// What a director and a state count of a period.
public struct StatisticsQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter("from", .date, "The first date of the period.", isRequired: true),
            Parameter("to", .date, "The last date of the period.", isRequired: true),
            Parameter(
                "by",
                .choice(Statistics.Span.allCases.map(\.rawValue)),
                "Into what the period is divided; without it, not at all.",
                valueName: "span"
            ),
            Parameter(
                "effective_at",
                .pastTime,
                "Only what happened up to this time takes part; without it, the end of the period."
            ),
            Parameter("program", .text, "Only this program."),
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [Statistics.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .init("first_date", \.from),
        .init("last_date", \.to),
        .init("program", \.program),
        .init("by", \.span),
    ]

    /// A line for each period and group.
    public static var isList: Bool { true }

    /// The first date.
    public let from: CalendarDate
    /// The last date.
    public let to: CalendarDate
    /// Into what the period is divided; nil for not at all.
    public let span: Statistics.Span?
    /// Up to when entries take part.
    public let effectiveAt: Instant
    /// Only this program; nil for all.
    public let program: String?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let period = reader.period(isRequired: true)
        let cut = reader.time("effective_at")
        span = reader.choice("by").flatMap(Statistics.Span.init(rawValue:))
        program = reader.text("program")
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

    /// The statistics.
    public func answer(_ context: LedgerContext) async throws -> Answer<Statistics> {
        let query = try CensusQuery(context)
        // Whose end lies before the period may come back in it.
        let start = from.adding(days: -Statistics.readmissionDays)
        let (models, rest) = try await query.wholeEpisodes(
            context.calendar.instants(from: start, through: to),
            effectiveAt: effectiveAt,
            knowledge: clocks.knowledge
        )
        let settings = AttendanceSettings(ledger: context.settings(known: clocks))
        let statistics = statistics(models, context.calendar, settings)
        var basis = rest
        basis.settings = statistics.settings
        return written(statistics, basis, context.ledger)
    }

    private func written(
        _ statistics: Statistics,
        _ basis: ReadModelBasis,
        _ ledger: LedgerDescription
    ) -> Answer<Statistics> {
        Answer(
            statistics,
            basis,
            json: statistics.json(ledger, basis),
            list: { CSVTable(statistics.lines, Statistics.Line.columns) }
        ) {
            statistics.document(ledger, basis)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let query = try CensusQuery(context)
        let settings = context.settings(known: clocks)
        return try await compare(
            context,
            (first, second),
            settings: settings,
            fold: { [fold = query.fold(effectiveAt: effectiveAt)] episode, history in
                try fold(episode, history).map {
                    Part(model: $0, settings: settings.known(at: history.knownAt))
                }
            },
            items: { [self, calendar = context.calendar] parts in
                let known = AttendanceSettings(ledger: parts.first?.settings ?? LedgerSettings())
                return statistics(parts.map(\.model), calendar, known).items
            }
        )
    }

    /// An episode, and what was set when that was known.
    private struct Part: Sendable {
        let model: EpisodeCensus
        let settings: LedgerSettings
    }

    /// The statistics of some episodes.
    func statistics(
        _ models: [EpisodeCensus],
        _ calendar: LocalCalendar,
        _ attendance: AttendanceSettings
    ) -> Statistics {
        Statistics(
            models,
            from: from,
            to: to,
            program: program,
            by: span,
            attendance: attendance,
            effectiveAt: effectiveAt,
            calendar: calendar
        )
    }
}
