import CareEpisode
import Crypto
import HTTPTypes
import Hummingbird
import Ledger
import Markup
import Pages
import ProjectionRuntime
import Projections

/// Forms that record an event, correct an entry or retract one.
///
/// The form becomes the event that a program would send, and goes the same way: the parser checks it, the
/// sequencer decides on it, and what is wrong finds its field by the pointer.
enum RecordPages {
    /// What every form of this kind is signed with.
    private static let form = "record"

    static func show(_ request: PageRequest) async throws -> PageResult {
        let asked = try await RecordAsked(request.asOfNow())
        return try await asked.page(asked.firstValues(), expected: asked.newest)
    }

    static func send(_ request: PageRequest) async throws -> PageResult {
        let fields = try await request.fields(of: form)
        let asked = try await RecordAsked(request.asOfNow(), fields)
        let typed = FormValues(
            fields.all.filter { $0.name.hasPrefix("/") || $0.name.hasPrefix("which:") }
        )
        let event = FormEvent(
            asked.type,
            target: asked.target?.type,
            try asked.completed(typed),
            asked.request.context.calendar
        )
        let expected = try asked.expected(fields)
        if let list = fields["add"] {
            return try await asked.page(event.values, expected: expected) { $0.growing = list }
        }
        let draft: EventDraft
        do throws(Refusal) {
            draft = try event.draft()
        } catch {
            return try await asked.refused(error.errors, event.values, expected)
        }
        // What is recorded is what was shown.
        let isShown = fields["do"] != "preview" && fields["previewed"] == asked.digest(event)
        if asked.type.isAmendment, !isShown {
            return try await asked.preview(draft, event, expected)
        }
        return try await asked.record(draft, event.values, expected)
    }

    /// What a form is signed with.
    static func token(_ request: PageRequest) async throws -> String {
        try await request.call.service.signIn.token(
            form,
            for: request.visitor.principal.subject
        )
    }
}

/// A form that is asked for or sent, and the episode that it is about.
struct RecordAsked {
    let request: PageRequest
    let type: EventType
    let episode: EpisodeID
    /// The episode as it is now; nil of an admission, which begins it.
    private let record: EpisodeRecord?
    /// The entry that is corrected or retracted; nil of any other event.
    let target: HistoryEvent?
    private let basis: ReadModelBasis

    /// Reads what a form is about.
    ///
    /// - Parameter fields: what it has sent; nil where it is asked for.
    /// - Throws: ``Problem`` 404, ``QuestionRefusal``, `LedgerError.unknownEpisode`.
    init(_ request: PageRequest, _ fields: FormFields? = nil) async throws {
        self.request = request
        let call = request.call
        if let text = call.context.parameters.get("event") {
            let path = request.address.path
            type = path.hasSuffix("/retract") ? .entryRetracted : .entryCorrected
            episode = try call.episode()
            let (whole, basis) = try await EpisodeAsked(request, episode).record()
            (record, self.basis) = (whole, basis)
            guard let id = EventID(text),
                let event = whole.events.first(where: { $0.history.eventID == id })?.history,
                !event.type.isAmendment
            else { throw Problem.notFound("the episode has no such entry") }
            target = event
            return
        }
        guard let text = call.context.parameters.get("type"), let type = EventType(rawValue: text),
            !type.isAmendment
        else { throw Problem.notFound("there is no form of this name") }
        self.type = type
        target = nil
        if type == .admitted {
            guard request.address["episode"] == nil else {
                throw request.refusal("episode", "does not go with an admission, which begins one")
            }
            var generator = SystemRandomNumberGenerator()
            let new = EpisodeID.timeOrdered(at: request.context.moment.now, using: &generator)
            if let sent = fields?["episode"] {
                guard let id = EpisodeID(sent) else {
                    throw Problem.badRequest("episode", "must be a UUID")
                }
                episode = id
            } else {
                episode = new
            }
            record = nil
            let head = request.context.head
            basis = ReadModelBasis(position: head, head: head, knownAt: nil, knownBy: .source)
        } else {
            guard let id = request.address["episode"].flatMap({ EpisodeID($0) }) else {
                throw request.refusal("episode", "must be the id of an episode")
            }
            episode = id
            let (whole, basis) = try await EpisodeAsked(request, id).record()
            (record, self.basis) = (whole, basis)
        }
    }

    /// The newest version of the episode; 0 of one that begins.
    var newest: Version { record?.newest ?? .zero }

    /// The version that the form was made on.
    func expected(_ fields: FormFields) throws -> Version {
        guard let text = fields["version"], let number = Int64(text), number >= 0 else {
            throw Problem.badRequest("version", "must be a version")
        }
        return Version(number)
    }

    private var path: String { "/ledgers/\(request.call.ledger.name)" }

    // MARK: - What the form says at first

