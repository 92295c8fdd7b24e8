public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// What an episode's client takes, or all who are enrolled in a program, and what is doubtful
/// about it.
public struct MedicationReviewQuestion: Question {
    /// One review, or a program's.
    public enum Value: Sendable {
        /// Of one episode.
        case episode(EpisodeMedicationReview)
        /// Of all who are enrolled, the flagged first.
        case program(MedicationWorklist)
    }

    /// Who is asked about.
    public enum Subject: Sendable {
        /// One episode.
        case episode(EpisodeID)
        /// Every episode with a stay in force in this program.
        case program(String)

        fileprivate var episode: EpisodeID? {
            if case .episode(let episode) = self { episode } else { nil }
        }

        fileprivate var program: String? {
            if case .program(let program) = self { program } else { nil }
        }
    }

    /// What can be given.
    public static let parameters =
        [
            Parameter("episode", .episode, "The episode's id, a UUID."),
            Parameter("program", .text, "The program whose episodes are reviewed."),
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
        ] + Clocks.parameters

    /// The answer, and what differs between two.
    public static var schemas: [AnswerJSON] {
        [EpisodeMedicationReview.schema, MedicationWorklist.schema, comparison]
    }

    /// What a comparison names.
    public static let subject: [JSONField<Self>] = [
        .optional("episode_id", \.subject.episode),
        .optional("program", \.subject.program),
        .init("effective_at", \.effectiveAt),
    ]

    /// Who is asked about.
    public let subject: Subject
    /// The time.
    public let effectiveAt: Instant
    /// From when on flags are raised, whatever the ledger has set; nil for what it has set.
    public let settings: MedicationReview.Settings?
    /// The knowledge that is asked of.
    public let clocks: Clocks

    /// Reads what is given.
    public init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal) {
        var reader = ArgumentReader(arguments, Self.parameters, at: moment)
        let episode = reader.episode("episode")
        let program = reader.text("program")
        if reader.has("episode") == reader.has("program") {
            reader.refuse(
                "episode",
                reader.has("episode") ? .conflict : .required,
                "or {program} is required, not both"
            )
        }
        effectiveAt = reader.time("effective_at") ?? moment.now
        let days = Int(reader.integer("not_reviewed_days"))
        settings =
            reader.has("not_reviewed_days")
            ? MedicationReview.Settings(notReviewedDays: days) : nil
        clocks = Clocks(&reader)
        try reader.finish()
        subject = episode.map { .episode($0) } ?? .program(program ?? "")
    }

    /// The medication review.
    public func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        try MedicationReviewProjection(ledger)
    }

    /// Whether it is not a program's.
    public var isAboutOneEpisode: Bool { subject.episode != nil }

    /// The review.
    public func answer(_ context: LedgerContext) async throws -> Answer<Value> {
        let query = try await query(context)
        switch subject {
        case .episode(let episode):
            let review = try await query.episode(
                episode,
                effectiveAt: effectiveAt,
                knowledge: clocks.knowledge
            )
            return Answer(
                .episode(review),
                review.basis,
                json: review.json(context.ledger, review.basis)
            ) {
                review.document(context.ledger, context.calendar)
            }
        case .program(let program):
            let list = try await query.program(
                program,
                effectiveAt: effectiveAt,
                knowledge: clocks.knowledge
            )
            return Answer(.program(list), list.basis, json: list.json(context.ledger, list.basis)) {
                list.document(context.ledger)
            }
        }
    }

    /// What differs.
    public func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<KnowledgeDifference> {
        let query = try await query(context)
        return try await compare(
            context,
            (first, second),
            of: subject.episode,
            settings: settings == nil ? query.settings : LedgerSettings(),
            fold: query.fold(effectiveAt: effectiveAt, enrolledIn: subject.program),
            items: { [effectiveAt, isAboutOneEpisode] in
                query.items($0, effectiveAt: effectiveAt, namesEpisodes: !isAboutOneEpisode)
            }
        )
    }

    private func query(_ context: LedgerContext) async throws -> MedicationReviewQuery {
        try MedicationReviewQuery(
            context.database,
            ledger: context.ledger,
            given: settings,
            settings: try await context.settings(known: clocks)
        )
    }
}
