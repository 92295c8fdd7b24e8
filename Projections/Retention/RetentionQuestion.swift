public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// How long clients stay in a service, and how services ended.
public struct RetentionQuestion: Question {
    /// What can be given.
    public static let parameters =
        [
            Parameter("from", .date, "The first date of the period.", isRequired: true),
            Parameter("to", .date, "The last date of the period.", isRequired: true),
            Parameter(
                "effective_at",
                .pastTime,
                """
                Only what happened up to this time takes part; without it, now. A date means just \
                before its 24:00, today's now.
                """
            ),
            Parameter("program", .text, "Only this program."),
            Parameter(
                "level_of_care",
                .choice(LevelOfCare.allCases.map(\.rawValue)),
                "Only this level of care.",
                valueName: "level"
            ),
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [Retention.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .init("first_date", \.from),
        .init("last_date", \.to),
        .init("program", \.program),
        .init("level_of_care", \.levelOfCare),
        .init("effective_at", \.effectiveAt),
    ]

    /// The days.
    public static var isList: Bool { true }

    /// The first date.
    public let from: CalendarDate
    /// The last date.
    public let to: CalendarDate
    /// Up to when entries take part.
    public let effectiveAt: Instant
    /// Only this program; nil for all.
    public let program: String?
    /// Only this level of care; nil for all.
    public let levelOfCare: LevelOfCare?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let period = reader.period(isRequired: true)
        effectiveAt = reader.timeWithinDate("effective_at")
        program = reader.text("program")
        levelOfCare = reader.choice("level_of_care").flatMap(LevelOfCare.init(rawValue:))
        clocks = Clocks(&reader)
        try reader.finish()
        guard let period else { preconditionFailure("a period that is not read is refused") }
        (from, to) = period
    }

    /// The census.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        try CensusProjection(ledger)
    }

    /// All episodes take part.
    public var isAboutOneEpisode: Bool { false }

    /// The retention.
    public func answer(_ context: LedgerContext) async throws -> Answer<Retention> {
        let (retention, basis) = try await CensusQuery(context)
            .retention(
                from: from,
                to: to,
                effectiveAt: effectiveAt,
                program: program,
                levelOfCare: levelOfCare,
                knowledge: clocks.knowledge
            )
        return Answer(
            retention,
            basis,
            json: retention.json(context.ledger, basis),
            list: { retention.list }
        ) {
            retention.document(context, basis)
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
            items: { [self, calendar = context.calendar] models in
                Retention(
                    models,
                    from: from,
                    to: to,
                    program: program,
                    levelOfCare: levelOfCare,
                    effectiveAt: effectiveAt,
                    // What an episode contributes is seen in its own curve alone.
                    least: models.count == 1 ? 1 : RetentionCurve.least,
                    calendar: calendar
                ).items
            }
        )
    }
}