    /// A new form: now, by who is signed in, with what is known already.
    func firstValues() throws -> FormValues {
        var values = FormValues()
        let now = request.context.moment.now
        let calendar = request.context.calendar
        var generator = SystemRandomNumberGenerator()
        values["/event_id"] = "\(EventID.timeOrdered(at: now, using: &generator))"
        values["/occurred_at"] = FormTime.minute(of: now, calendar)
        let author = request.visitor.session.author
        values["/author/id"] = author.id ?? request.visitor.principal.subject
        values["/author/role"] = author.role ?? ""
        switch type {
        case .sessionAttended, .familySessionHeld:
            values["/data/session_id"] = "\(EventID.timeOrdered(at: now, using: &generator))"
        case .steppedDown, .steppedUp: values["/data/from_level"] = record?.level?.rawValue ?? ""
        case .medicationAdjusted:
            if author.role == "physician" || author.role == "prescriber" {
                values["/data/prescriber"] = values["/author/id"]
            }
        default: break
        }
        if type == .entryCorrected, let target { try put(target, into: &values) }
        if let like = request.address["like"].flatMap({ Int64($0) }) {
            guard let event = record?.events.first(where: { $0.history.version.rawValue == like })
            else { throw request.refusal("like", "must be a version of the episode") }
            if type == .medicationAdjusted {
                try putMedication(of: event.history.eventID, into: &values)
                return values
            }
            guard event.history.type == type else {
                throw request.refusal("like", "must be the version of such an entry")
            }
            let kept = values["/data/session_id"]
            values.put(try event.draft().data, at: "/data", calendar)
            if !kept.isEmpty { values["/data/session_id"] = kept }
        }
        return values
    }

    /// A medication in force, as the entry began it that a version names: what is done with it is open.
    private func putMedication(of event: EventID, into values: inout FormValues) throws {
        let listed = (record?.now.review?.active ?? []).filter { $0.interval.eventID == event }
        let item = request.address["item"].flatMap { Int($0) } ?? 0
        guard listed.indices.contains(item) else {
            throw request.refusal("like", "must be the version that began a medication in force")
        }
        let interval = listed[item].interval
        let data = MedicationAdjusted(
            medication: interval.medication,
            change: .unchanged,
            prescriber: values["/data/prescriber"],
            regimen: interval.regimen
        )
        values.put(.medicationAdjusted(data), at: "/data", request.context.calendar)
        values["/data/change"] = ""
    }

    /// What the entry says now, with what has been corrected.
    private func put(_ target: HistoryEvent, into values: inout FormValues) throws {
        let calendar = request.context.calendar
        let entry = try entry(target)
        let data =
            try entry?.decode()
            ?? EventData.decode(target.type, schemaVersion: 1, payload: target.payload)
        values.put(data, at: "/data/replacement", calendar)
        values["/data/replacement_occurred_at"] = FormTime.text(
            entry?.time ?? target.occurredAt,
            calendar
        )
    }

    /// The entry with what has been corrected, also where it lies ahead; nil of one that was retracted.
    private func entry(_ target: HistoryEvent) throws -> EffectiveHistory.Entry? {
        try EffectiveHistory((record?.events ?? []).map(\.history)).entries
            .first { $0.eventID == target.eventID }
    }

    /// What was typed, with what the address says.
    func completed(_ typed: FormValues) throws -> FormValues {
        var values = typed
        values["/data/target_event_id"] = target.map { "\($0.eventID)" } ?? ""
        // The time stays unless another one is typed.
        let time = "/data/replacement_occurred_at"
        if type == .entryCorrected, let target {
            let known = try entry(target)?.time ?? target.occurredAt
            let shown = FormTime.text(known, request.context.calendar)
            if values[time].isEmpty || values[time] == shown {
                values[time] = known == target.occurredAt ? "" : known.description
            }
        }
        return values
    }

    // MARK: - Answers

    /// The form.
    func page(
        _ values: FormValues,
        expected: Version,
        status: HTTPResponse.Status = .ok,
        decision: Reply.DecisionWriter = .door,
        _ change: (inout RecordView) -> Void = { _ in }
    ) async throws -> PageResult {
        var shown = values
        let time = "/data/replacement_occurred_at"
        if type == .entryCorrected, values[time].isEmpty, let target {
            shown[time] = FormTime.text(target.occurredAt, request.context.calendar)
        }
        var hidden = [
            (FormToken.name, try await RecordPages.token(request)),
            ("version", "\(expected)"), ("/event_id", values["/event_id"]),
        ]
        if type == .admitted { hidden.append(("episode", "\(episode)")) }
        var view = RecordView(
            type,
            target: target?.type,
            about: record?.about ?? [.text("A new episode.")],
            shown,
            action: request.address.with(["like": nil, "item": nil]).href,
            hidden: hidden.map { (name: $0.0, value: $0.1) },
            request.format
        )
        view.medications = Substances.knownNames
        view.programs = record?.programs ?? []
        change(&view)
        return .page(
            FoundPage(
                view: view,
                basis: basis,
                rows: record == nil ? 0 : 1,
                people: record?.people ?? People(),
                compares: false,
                isAsOfNow: true,
                status: status,
                decision: decision
            )
        )
    }

