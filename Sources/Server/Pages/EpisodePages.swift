import CareEpisode
import Documents
import HTTPTypes
import Hummingbird
import Ledger
import Markup
import Pages
import ProjectionRuntime
import Projections
import TransparencyLog

/// The pages of one episode.
enum EpisodePages {
    static func timeline(_ request: PageRequest) async throws -> PageResult {
        let asked = try EpisodeAsked(request)
        // Who has just recorded something sees it; where that takes long, the page says how far it is.
        if request.address["recorded"] != nil { try? await asked.reached(request.context.head) }
        let (record, basis) = try await asked.record()
        let page = request.address["page"] == nil ? nil : request.page
        let view = EpisodeView(record, try await asked.changes(), page: page)
        guard case .page(var found) = asked.page(view, record, basis) else {
            preconditionFailure("a timeline is a page")
        }
        // What a form has just done; it may not be told of what is not there.
        for (name, words) in [("recorded", "Recorded as"), ("repeated", "Recorded before, as")] {
            guard let version = request.address[name].flatMap({ Int64($0) }),
                let event = record.event(Version(version))
            else { continue }
            let time = request.format.dayAndTime(event.recordedAt)
            found.notices.append(
                Notice(
                    .good,
                    "\(words) version \(version)",
                    [.text("The ledger has it since \(time).")]
                )
            )
        }
        return .page(found)
    }

    static func medication(_ request: PageRequest) async throws -> PageResult {
        let asked = try EpisodeAsked(request)
        let (record, basis) = try await asked.record()
        var changes = EpisodeChanges()
        changes.parts = try await asked.difference(MedicationReviewQuestion.self)
        return asked.page(EpisodeMedicationView(record, changes), record, basis)
    }

    static func attendance(_ request: PageRequest) async throws -> PageResult {
        let asked = try EpisodeAsked(request)
        let (record, basis) = try await asked.record()
        var changes = EpisodeChanges()
        changes.parts = try await asked.difference(AttendanceQuestion.self)
        return asked.page(EpisodeAttendanceView(record, changes), record, basis)
    }

    static func summary(_ request: PageRequest) async throws -> PageResult {
        let asked = try EpisodeAsked(request)
        let (record, basis) = try await asked.record()
        var changes = EpisodeChanges()
        changes.parts = try await asked.difference(DischargeSummaryQuestion.self)
        let view = EpisodeSummaryView(record, changes, try await asked.summary())
        return asked.page(view, record, basis)
    }

    static func proof(_ request: PageRequest) async throws -> PageResult {
        let asked = try EpisodeAsked(request)
        let (record, basis) = try await asked.record()
        let call = request.call
        let newest = try await PublishedCheckpoint.newest(call.database, call.ledger)
        let checkpoint = newest.map { newest in
            EpisodeProofView.Checkpoint(
                size: newest.signed.checkpoint.size,
                origin: newest.signed.checkpoint.origin,
                root: "\(newest.signed.checkpoint.root)",
                note: newest.signed.note.description,
                sealedAt: newest.sealedAt
            )
        }
        let principal = request.visitor.principal
        func may(_ operation: String) -> Bool {
            Endpoint.all.contains {
                $0.operation == operation && $0.allows(principal, in: call.ledger.name)
            }
        }
        let view = EpisodeProofView(
            record,
            checkpoint: checkpoint,
            proof: try await asked.proof(record, checkpoint?.size),
            looks: may("listAccess") ? try await asked.looks() : nil,
            packet: may("getPacket")
                ? "/ledgers/\(call.ledger.name)/episodes/\(asked.episode)/packet" : nil,
            page: request.page
        )
        return asked.page(view, record, basis, compares: false)
    }

    static func packet(_ request: PageRequest) async throws -> PageResult {
        var reply = try await EvidenceRoutes.packet(request.call)
        reply.disclosed = "the packet"
        return .other(reply)
    }
}

/// One episode that a page is asked for, and the questions about it.
struct EpisodeAsked {
    let request: PageRequest
    let episode: EpisodeID

    init(_ request: PageRequest) throws {
        self.init(request, try request.call.episode())
    }

    init(_ request: PageRequest, _ episode: EpisodeID) {
        self.request = request
        self.episode = episode
    }

    private var values: [String: [String]] { ["episode": [episode.description]] }

    // MARK: - The record

    /// The episode at the page's clocks, and now where that is something else.
    func record() async throws -> (EpisodeRecord, ReadModelBasis) {
        var now = try await request.workNow("episode", values) { request in
            try await EpisodeAsked(request, episode).stand(isNow: true)
        }
        var then = now
        if !request.clocks.showsNow {
            then = try await past("stand") { try await $0.stand(isNow: false) }
            // What is shown rests on what is newest; what is parked may be wrong in either.
            now.basis.parked = Set(now.basis.parked + then.basis.parked).sorted()
        }
        var record = EpisodeRecord(
            episode,
            then: then.stand,
            now: now.stand,
            version: request.clocks.version,
            request.plainAddress,
            request.clocks,
            request.format,
            await people(now.stand)
        )
        record.mayRecord = request.clocks.showsNow && request.mayRecord
        return (record, now.basis)
    }

