public import CareEpisode
public import Ledger
import Postgres
public import ProjectionRuntime

/// Asks the medication review of one ledger, for any two clocks.
public struct MedicationReviewQuery: Sendable {
    /// Who is asked about.
    public enum Subject: Hashable, Sendable {
        /// One episode.
        case episode(EpisodeID)
        /// Every episode with a stay in force in this program; nil for any program.
        case program(String?)
        /// All open episodes of this client, together.
        case client(String)

        /// The episode, where it is one.
        public var episode: EpisodeID? {
            if case .episode(let episode) = self { episode } else { nil }
        }

        /// The program, where it is one.
        public var program: String? {
            if case .program(let program) = self { program } else { nil }
        }

        /// The client, where it is one.
        public var client: String? {
            if case .client(let client) = self { client } else { nil }
        }
    }

    private let model: ReadModel<MedicationReviewProjection>
    private let ledger: LedgerDescription
    private let calendar: LocalCalendar
    private let given: MedicationReview.Settings?
    let settings: LedgerSettings
    private let kept: KeptModels?

    /// A ledger's medication review.
    ///
    /// - Parameters:
    ///   - given: what the question says in place of the ledger's settings; nil for nothing.
    ///   - settings: what the ledger has set.
    ///   - kept: what is kept of the tables between questions; nil for nothing.
    /// - Throws: an error that names the ledger's zone where this machine does not know it.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        given: MedicationReview.Settings? = nil,
        settings: LedgerSettings = LedgerSettings(),
        kept: KeptModels? = nil
    ) throws {
        self.kept = kept
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
        model = ReadModel(try MedicationReviewProjection(ledger), database, ledger: ledger)
        self.ledger = ledger
        self.given = given
        self.settings = settings
    }

    // MARK: - Answers

    /// Reviews one episode.
    ///
    /// - Parameters:
    ///   - episode: which.
    ///   - effectiveAt: only what happened up to then takes part; what is known and takes effect
    ///     later is scheduled.
    ///   - knowledge: nil answers from the tables, and from the events where another version of the
    ///     fold has filled the tables.
    ///   - through: the position up to which events take part, of the client's other episodes too;
    ///     nil for the head.
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``MedicationReviewError``.
    public func episode(
        _ episode: EpisodeID,
        effectiveAt: Instant,
        knowledge: Knowledge? = nil,
        through: Position? = nil
    ) async throws -> EpisodeMedicationReview {
        if knowledge == nil, through == nil,
            let found = try await usable(.episode(episode), effectiveAt)
        {
            var basis = found.basis
            basis.parked = basis.parked.filter { $0 == episode || found.isBeside($0) }
            guard let own = found.own.first else {
                return try await folded(episode, effectiveAt, nil, found, nil)
            }
            return review(own, beside: found.others, effectiveAt, basis)
        }
        return try await folded(episode, effectiveAt, knowledge, nil, through)
    }

    /// Reviews one episode that the tables do not answer for.
    private func folded(
        _ episode: EpisodeID,
        _ effectiveAt: Instant,
        _ knowledge: Knowledge?,
        _ tables: Found?,
        _ through: Position?
    ) async throws -> EpisodeMedicationReview {
        let (parts, basis) = try await model.histories.run(
            of: [episode],
            known: knowledge,
            through: through ?? tables?.basis.position
        ) { [fold = fold(effectiveAt: effectiveAt, knownBy: knowledge?.by)] episode, history in
            Folded(medications: try fold(episode, history))
        }
        guard let part = parts.first else {
            if !basis.parked.isEmpty { throw MedicationReviewError.unreadable(episode) }
            guard let basis = tables?.basis, basis.lag > 0 else {
                throw LedgerError.unknownEpisode(episode)
            }
            throw MedicationReviewError.notReached(
                episode,
                position: basis.position,
                head: basis.head
            )
        }
        guard let own = part.medications else { throw MedicationReviewError.notAdmitted(episode) }
        // No index knows whose an episode was at an earlier knowledge time.
        let others = try await model.histories.run(
            of: .enrolled(at: effectiveAt),
            known: knowledge,
            through: basis.position,
            fold(effectiveAt: effectiveAt, knownBy: knowledge?.by) {
                $0.isOpen && $0.clientID == own.clientID && $0.episodeID != episode
            }
        ).parts
        return review(own, beside: others, effectiveAt, basis)
    }

    private struct Folded: Sendable {
        var medications: ReviewedMedications?
    }

    private func review(
        _ own: ReviewedMedications,
        beside others: [ReviewedMedications],
        _ effectiveAt: Instant,
        _ basis: ReadModelBasis
    ) -> EpisodeMedicationReview {
        EpisodeMedicationReview(
            episodeID: own.episodeID,
            review: review([own], others, effectiveAt),
            basis: basis.resting(on: [own])
        )
    }

    /// By what the question says, else by what the ledger had set at a knowledge time.
    private func settled(
        _ reviewed: ReviewedMedications,
        _ effectiveAt: Instant,
        knownAt: Instant? = nil
    ) -> ReviewedMedications {
        guard let given else {
            let known = settings.known(at: knownAt)
            return reviewed.with(known, on: calendar.date(of: effectiveAt))
        }
        var reviewed = reviewed
        reviewed.settings = given
        return reviewed
    }

    private func review(
        _ reviewed: [ReviewedMedications],
        _ others: [ReviewedMedications],
        _ effectiveAt: Instant
    ) -> MedicationReview {
        MedicationReview(
            reviewed,
            others: others,
            effectiveAt: effectiveAt,
            calendar: calendar
        )
    }

    /// Reviews every episode with a stay in force.
    ///
    /// - Parameters:
    ///   - program: only those in this program; nil for all.
    ///   - effectiveAt: as for one episode.
    ///   - knowledge: nil answers from the tables.
    public func program(
        _ program: String?,
        effectiveAt: Instant,
        knowledge: Knowledge? = nil
    ) async throws -> MedicationWorklist {
        let (open, basis) = try await open(.program(program), effectiveAt, knowledge)
        let ofClient = Dictionary(grouping: open, by: \.clientID)
        let episodes = open.compactMap { reviewed -> MedicationWorklist.Episode? in
            guard let enrolment = reviewed.enrolment, reviewed.isIn(program) else { return nil }
            return MedicationWorklist.Episode(
                episodeID: reviewed.episodeID,
                clientID: enrolment.clientID,
                program: enrolment.program,
                levelOfCare: enrolment.levelOfCare,
                review: review([reviewed], reviewed.others(in: ofClient), effectiveAt)
            )
        }
        return MedicationWorklist(
            program: program,
            effectiveAt: effectiveAt,
            episodes: episodes.inOrder,
            basis: basis.resting(on: open.filter { $0.isIn(program) })
        )
    }

    /// Reviews all open episodes of a client together.
    ///
    /// - Parameters:
    ///   - client: the client's key.
    ///   - effectiveAt: as for one episode.
    ///   - knowledge: nil answers from the tables.
    public func client(
        _ client: String,
        effectiveAt: Instant,
        knowledge: Knowledge? = nil
    ) async throws -> ClientMedicationReview {
        let (open, basis) = try await open(.client(client), effectiveAt, knowledge)
        return ClientMedicationReview(
            clientID: client,
            episodes: open.compactMap(\.enrolment).map {
                ClientMedicationReview.Episode(
                    episodeID: $0.episodeID,
                    program: $0.program,
                    levelOfCare: $0.levelOfCare,
                    admittedAt: $0.admittedAt
                )
            }.sorted { ($0.admittedAt, $0.episodeID) < ($1.admittedAt, $1.episodeID) },
            review: review(open, [], effectiveAt),
            basis: basis.resting(on: open)
        )
    }

    /// The open episodes that an answer about a program or a client needs.
    private func open(
        _ subject: Subject,
        _ effectiveAt: Instant,
        _ knowledge: Knowledge?
    ) async throws -> ([ReviewedMedications], ReadModelBasis) {
        if let knowledge {
            return try await model.histories.run(
                of: .enrolled(at: effectiveAt),
                known: knowledge,
                fold(effectiveAt: effectiveAt, knownBy: knowledge.by) { reviewed in
                    reviewed.isOpen && (subject.client.map { $0 == reviewed.clientID } ?? true)
                }
            )
        }
        let found = try await stored(subject, effectiveAt)
        return ((found.own + found.others).filter(\.isOpen), found.basis)
    }

    // MARK: - Comparisons

    /// An episode's part of an answer: what a comparison of two knowledge times folds.
    ///
    /// - Parameters:
    ///   - effectiveAt: as for one episode.
    ///   - clock: by which it is told when something became known; nil for the source's.
    ///   - isWanted: which take part.
    func fold(
        effectiveAt: Instant,
        knownBy clock: KnowledgeClock?,
        where isWanted: @escaping @Sendable (ReviewedMedications) -> Bool = { _ in true }
    ) -> @Sendable (EpisodeID, EffectiveHistory) throws -> ReviewedMedications? {
        { [self] episode, history in
            let reviewed = try ReviewedMedications.fold(
                episode,
                history,
                effectiveAt: effectiveAt,
                calendar: calendar,
                knownBy: clock ?? .source
            ).map { settled($0, effectiveAt, knownAt: history.knownAt) }
            return reviewed.flatMap { isWanted($0) ? $0 : nil }
        }
    }

    /// The named parts of an answer, for comparing two.
    ///
    /// - Parameters:
    ///   - parts: what ``fold(effectiveAt:knownBy:where:)`` returned.
    ///   - subject: who is asked about.
    ///   - effectiveAt: as for one episode.
    func items(
        _ parts: [ReviewedMedications],
        about subject: Subject,
        effectiveAt: Instant
    ) -> [AnswerItem] {
        let ofClient = Dictionary(grouping: parts.filter(\.isOpen), by: \.clientID)
        switch subject {
        case .episode(let episode):
            guard let own = parts.first(where: { $0.episodeID == episode }) else { return [] }
            return review([own], own.others(in: ofClient), effectiveAt).items
        case .client:
            return parts.isEmpty ? [] : review(parts, [], effectiveAt).items
        case .program(let program):
            return parts.filter { $0.isOpen && $0.isIn(program) }.flatMap { own in
                review([own], own.others(in: ofClient), effectiveAt).items.map {
                    AnswerItem("episodes/\(own.episodeID)/\($0.name)", $0.value)
                }
            }
        }
    }

    /// The episodes that a comparison about one reads: those of its client at either time.
    func episodes(
        beside episode: EpisodeID,
        effectiveAt: Instant,
        known times: [Instant],
        by clock: KnowledgeClock
    ) async throws -> [EpisodeID] {
        var found: Set<EpisodeID> = [episode]
        for time in times {
            let parts = try await model.histories.run(
                of: .enrolled(at: effectiveAt).including(episode),
                known: Knowledge(at: time, by: clock),
                fold(effectiveAt: effectiveAt, knownBy: clock) {
                    $0.isOpen || $0.episodeID == episode
                }
            ).parts
            guard let own = parts.first(where: { $0.episodeID == episode }) else { continue }
            found.formUnion(parts.filter { $0.clientID == own.clientID }.map(\.episodeID))
        }
        return found.sorted()
    }

    // MARK: - Tables

    /// What the tables have, as it was at the time.
    private struct Found: Sendable {
        var own: [ReviewedMedications]
        /// Of the same clients.
        var others: [ReviewedMedications]
        var basis: ReadModelBasis

        func isBeside(_ episode: EpisodeID) -> Bool {
            others.contains { $0.episodeID == episode }
        }
    }

    /// What the tables have; nil where another version of the fold has filled them.
    private func usable(_ subject: Subject, _ effectiveAt: Instant) async throws -> Found? {
        do {
            return try await stored(subject, effectiveAt)
        } catch let error as ProjectionError where error.isAboutVersion {
            return nil
        }
    }

    private func stored(_ subject: Subject, _ effectiveAt: Instant) async throws -> Found {
        let id = ledger.id
        if let kept, case .program(nil) = subject, effectiveAt >= kept.start {
            let (own, basis) = try await model.keptModels(notEndedBefore: effectiveAt, kept) {
                connection,
                generation,
                start,
                episodes in
                try await MedicationRows.medications(
                    .notOver(start, episodes),
                    id,
                    generation,
                    connection
                ).reduce(into: [:]) { $0[$1.episodeID] = $1 }
            }
            return Found(
                own: try await reviewed(own, effectiveAt, basis),
                others: [],
                basis: basis
            )
        }
        typealias Rows = (own: [EpisodeMedications], others: [EpisodeMedications], ReadModelBasis)
        let (own, others, basis): Rows = try await model.withTables {
            connection,
            generation,
            basis in
            func rows(_ selection: MedicationRows.Selection) async throws -> [EpisodeMedications] {
                try await MedicationRows.medications(selection, id, generation, connection)
            }
            let own: [EpisodeMedications]
            switch subject {
            case .episode(let episode): own = try await rows(.episode(episode))
            case .program(nil): own = try await rows(.notOver(effectiveAt, nil))
            case .program(let program?):
                own = try await rows(.program(program, effectiveAt: effectiveAt))
            case .client(let client):
                own = try await rows(.clients([client], effectiveAt: effectiveAt))
            }
            if own.isEmpty || subject.client != nil { return (own, [], basis) }
            // Of everybody nobody is beside.
            if case .program(nil) = subject { return (own, [], basis) }
            let clients = Set(own.map(\.clientID)).sorted()
            let names = Set(own.map(\.episodeID))
            let others = try await rows(.clients(clients, effectiveAt: effectiveAt))
                .filter { !names.contains($0.episodeID) }
            return (own, others, basis)
        }
        return Found(
            own: try await reviewed(own, effectiveAt, basis),
            others: try await reviewed(others, effectiveAt, basis).filter(\.isOpen),
            basis: basis
        )
    }

    /// Rows as they were at the time: what lies after it is folded away, but for parked episodes,
    /// whose last good rows answer.
    private func reviewed(
        _ rows: [EpisodeMedications],
        _ effectiveAt: Instant,
        _ basis: ReadModelBasis
    ) async throws -> [ReviewedMedications] {
        let parked = Set(basis.parked)
        let doubtful = Set(
            rows.filter { $0.needsFold(at: effectiveAt) && !parked.contains($0.episodeID) }
                .map(\.episodeID)
        )
        var found = rows.filter { !doubtful.contains($0.episodeID) }
            .map { settled(ReviewedMedications($0), effectiveAt) }
        if !doubtful.isEmpty {
            found += try await model.histories.run(
                of: .only(doubtful.sorted()),
                through: basis.position,
                fold(effectiveAt: effectiveAt, knownBy: nil)
            ).parts
        }
        return found
    }
}

extension ReviewedMedications {
    /// Whether a stay is in force in a program; nil for any.
    fileprivate func isIn(_ program: String?) -> Bool {
        enrolment.map { program == nil || $0.program == program } ?? false
    }

    /// The other open episodes of the same client.
    fileprivate func others(in ofClient: [String: [ReviewedMedications]]) -> [ReviewedMedications] {
        (ofClient[clientID] ?? []).filter { $0.episodeID != episodeID }
    }
}

extension ReadModelBasis {
    /// The same with the settings that reviews went by.
    fileprivate func resting(on reviewed: [ReviewedMedications]) -> ReadModelBasis {
        var basis = self
        basis.settings = Set(reviewed.compactMap(\.settings.by)).sorted { $0.entry < $1.entry }
        return basis
    }
}