    /// The form with what is wrong beside its fields.
    func refused(
        _ errors: [FieldError],
        _ values: FormValues,
        _ expected: Version,
        decision: Reply.DecisionWriter = .door
    ) async throws -> PageResult {
        try await page(
            values,
            expected: expected,
            status: .unprocessableContent,
            decision: decision
        ) {
            $0.errors = errors
        }
    }

    /// Tells what was looked at from what is sent.
    func digest(_ event: FormEvent) -> String {
        Base64URL.encode(SHA256.hash(data: event.json))
    }

    /// What an amendment would change: the answers as they are, and as they will be.
    func preview(
        _ draft: EventDraft,
        _ event: FormEvent,
        _ expected: Version
    ) async throws -> PageResult {
        let values = event.values
        guard let record else { preconditionFailure("an amendment is of an episode") }
        var state = EpisodeState()
        for event in record.events { try state.apply(event.history) }
        let errors = state.decide(draft)
        guard errors.isEmpty else { return try await refused(errors, values, expected) }
        let changes = try await request.inTurn { request in
            try await EpisodeAsked(request, episode).changes(by: draft, record)
        }
        return try await page(values, expected: expected) {
            $0.preview = changes.lines(record)
            $0.hidden.append(("previewed", digest(event)))
        }
    }

    /// Records the event, and leads to it; else the form says why not.
    func record(
        _ draft: EventDraft,
        _ values: FormValues,
        _ expected: Version
    ) async throws -> PageResult {
        let call = request.call
        var decision = call.decision
        decision.episodeID = episode
        let (result, writer) = await EventRoutes.submit(
            AppendRequest(
                episodeID: episode,
                events: [draft],
                expectedVersion: expected,
                recordedBy: call.principal.subject,
                decision: decision
            ),
            call
        )
        let outcome: AppendOutcome
        do {
            outcome = try result.get()
        } catch {
            let problem = Problem(error)
            guard problem.status == .serviceUnavailable else { throw error }
            return try await page(
                values,
                expected: expected,
                status: .serviceUnavailable,
                decision: writer
            ) {
                // Nothing of the episode goes with what was typed.
                $0.about = []
                $0.programs = []
                $0.notice = .unavailable(problem.detail)
            }
        }
        switch outcome {
        case .appended(let receipts): return leading(to: receipts, "recorded", writer)
        case .duplicate(let receipts): return leading(to: receipts, "repeated", writer)
        case .refused(let refusal):
            return try await refused(refusal.errors, values, expected, decision: writer)
        case .conflict(let current):
            // What this page is made of may be a moment older.
            let entries = try await RecordAsked(request.again()).record?.entries(after: expected)
            return try await page(values, expected: current, status: .conflict, decision: writer) {
                $0.notice = .between(entries ?? [])
            }
        case .eventIDReused, .partlyRecorded:
            return try await page(values, expected: newest, status: .conflict, decision: writer) {
                $0.notice = .reused(
                    correct: "\(path)/episodes/\(episode)/entries/\(draft.eventID)/correct",
                    new: request.address.href
                )
            }
        }
    }

    private func leading(
        to receipts: [AppendReceipt],
        _ what: String,
        _ writer: Reply.DecisionWriter
    ) -> PageResult {
        let version = receipts.last?.version ?? .zero
        let address = PageAddress("\(path)/episodes/\(episode)", [what: ["\(version)"]])
        var reply = Reply(
            .redirect(to: "\(address.href)#v\(version)"),
            disclosed: "\(what) version \(version)"
        )
        reply.decision = writer
        return .other(reply)
    }
}

extension EpisodeAsked {
    /// What an event would change that nobody has recorded yet.
    func changes(by draft: EventDraft, _ record: EpisodeRecord) async throws -> EpisodeChanges {
        let now = request.context.moment.now
        let recordedAt = max(now, request.context.moment.newest ?? now)
        let header = draft.header(
            ledger: request.call.ledger.name,
            episodeID: episode,
            recordedBy: request.call.principal.subject
        )
        let version = record.newest.next
        var context = request.context
        context.kept = nil
        context.assumed = RecordedEvent(
            episodeID: episode,
            leafHash: [],
            header: header,
            history: HistoryEvent(
                position: context.head,
                version: version,
                eventID: draft.eventID,
                type: draft.type,
                occurredAt: draft.occurredAt,
                recordedAt: recordedAt,
                knownAt: recordedAt,
                payload: draft.payload(),
                header: draft.type.hasReadAuthor ? header : []
            )
        )
        let values = ["episode": [episode.description], "version": ["\(version)"]]
        func ask<Asked: Question>(_ question: Asked.Type) throws -> Asked {
            try Asked.read(Arguments(values), at: request.context.moment)
        }
        let entries = try await ask(ReplayQuestion.self).changes(context)
        var parts: [KnowledgeDifference.Change] = []
        do {
            parts = try await ask(AttendanceQuestion.self).changes(context)
        } catch AttendanceError.notAdmitted {}
        do {
            parts += try await ask(MedicationReviewQuestion.self).changes(context)
        } catch MedicationReviewError.notAdmitted {}
        return EpisodeChanges(entries: entries, parts: parts)
    }
}