    /// The episode at the page's clocks, with what a review of its medication shows and no more.
    func reviewed() async throws -> EpisodeRecord {
        let stand = try await stand(isNow: false, attends: false).stand
        return EpisodeRecord(
            episode,
            then: stand,
            now: stand,
            version: nil,
            request.address,
            request.clocks,
            request.format,
            await people(stand)
        )
    }

    /// The names of the client, and of who stated or prescribed something.
    private func people(_ stand: EpisodeStand) async -> People {
        var keys: Set<String> = []
        if let client = stand.state?.clientID { keys.insert(client) }
        for line in stand.replay.lines {
            guard let draft = try? line.event.draft() else { continue }
            keys.insert(draft.author.id)
            switch draft.data {
            case .admitted(let admitted): keys.insert(admitted.clientID)
            case .medicationAdjusted(let change): keys.insert(change.prescriber)
            default: break
            }
        }
        return await request.people(keys.sorted())
    }

    /// What the questions about the episode answer, at the page's clocks or now.
    private func stand(isNow: Bool, attends: Bool = true) async throws -> Stand {
        func answer<Asked: Question>(
            _ question: Asked.Type,
            _ values: [String: [String]]
        ) async throws -> Answer<Asked.Value> {
            isNow
                ? try await request.answerNow(question, values)
                : try await request.answer(question, values)
        }
        // A replay without a time has what lies ahead as well.
        var replayed = values
        if isNow || (request.clocks.effective == .now && request.clocks.version == nil) {
            replayed["effective_at"] = [request.context.moment.now.description]
        }
        let replay = try await answer(ReplayQuestion.self, replayed)
        var attendance: EpisodeAttendance?
        do {
            if attends,
                case .episode(let found) = try await answer(AttendanceQuestion.self, values).value
            {
                attendance = found
            }
        } catch AttendanceError.notAdmitted {}
        var review: EpisodeMedicationReview?
        do {
            let found: Answer<MedicationReviewQuestion.Value>
            do {
                found = try await answer(MedicationReviewQuestion.self, values)
            } catch MedicationReviewError.notReached {
                // Somebody may just have been admitted.
                try await reached(request.context.head)
                found = try await answer(MedicationReviewQuestion.self, values)
            }
            if case .episode(let episode) = found.value { review = episode }
        } catch MedicationReviewError.notAdmitted {
        } catch let error as MedicationReviewError {
            guard case .notReached = error else { throw error }
            throw Problem.unavailable(
                "the medication review has not got to this episode yet: try again"
            )
        }
        var basis = replay.basis
        if let rests = review?.basis {
            basis.parked = rests.parked
            basis.position = min(basis.position, rests.position)
        }
        return Stand(
            stand: EpisodeStand(
                replay: replay.value.replay,
                state: replay.value.state,
                attendance: attendance,
                review: review?.review,
                effectiveAt: review?.review.effectiveAt ?? replay.value.effectiveAt
                    ?? request.context.moment.now
            ),
            basis: basis
        )
    }

    /// So long a page waits for what has just been recorded.
    private static let patience: Duration = .seconds(1)

    /// Waits until the medication review has got to a position: of the answers about an episode it alone
    /// is read from tables.
    func reached(_ position: Position) async throws {
        let question = try MedicationReviewQuestion.read(
            Arguments(values),
            at: request.context.moment
        )
        guard let tables = try question.readsTables(of: request.call.ledger) else { return }
        try await QuestionRoutes.wait(
            for: tables,
            position,
            request.call,
            atMost: Self.patience
        )
    }

    // MARK: - What takes long

    /// What the questions say of the episode.
    private struct Stand: PageAnswer {
        let stand: EpisodeStand
        var basis: ReadModelBasis

        var position: Position { basis.position }
    }

    /// Something that was worked out up to the head.
    private struct Worked<Value: Sendable>: PageAnswer {
        let value: Value
        let position: Position
    }

    /// What was known or what has changed, worked out once for all who ask the same.
    private func past<Value: PageAnswer>(
        _ what: String,
        _ work: @escaping @Sendable (EpisodeAsked) async throws -> Value
    ) async throws -> Value {
        let clocks = request.clocks
        guard clocks.knownAt != nil || clocks.compared != nil || clocks.version != nil else {
            return try await work(self)
        }
        return try await request.work("episode \(what)", values) { request in
            try await work(EpisodeAsked(request, episode))
        }
    }

