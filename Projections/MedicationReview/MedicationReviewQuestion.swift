public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// What a client takes, in one episode or in all, or all who are enrolled, and what is doubtful about
/// it.
public struct MedicationReviewQuestion: Question {
    /// One review, or those of all who are enrolled.
    public enum Value: Sendable {
        /// Of one episode.
        case episode(EpisodeMedicationReview)
        /// Of all who are enrolled, the most serious first.
        case program(MedicationWorklist)
        /// Of all open episodes of a client.
        case client(ClientMedicationReview)
    }

    /// What can be given.
    public static let parameters =
        [
            Parameter(
                "episode",
                .episode,
                "The episode's id, a UUID. Without it, all who are enrolled."
            ),
            Parameter("program", .text, "Of all who are enrolled, only those in this program."),
            Parameter(
                "client_id",
                .text,
                "The client whose open episodes are reviewed together.",
                option: "client",
                valueName: "id"
            ),
            Parameter(
                "effective_at",
                .time,
                """
                What was taken at this time; what takes effect later is scheduled. Without it, \
                now. A date means its 24:00 in the ledger's zone.
                """
            ),
            Parameter(
                "not_reviewed_days",
                .integer(1...366),
                """
                Days without any entry about a medication after which it is flagged, 1 to 366. \
                Without it what the ledger has set, else 14.
                """
            ),
        ] + Clocks.parameters + [Clocks.version]

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] {
        [
            EpisodeMedicationReview.schema, ClientMedicationReview.schema,
            MedicationWorklist.schema, comparison,
        ]
    }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .optional("episode_id", \.subject.episode),
        .optional("program", \.subject.program),
        .optional("client_id", \.subject.client),
        .init("effective_at", \.effectiveAt),
    ]

    /// The flags.
    public static var isList: Bool { true }

    /// Who is asked about.
    public let subject: MedicationReviewQuery.Subject
    /// The time, where no version says it.
    public let effectiveAt: Instant
    private let isTimeGiven: Bool
    /// From when on flags are raised, whatever the ledger has set; nil for what it has set.
    public let settings: MedicationReview.Settings?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let episode = reader.episode("episode")
        let program = reader.text("program")
        let client = reader.text("client_id")
        let given = ["episode", "program", "client_id"].filter { reader.has($0) }
        if given.count > 1 {
            reader.refuse(
                "episode",
                .conflict,
                "and {program} and {client_id}: at most one of them can be given"
            )
        }
        isTimeGiven = reader.has("effective_at")
        effectiveAt = reader.time("effective_at") ?? moment.now
        let days = Int(reader.integer("not_reviewed_days"))
        settings =
            reader.has("not_reviewed_days")
            ? MedicationReview.Settings(notReviewedDays: days) : nil
        clocks = Clocks(&reader, ofEpisode: true)
        if reader.has("version"), !reader.has("episode") {
            reader.refuse("version", .conflict, "goes with {episode} alone")
        }
        try reader.finish()
        subject =
            episode.map { .episode($0) } ?? client.map { .client($0) } ?? .program(program)
    }

    /// The medication review.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        try MedicationReviewProjection(ledger)
    }

    /// Whether it is not a program's or a client's.
    public var isAboutOneEpisode: Bool { subject.episode != nil }

    /// The review.
    public func answer(_ context: LedgerContext) async throws -> Answer<Value> {
        let cut = try await cut(context)
        let query = try query(context, cut)
        switch subject {
        case .episode(let episode):
            let review = try await query.episode(
                episode,
                effectiveAt: effectiveAt(cut),
                knowledge: clocks.knowledge,
                through: cut?.position
            )
            return Answer(
                .episode(review),
                review.basis,
                json: review.json(context.ledger, review.basis),
                list: { review.list }
            ) {
                review.document(context.ledger, context.calendar)
            }
        case .program(let program):
            let list = try await query.program(
                program,
                effectiveAt: effectiveAt,
                knowledge: clocks.knowledge
            )
            return Answer(
                .program(list),
                list.basis,
                json: list.json(context.ledger, list.basis),
                list: { list.list }
            ) {
                list.document(context.ledger, context.calendar)
            }
        case .client(let client):
            let review = try await query.client(
                client,
                effectiveAt: effectiveAt,
                knowledge: clocks.knowledge
            )
            return Answer(
                .client(review),
                review.basis,
                found: review.episodes.map(\.episodeID),
                json: review.json(context.ledger, review.basis),
                list: { review.list }
            ) {
                review.document(context.ledger, context.calendar)
            }
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let query = try query(context)
        var choice = EpisodeChoice.enrolled(at: effectiveAt)
        if let episode = subject.episode {
            choice = .only(
                try await query.episodes(
                    beside: episode,
                    effectiveAt: effectiveAt,
                    known: [first, second],
                    by: clocks.clock
                )
            )
        }
        let answer = try await compare(
            context,
            (first, second),
            of: subject.episode,
            among: choice,
            settings: settings == nil ? query.settings : LedgerSettings(),
            fold: query.fold(
                effectiveAt: effectiveAt,
                knownBy: clocks.clock
            ) { [subject] reviewed in
                reviewed.episodeID == subject.episode
                    || (reviewed.isOpen
                        && subject.client.map { $0 == reviewed.clientID } ?? true)
            },
            items: { [subject, effectiveAt] in
                query.items($0, about: subject, effectiveAt: effectiveAt)
            }
        )
        return naming(subject.client, in: answer)
    }

    /// What the last version that takes part has changed; nothing where none is named.
    ///
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``LedgerError/unknownVersion(_:newest:)``.
    public func changes(_ context: LedgerContext) async throws -> [KnowledgeDifference.Change] {
        guard let episode = subject.episode, let cut = try await cut(context) else { return [] }
        let effectiveAt = effectiveAt(cut)
        let query = try query(context, cut)
        let others = try await context.histories.run(
            of: .enrolled(at: effectiveAt),
            through: cut.position,
            query.fold(effectiveAt: effectiveAt, knownBy: .source) {
                $0.isOpen && $0.episodeID != episode
            }
        ).parts
        return try await context.histories.changes(
            by: cut.version,
            of: episode,
            beside: others,
            fold: query.fold(effectiveAt: effectiveAt, knownBy: .source),
            items: { query.items($0, about: subject, effectiveAt: effectiveAt) }
        )
    }

    private func cut(_ context: LedgerContext) async throws -> HistoryCut? {
        guard let episode = subject.episode else { return nil }
        return try await context.cut(clocks, of: episode)
    }

    private func effectiveAt(_ cut: HistoryCut?) -> Instant {
        isTimeGiven ? effectiveAt : cut?.effectiveAt ?? effectiveAt
    }

    private func query(
        _ context: LedgerContext,
        _ cut: HistoryCut? = nil
    ) throws -> MedicationReviewQuery {
        try MedicationReviewQuery(
            context.database,
            ledger: context.ledger,
            given: settings,
            settings: context.settings(known: clocks, cut),
            kept: context.kept
        )
    }
}
