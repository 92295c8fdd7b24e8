public import CareEpisode
public import Ledger
import Postgres
public import ProjectionRuntime

/// Asks the medication review of one ledger, for any two clocks.
public struct MedicationReviewQuery: Sendable {
    private let model: ReadModel<MedicationReviewProjection>
    private let ledger: LedgerDescription
    private let calendar: LocalCalendar
    private let given: MedicationReview.Settings?
    let settings: LedgerSettings

    /// A ledger's medication review.
    ///
    /// - Parameters:
    ///   - given: what the question says in place of the ledger's settings; nil for nothing.
    ///   - settings: what the ledger has set.
    /// - Throws: an error that names the ledger's zone where this machine does not know it.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        given: MedicationReview.Settings? = nil,
        settings: LedgerSettings = LedgerSettings()
    ) throws {
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
        model = ReadModel(try MedicationReviewProjection(ledger), database, ledger: ledger)
        self.ledger = ledger
        self.given = given
        self.settings = settings
    }

    /// Reviews one episode.
    ///
    /// - Parameters:
    ///   - episode: which.
    ///   - effectiveAt: only what happened up to then takes part; what is known and takes effect
    ///     later is scheduled.
    ///   - knowledge: nil answers from the tables, and from the events where another version of the
    ///     fold has filled the tables.
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``MedicationReviewError``.
    public func episode(
        _ episode: EpisodeID,
        effectiveAt: Instant,
        knowledge: Knowledge? = nil
    ) async throws -> EpisodeMedicationReview {
        var basis: ReadModelBasis?
        if knowledge == nil, let (stored, found) = try await usable(.episode(episode)) {
            var tables = found
            let isParked = tables.parked.contains(episode)
            tables.parked = isParked ? [episode] : []
            // A parked episode cannot be folded: its last good rows answer.
            if let medications = stored.first,
                isParked || !medications.needsFold(at: effectiveAt)
            {
                let reviewed = settled(ReviewedMedications(medications), effectiveAt)
                return review(reviewed, effectiveAt, tables)
            }
            basis = tables
        }
        let fold = fold(effectiveAt: effectiveAt)
        let (parts, folded) = try await model.histories.run(
            of: [episode],
            known: knowledge,
            through: basis?.position
        ) { episode, history in
            Folded(medications: try fold(episode, history))
        }
        guard let part = parts.first else {
            if !folded.parked.isEmpty { throw MedicationReviewError.unreadable(episode) }
            guard let basis, basis.lag > 0 else { throw LedgerError.unknownEpisode(episode) }
            throw MedicationReviewError.notReached(
                episode,
                position: basis.position,
                head: basis.head
            )
        }
        guard let medications = part.medications else {
            throw MedicationReviewError.notAdmitted(episode)
        }
        return review(medications, effectiveAt, basis ?? folded)
    }

    /// Reviews every episode with a stay in force in a program.
    ///
    /// - Parameters:
    ///   - program: the program's key.
    ///   - effectiveAt: as for one episode.
    ///   - knowledge: nil answers from the tables.
    public func program(
        _ program: String,
        effectiveAt: Instant,
        knowledge: Knowledge? = nil
    ) async throws -> MedicationWorklist {
        var found: [ReviewedMedications]
        var basis: ReadModelBasis
        if let knowledge {
            (found, basis) = try await model.histories.run(
                known: knowledge,
                fold(effectiveAt: effectiveAt, enrolledIn: program)
            )
        } else {
            let stored: [EpisodeMedications]
            (stored, basis) = try await self.stored(.program(program, effectiveAt: effectiveAt))
            let parked = Set(basis.parked)
            let doubtful = stored.filter {
                $0.needsFold(at: effectiveAt) && !parked.contains($0.episodeID)
            }.map(\.episodeID)
            let isDoubtful = Set(doubtful)
            found = stored.filter { !isDoubtful.contains($0.episodeID) }
                .map { settled(ReviewedMedications($0), effectiveAt) }
            if !doubtful.isEmpty {
                found += try await model.histories.run(
                    of: doubtful.sorted(),
                    through: basis.position,
                    fold(effectiveAt: effectiveAt)
                ).parts
            }
        }
        basis.settings = Set(found.compactMap(\.settings.by)).sorted { $0.entry < $1.entry }
        return MedicationWorklist(
            program: program,
            effectiveAt: effectiveAt,
            episodes: worklist(found, program, effectiveAt),
            basis: basis
        )
    }

    /// An episode's part of an answer: what a comparison of two knowledge times folds.
    ///
    /// - Parameters:
    ///   - effectiveAt: as for one episode.
    ///   - program: only where a stay in this program is in force; nil for any.
    public func fold(
        effectiveAt: Instant,
        enrolledIn program: String? = nil
    ) -> @Sendable (EpisodeID, EffectiveHistory) throws -> ReviewedMedications? {
        { [self] episode, history in
            let reviewed = try ReviewedMedications.fold(
                episode,
                history,
                effectiveAt: effectiveAt,
                calendar: calendar
            ).map { settled($0, effectiveAt, knownAt: history.knownAt) }
            guard let program else { return reviewed }
            return reviewed.flatMap { $0.isEnrolled(in: program) ? $0 : nil }
        }
    }

    /// The named parts of an answer, for comparing two.
    ///
    /// - Parameters:
    ///   - reviewed: what ``fold(effectiveAt:enrolledIn:)`` returned.
    ///   - effectiveAt: as for one episode.
    ///   - namesEpisodes: whether the names begin with the episode's, as they must where there are
    ///     several.
    public func items(
        _ reviewed: [ReviewedMedications],
        effectiveAt: Instant,
        namesEpisodes: Bool = false
    ) -> [AnswerItem] {
        reviewed.flatMap { reviewed in
            let items = reviewed.review(effectiveAt).items
            guard namesEpisodes else { return items }
            return items.map {
                AnswerItem("episodes/\(reviewed.episodeID)/\($0.name)", $0.value)
            }
        }
    }

    /// By what the question says, else by what the ledger had set at a knowledge time.
    private func settled(
        _ reviewed: ReviewedMedications,
        _ effectiveAt: Instant,
        knownAt: Instant? = nil
    ) -> ReviewedMedications {
        guard let given else {
            return reviewed.with(
                settings.known(at: knownAt),
                on: calendar.date(of: effectiveAt)
            )
        }
        var reviewed = reviewed
        reviewed.settings = given
        return reviewed
    }

    private func review(
        _ reviewed: ReviewedMedications,
        _ effectiveAt: Instant,
        _ basis: ReadModelBasis
    ) -> EpisodeMedicationReview {
        var basis = basis
        basis.settings = [reviewed.settings.by].compactMap { $0 }
        return EpisodeMedicationReview(
            episodeID: reviewed.episodeID,
            review: reviewed.review(effectiveAt),
            basis: basis
        )
    }

    private struct Folded: Sendable {
        var medications: ReviewedMedications?
    }

    /// What the tables have; nil where another version of the fold has filled them.
    private func usable(
        _ selection: MedicationRows.Selection
    ) async throws -> ([EpisodeMedications], ReadModelBasis)? {
        do {
            return try await stored(selection)
        } catch let error as ProjectionError where error.isAboutVersion {
            return nil
        }
    }

    private func stored(
        _ selection: MedicationRows.Selection
    ) async throws -> ([EpisodeMedications], ReadModelBasis) {
        let id = ledger.id
        return try await model.withTables { connection, generation, basis in
            let medications = try await MedicationRows.medications(
                selection,
                id,
                generation,
                connection
            )
            return (medications, basis)
        }
    }

    private func worklist(
        _ found: [ReviewedMedications],
        _ program: String,
        _ effectiveAt: Instant
    ) -> [MedicationWorklist.Episode] {
        found.compactMap { reviewed in
            guard let enrolment = reviewed.enrolment, reviewed.isEnrolled(in: program) else {
                return nil
            }
            return MedicationWorklist.Episode(
                episodeID: reviewed.episodeID,
                clientID: enrolment.clientID,
                program: enrolment.program,
                levelOfCare: enrolment.levelOfCare,
                review: reviewed.review(effectiveAt)
            )
        }.sorted {
            ($1.review.flags.count, $0.episodeID) < ($0.review.flags.count, $1.episodeID)
        }
    }
}

extension ReviewedMedications {
    /// Whether a stay in a program is in force.
    fileprivate func isEnrolled(in program: String) -> Bool {
        enrolment.map { $0.isEnrolled && $0.program == program } ?? false
    }
}