    // MARK: - Differences

    /// What the version shown has changed, or what differs between the two knowledge times.
    func changes() async throws -> EpisodeChanges {
        guard request.clocks.version != nil || request.clocks.compared != nil else {
            return EpisodeChanges()
        }
        return try await past("changes") { asked in
            Worked(
                value: try await asked.changesAtClocks(),
                position: asked.request.context.head
            )
        }.value
    }

    private func changesAtClocks() async throws -> EpisodeChanges {
        let context = request.context
        if request.clocks.version != nil {
            return EpisodeChanges(
                entries: try await request.ask(ReplayQuestion.self, values).changes(context),
                parts: try await request.ask(AttendanceQuestion.self, values).changes(context)
                    + request.ask(MedicationReviewQuestion.self, values).changes(context)
            )
        }
        return EpisodeChanges(
            entries: try await request.difference(ReplayQuestion.self, values)?.changes ?? [],
            parts: try await differenceAtClocks(AttendanceQuestion.self)
                + differenceAtClocks(MedicationReviewQuestion.self)
        )
    }

    /// What differs in one answer; nothing where the page compares nothing.
    func difference<Asked: Question>(
        _ question: Asked.Type
    ) async throws -> [KnowledgeDifference.Change]
    where Asked.Difference == KnowledgeDifference {
        guard request.clocks.compared != nil else { return [] }
        return try await past("difference \(Asked.self)") { asked in
            Worked(
                value: try await asked.differenceAtClocks(question),
                position: asked.request.context.head
            )
        }.value
    }

    private func differenceAtClocks<Asked: Question>(
        _ question: Asked.Type
    ) async throws -> [KnowledgeDifference.Change]
    where Asked.Difference == KnowledgeDifference {
        try await request.difference(question, values)?.changes ?? []
    }

    // MARK: - Summary and proof

    /// The summary, of an open episode an interim one; nil where no admission is known.
    func summary() async throws -> DischargeSummaryAnswer? {
        try await past("summary") { asked in
            Worked(
                value: try await asked.summaryAtClocks(),
                position: asked.request.context.head
            )
        }.value
    }

    private func summaryAtClocks() async throws -> DischargeSummaryAnswer? {
        do {
            return try await request.answer(
                DischargeSummaryQuestion.self,
                values.merging(["interim": ["true"]]) { $1 }
            ).value
        } catch DischargeSummaryError.notAdmitted {
            return nil
        }
    }

    /// The inclusion proof of the entry that is asked for, in the tree of the newest checkpoint.
    func proof(_ record: EpisodeRecord, _ size: Int64?) async throws -> EpisodeProofView.Proof? {
        guard let text = request.address["entry"] else { return nil }
        guard let number = Int64(text), let event = record.event(Version(number)) else {
            throw request.refusal("entry", "must be a version of the episode")
        }
        guard let size, event.position.rawValue <= size else { return nil }
        let store = TileStore(request.call.database, ledger: request.call.ledger)
        let hashes = try await store.inclusionProof(of: event.position, size: size)
        return EpisodeProofView.Proof(version: event.version, hashes: hashes.map { "\($0)" })
    }

    /// So many decisions are shown.
    private static let looksShown = 100

    func looks() async throws -> [EpisodeProofView.Look] {
        let call = request.call
        let summaries = Dictionary(
            (Endpoint.all + Endpoint.pages).map { ($0.operation, $0.summary) },
            uniquingKeysWith: { first, _ in first }
        )
        return try await call.service.accessLog.latest(
            call.ledger,
            episode,
            limit: Self.looksShown
        ).map { entry in
            EpisodeProofView.Look(
                at: entry.at,
                subject: entry.decision.subject,
                what: summaries[entry.decision.operation]
                    ?? Words.title(entry.decision.operation),
                isAllowed: entry.decision.isAllowed,
                purpose: entry.decision.purpose.map { purpose in
                    SignInSession.purposes.first { $0.code == purpose }?.words ?? purpose
                },
                requestID: entry.decision.requestID
            )
        }
    }

    // MARK: - The answer

    func page(
        _ view: some PageView,
        _ record: EpisodeRecord,
        _ basis: ReadModelBasis,
        compares: Bool = true
    ) -> PageResult {
        .page(
            FoundPage(
                view: view,
                basis: basis,
                rows: 1,
                replayed: replayed(record),
                people: record.people,
                compares: compares
            )
        )
    }

    /// The version that a page replays; nil where it shows a time.
    private func replayed(_ record: EpisodeRecord) -> ReplayedVersion? {
        guard record.version != nil, let line = record.then.replay.lines.last else { return nil }
        return ReplayedVersion(
            line.event.history.version,
            knownAt: line.event.history.knownAt,
            isSourceTime: line.isSourceTime
        )
    }
}
