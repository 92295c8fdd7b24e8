public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// Who is enrolled at the midnight of a date, or the numbers of every day of a period.
public struct CensusQuestion: Question {
    /// The census of a date, or of a period.
    public enum Value: Sendable {
        /// With the episodes in it.
        case date(CensusOfDate)
        /// The numbers of each day.
        case period(CensusTally)

        fileprivate var items: [AnswerItem] {
            switch self {
            case .date(let census): census.items
            case .period(let tally): tally.items
            }
        }
    }

    /// What is asked about.
    public enum Time: Sendable {
        /// One date.
        case date(CalendarDate)
        /// From the first date to the last.
        case period(CalendarDate, CalendarDate)

        fileprivate var date: CalendarDate? {
            if case .date(let date) = self { date } else { nil }
        }

        fileprivate func instants(_ calendar: LocalCalendar) -> Range<Instant> {
            switch self {
            case .date(let date): calendar.instants(from: date, through: date)
            case .period(let first, let last): calendar.instants(from: first, through: last)
            }
        }

        fileprivate var period: (first: CalendarDate, last: CalendarDate)? {
            if case .period(let first, let last) = self { (first, last) } else { nil }
        }
    }

    /// What can be given.
    public static let parameters =
        [
            Parameter("date", .date, "The date; without it, today in the ledger's zone."),
            Parameter("from", .date, "The first date of a period."),
            Parameter("to", .date, "The last date of a period."),
            Parameter(
                "effective_at",
                .pastTime,
                """
                Only what happened up to this time takes part, and the census is that of its date; \
                a date means the same as {date}.
                """
            ),
            Parameter("program", .text, "Only this program."),
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] {
        [CensusOfDate.schema, CensusTally.schema, comparison]
    }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .optional("date", \.time.date),
        .optional("first_date", \.time.period?.first),
        .optional("last_date", \.time.period?.last),
    ]

    /// The episodes of a date, or the groups of each day.
    public static var isList: Bool { true }

    /// What is asked about.
    public let time: Time
    /// Up to when entries take part.
    public let effectiveAt: Instant
    /// Only this program; nil for all.
    public let program: String?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let date = reader.pastDate("date")
        let period = reader.period(isRequired: false)
        let cut = reader.time("effective_at")
        if reader.has("from") || reader.has("to") {
            for name in ["date", "effective_at"] where reader.has(name) {
                reader.refuse(name, .conflict, "does not go with {from} and {to}")
            }
        } else if reader.has("date"), reader.has("effective_at") {
            reader.refuse("effective_at", .conflict, "does not go with {date}")
        }
        program = reader.text("program")
        clocks = Clocks(&reader)
        try reader.finish()
        if let period {
            time = .period(period.from, period.to)
            effectiveAt = moment.effectiveAt(period.to)
        } else {
            // A date means its 24:00, which is the next date's first instant.
            let named = reader.writtenDate("effective_at")
            let date = date ?? named ?? cut.map(moment.calendar.date) ?? moment.today
            let end = moment.effectiveAt(date)
            time = .date(date)
            effectiveAt = min(cut ?? end, end)
        }
    }

    /// The census.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        try CensusProjection(ledger)
    }

    /// All episodes take part.
    public var isAboutOneEpisode: Bool { false }

    /// The census.
    public func answer(_ context: LedgerContext) async throws -> Answer<Value> {
        let query = try CensusQuery(context)
        let (models, basis) = try await query.episodes(
            overlapping: time.instants(context.calendar),
            effectiveAt: effectiveAt,
            knowledge: clocks.knowledge
        )
        let value = value(models, context.calendar)
        switch value {
        case .date(let census):
            return Answer(
                value,
                basis,
                json: census.json(context.ledger, basis),
                list: { census.list }
            ) {
                census.document(context, basis)
            }
        case .period(let tally):
            return Answer(
                value,
                basis,
                json: tally.json(context.ledger, basis),
                list: { tally.list }
            ) {
                tally.document(basis)
            }
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
            among: .enrolled(in: time.instants(context.calendar)),
            fold: query.fold(effectiveAt: effectiveAt),
            items: { [self, calendar = context.calendar] in value($0, calendar).items }
        )
    }

    private func value(_ models: [EpisodeCensus], _ calendar: LocalCalendar) -> Value {
        switch time {
        case .date(let date):
            .date(
                CensusOfDate(
                    date,
                    models,
                    effectiveAt: effectiveAt,
                    program: program,
                    calendar: calendar
                )
            )
        case .period(let from, let to):
            .period(
                CensusTally(
                    models,
                    from: from,
                    to: to,
                    program: program,
                    effectiveAt: effectiveAt,
                    calendar: calendar
                )
            )
        }
    }
}

extension ArgumentReader {
    /// The longest period that can be asked about, in days: ten years.
    private static let longestPeriod = 3_660

    /// A time that is not after now, and now without one.
    ///
    /// A date means the last instant before its 24:00, which belongs to the next day.
    mutating func timeWithinDate(_ name: String) -> Instant {
        let time = time(name) ?? moment.now
        return writtenDate(name).map { min(time, moment.effectiveAt($0)) } ?? time
    }

    /// The first and the last date of a period, `from` and `to`; the last one not after today.
    mutating func period(isRequired: Bool) -> (from: CalendarDate, to: CalendarDate)? {
        let from = date("from")
        let to = pastDate("to")
        if !isRequired, has("from") != has("to") {
            let (lacking, given) = has("from") ? ("to", "from") : ("from", "to")
            refuse(lacking, .required, "is required with {\(given)}")
        }
        guard let from, let to else { return nil }
        if from > to {
            refuse("from", .order, "must not be after {to}")
            return nil
        }
        guard to - from < Self.longestPeriod else {
            refuse("from", .invalid, "and {to} make a period of at most 3,660 days")
            return nil
        }
        return (from, to)
    }
}
