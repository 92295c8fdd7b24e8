public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// Sessions: the roster of one, a day, a clinician's caseload, a program's month, an episode's.
public struct SessionsQuestion: Question {
    /// So many dates are told of a clinician or a program where no time is given.
    static let usualDates = 31

    /// What can be given.
    public static let parameters =
        [
            Parameter("date", .date, "Only sessions of this date."),
            Parameter("session_id", .text, "Only this session, or series.", valueName: "id"),
            Parameter(
                "facilitator",
                .text,
                "Only sessions that this person held; without a time, of the last 31 dates.",
                valueName: "id"
            ),
            Parameter(
                "author",
                .text,
                """
                Only sessions of which this person states an entry; without a time, of the last 31 \
                dates.
                """,
                valueName: "id"
            ),
            Parameter(
                "program",
                .text,
                "Only clients of this program; without a time, of the last 31 dates."
            ),
            Parameter("episode", .episode, "Only this episode."),
            Parameter("from", .date, "The first date of a period."),
            Parameter("to", .date, "The last date of a period."),
            Parameter(
                "effective_at",
                .pastTime,
                """
                Only what happened up to this time takes part; without it, everything. Every event \
                is folded again for it.
                """
            ),
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] { [AskedSessions.schema, comparison] }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .init("first_date", \.dates?.from),
        .init("last_date", \.dates?.to),
        .init("session_id", \.selection.sessionID),
        .init("facilitator", \.selection.facilitator),
        .init("author", \.selection.author),
        .init("program", \.selection.program),
        .init("episode_id", \.selection.episode),
        .init("effective_at", \.effectiveAt),
    ]

    /// A line for each entry.
    public static var isList: Bool { true }

    /// The dates that are asked about; nil for all.
    public let dates: (from: CalendarDate, to: CalendarDate)?
    /// Which sessions are wanted.
    let selection: SessionSelection
    /// Up to when entries take part; nil for everything.
    public let effectiveAt: Instant?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let date = reader.pastDate("date")
        var selection = SessionSelection(
            sessionID: reader.text("session_id"),
            facilitator: reader.text("facilitator"),
            author: reader.text("author"),
            program: reader.text("program"),
            episode: reader.episode("episode")
        )
        let period = reader.period(isRequired: false)
        effectiveAt = reader.time("effective_at")
        clocks = Clocks(&reader)
        let subjects = ["date", "session_id", "facilitator", "author", "program", "episode"]
        if !subjects.contains(where: { reader.has($0) }) {
            let names = subjects.dropFirst().map { "{\($0)}" }.joined(separator: ", ")
            reader.refuse("date", .required, "or one of \(names) is required")
        }
        if reader.has("date") {
            for name in ["from", "to"] where reader.has(name) {
                reader.refuse(name, .conflict, "does not go with {date}")
            }
        }
        try reader.finish()
        let last = effectiveAt.map { moment.calendar.date(of: $0) } ?? moment.today
        if let date {
            dates = (date, date)
        } else if let period {
            dates = period
        } else if selection.sessionID == nil, selection.episode == nil {
            dates = (last.adding(days: 1 - Self.usualDates), last)
        } else {
            dates = nil
        }
        selection.time = dates.map { dates in
            let next = moment.calendar.startOfDay(dates.to.adding(days: 1))
            return moment.calendar.startOfDay(dates.from)..<next
        }
        self.selection = selection
    }

    /// The sessions; an episode's are folded from its events.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        selection.episode == nil && effectiveAt == nil ? try SessionsProjection(ledger) : nil
    }

    /// Whether it is an episode's sessions.
    public var isAboutOneEpisode: Bool { selection.episode != nil }

    /// The sessions.
    public func answer(_ context: LedgerContext) async throws -> Answer<SessionList> {
        let query = try SessionsQuery(context.database, ledger: context.ledger)
        let (list, basis) = try await query.list(
            selection,
            effectiveAt: effectiveAt,
            knowledge: clocks.knowledge
        )
        let asked = AskedSessions(question: self, list: list)
        return Answer(
            list,
            basis,
            json: asked.json(context.ledger, basis),
            list: { CSVTable(list.sessions.flatMap(\.entries), SessionEntry.fields) }
        ) { [self] in
            list.document(self, context, basis)
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let query = try SessionsQuery(context.database, ledger: context.ledger)
        return try await compare(
            context,
            (first, second),
            of: selection.episode,
            fold: query.fold(selection, effectiveAt: effectiveAt),
            items: { [selection, calendar = context.calendar] in
                SessionGroups($0.flatMap(\.entries), selection, calendar).sessions
                    .flatMap(\.entries).map { AnswerItem("entries/\($0.eventID)", $0.json) }
            }
        )
    }
}
