import CareEpisode
import Crypto
import HTTPTypes
import Hummingbird
import Ledger
import Pages
import ProjectionRuntime
import Projections

/// The group sheet: one mark for each client of a session, each recorded with an id that is made of the
/// session and the episode, so that nothing is recorded twice whoever sends it how often.
enum SheetPages {
    private static let form = "sheet"

    static func show(_ request: PageRequest) async throws -> PageResult {
        let request = request.asOfNow()
        guard let session = try SheetAsked.session(request) else { return try await day(request) }
        return try await SheetAsked(request, session).page(isSent: false)
    }

    static func send(_ request: PageRequest) async throws -> PageResult {
        let fields = try await request.fields(of: form)
        let request = request.asOfNow()
        guard let session = try SheetAsked.session(request) else {
            throw request.refusal("program", "is required")
        }
        var asked = try await SheetAsked(request, session)
        try await asked.take(fields)
        // Enter in the field of a key means to add it.
        let isKey = fields["do"] == "record" && fields["add_key"]?.isEmpty == false
        switch isKey ? "add" : fields["do"] {
        case "rest":
            asked.markRest(.attended)
            return try await asked.page(isSent: false)
        case "add":
            try await asked.add(fields["add_key"] ?? "")
            return try await asked.page(isSent: false)
        case "cancelled": asked.markRest(.cancelledByProgram)
        default: break
        }
        try await asked.record()
        return try await asked.page(isSent: true)
    }

    static func token(_ request: PageRequest) async throws -> String {
        try await request.call.service.signIn.token(form, for: request.visitor.principal.subject)
    }

    /// The sessions of today, and the fields of a new one.
    private static func day(_ request: PageRequest) async throws -> PageResult {
        let moment = request.context.moment
        let (list, answer) = try await SheetAsked.answers(
            request,
            enrolled: [:],
            sessions: ["date": [moment.today.description]]
        )
        let author = request.visitor.session.author
        var values = [
            "start": FormTime.minute(of: moment.now, request.context.calendar),
            "facilitator": author.id ?? request.visitor.principal.subject,
        ]
        for name in ["program", "kind", "start", "facilitator"] {
            if let text = request.address[name] { values[name] = text }
        }
        let view = SheetDayView(
            answer.value.sessions.map { session in (session, href(session, request)) },
            programs: Set(list.enrolled.map(\.stay.program)).sorted(),
            values: values,
            PageAddress(request.address.path),
            request.format
        )
        let rows = answer.value.episodes.count
        return .page(
            FoundPage(view: view, basis: answer.basis, rows: rows, compares: false, isAsOfNow: true)
        )
    }

    /// The sheet of a session that is recorded already; nil of what no sheet is of.
    private static func href(_ session: SessionList.Session, _ request: PageRequest) -> String? {
        guard let id = session.sessionID, let kind = SessionKind(rawValue: session.kind.rawValue),
            let program = session.programs.first
        else { return nil }
        return PageAddress(
            request.address.path,
            [
                "program": [program], "kind": [kind.rawValue],
                "start": [session.startsAt.description],
                "facilitator": [session.facilitators.first ?? ""], "session": [id],
            ]
        ).href
    }
}

/// A sheet that is asked for or sent.
private struct SheetAsked {
    private let request: PageRequest
    private let session: SheetSession
    private let list: AttendanceList
    private let basis: ReadModelBasis
    private var fields = SheetFields([:])
    private var rows: [SheetRow] = []
    private var errors: [FieldError] = []
    /// How many retracted entries the form knew of each episode.
    private var knew: [EpisodeID: Int] = [:]

    /// So many clients can be on a sheet who were not enrolled at its start.
    private static let rowLimit = 500
    /// So many episodes of a client are looked at.
    private static let episodeLimit = 100
    /// So many rows are recorded at a time.
    private static let atOnce = 8
    /// So often an entry of one session may have been retracted.
    private static let retractions = 16
    /// A session's habits are those of so many days before.
    private static let daysBack = 28
    /// So many of its predecessors say who is usually there.
    private static let predecessors = 4

    /// The session that an address names; nil where it names none.
    ///
    /// - Throws: `QuestionRefusal` where it names one in part, or wrongly.
    static func session(_ request: PageRequest) throws -> SheetSession? {
        guard request.address["program"] != nil || request.address["start"] != nil else {
            return nil
        }
        guard let program = request.address["program"] else {
            throw request.refusal("program", "is required")
        }
        guard let text = request.address["start"] else {
            throw request.refusal("start", "is required")
        }
        let startsAt: Instant
        do throws(FieldError) {
            startsAt = try FormTime.instant(text, request.context.calendar)
        } catch {
            throw request.refusal("start", error.detail)
        }
        guard startsAt <= request.context.moment.now else {
            throw request.refusal("start", "must not lie ahead")
        }
        let kind = request.address["kind"].flatMap { SessionKind(rawValue: $0) } ?? .group
        let facilitator = request.address["facilitator"] ?? request.visitor.principal.subject
        let derived = SessionMarkID.session(
            request.call.ledger.name,
            program,
            kind,
            startsAt,
            facilitator
        )
        return SheetSession(
            program: program,
            kind: kind,
            startsAt: startsAt,
            facilitator: facilitator,
            sessionID: request.address["session"] ?? derived
        )
    }

    /// Looks who may have come, and what is recorded of the session.
    init(_ request: PageRequest, _ session: SheetSession) async throws {
        self.request = request
        self.session = session
        let calendar = request.context.calendar
        let date = calendar.date(of: session.startsAt)
        let (list, sessions) = try await Self.answers(
            request,
            enrolled: [
                "program": [session.program], "effective_at": [session.startsAt.description],
            ],
            sessions: [
                "program": [session.program],
                "from": [date.adding(days: -Self.daysBack).description],
                "to": [date.description],
            ]
        )
        self.list = list
        basis = sessions.basis
        let earlier = sessions.value.sessions.filter { each in
            each.kind.rawValue == session.kind.rawValue && each.startsAt < session.startsAt
                && each.sessionID != session.sessionID
        }
        let before = earlier.filter { (date - $0.date) % 7 == 0 }.suffix(Self.predecessors)
        let usual = Set(
            before.flatMap(\.entries).filter { $0.outcome == .attended }.map(\.episodeID)
        )
        rows = list.enrolled.map { enrolled in
            SheetRow(
                enrolled.episodeID,
                enrolled.clientID,
                day: enrolled.dayOfStay,
                days: enrolled.days,
                isUsual: usual.contains(enrolled.episodeID)
            )
        }
        let known = sessions.value.sessions.filter {
            $0.sessionID == session.sessionID && $0.date == date
        }.flatMap(\.entries)
        for entry in known {
            guard let place = rows.firstIndex(where: { $0.episodeID == entry.episodeID }) else {
                continue
            }
            rows[place].told = .recorded(SheetEntry(entry))
        }
        try await lookUp(Array(rows.indices))
        fill(from: before.last ?? earlier.last, known.first)
    }

    /// Who is enrolled, and sessions; together, and in their turn where they fold.
    static func answers(
        _ request: PageRequest,
        enrolled: [String: [String]],
        sessions: [String: [String]]
    ) async throws -> (AttendanceList, Answer<SessionList>) {
        try await request.inTurn { request in
            let first = try await request.answer(AttendanceQuestion.self, enrolled)
            guard case .enrolled(let list) = first.value else {
                preconditionFailure("no episode is asked for")
            }
            return (list, try await request.answer(SessionsQuestion.self, sessions))
        }
    }

    /// Finds what the events have of rows that the read model has not: what it has not got to, and how many
    /// entries of the session were retracted.
    private mutating func lookUp(_ places: [Int]) async throws {
        let open = places.filter { rows[$0].told == nil }
        let ids = open.map { SessionMarkID.event(session, rows[$0].episodeID, 0) }
        let found = try await request.call.reader.places(of: ids)
        for (place, id) in zip(open, ids) where found[id]?.episode == rows[place].episodeID {
            let (entry, retracted) = try await known(rows[place].episodeID)
            rows[place].told = entry.map { .recorded($0) }
            rows[place].retracted = retracted
        }
    }

    /// The entry of the session that an episode has, and how many it had that were retracted.
    private func known(_ episode: EpisodeID) async throws -> (SheetEntry?, retracted: Int) {
        let events = try await request.call.reader.events(of: episode)
        let history = try EffectiveHistory(events.map(\.history))
        for number in 0..<Self.retractions {
            let id = SessionMarkID.event(session, episode, number)
            guard events.contains(where: { $0.history.eventID == id }) else { return (nil, number) }
            if let entry = try Self.entry(id, events, history) { return (entry, number) }
        }
        return (nil, Self.retractions)
    }

    /// An entry as it counts; nil where it was retracted.
    private static func entry(
        _ id: EventID,
        _ events: [RecordedEvent],
        _ history: EffectiveHistory
    ) throws -> SheetEntry? {
        guard let entry = history.entries.first(where: { $0.eventID == id }),
            let event = events.first(where: { $0.history.eventID == id })
        else { return nil }
        return SheetEntry(id, try entry.decode(), author: try event.decodeHeader().author.id)
    }

    /// Fills in what the last such session was, and who is signed in.
    private mutating func fill(from last: SessionList.Session?, _ known: SessionEntry?) {
        let author = request.visitor.session.author
        fields["author/id"] = author.id ?? request.visitor.principal.subject
        fields["author/role"] = author.role ?? ""
        let minutes = (known.map { [$0] } ?? last?.entries ?? []).compactMap(\.minutes)
        fields["minutes"] = minutes.max().map { "\($0)" } ?? ""
        fields["modality"] = (known?.modality ?? last?.modality)?.rawValue ?? ""
        fields["topic"] = known?.topic ?? ""
    }

    // MARK: - What was sent

    mutating func take(_ sent: FormFields) async throws {
        for name in SheetFields.names {
            if let text = sent["session/\(name)"] { fields[name] = text }
        }
        let prefix = "known/"
        let named = Set(
            sent.all.filter { $0.name.hasPrefix(prefix) }
                .compactMap { EpisodeID(String($0.name.dropFirst(prefix.count))) }
        ).subtracting(rows.map(\.episodeID))
        try await add(Array(named.sorted().prefix(Self.rowLimit)))
        for place in rows.indices {
            let id = rows[place].episodeID
            let mark = SheetMark(rawValue: sent["mark/\(id)"] ?? "")
            rows[place].mark = mark
            rows[place].minutes = sent["minutes/\(id)"] ?? ""
            if case .recorded(let entry)? = rows[place].told, let mark {
                rows[place].told = says(entry, rows[place], mark)
            }
            knew[id] = sent["\(prefix)\(id)"].flatMap { Int($0) } ?? rows[place].retracted
        }
    }

    /// Whether what is recorded is what a mark says.
    private func says(_ entry: SheetEntry, _ row: SheetRow, _ mark: SheetMark) -> SheetRow.Told {
        // Nothing is said of the minutes by who leaves them to the session.
        entry.says(mark, minutes: Int(row.minutes)) ? .recorded(entry) : .other(entry)
    }

    private mutating func add(_ episodes: [EpisodeID]) async throws {
        guard !episodes.isEmpty else { return }
        let query = try CensusQuery(request.call.database, ledger: request.call.ledger)
        let (found, _) = try await query.search(nil, episodes: episodes, limit: episodes.count)
        let before = rows.count
        for episode in found { add(episode) }
        try await lookUp(Array(rows.indices[before...]))
    }

    private mutating func add(_ episode: EpisodeCensus) {
        guard !rows.contains(where: { $0.episodeID == episode.episodeID }) else { return }
        let calendar = request.context.calendar
        let day =
            calendar.date(of: session.startsAt) - calendar.date(of: episode.admittedAt) + 1
        rows.append(
            SheetRow(
                episode.episodeID,
                episode.clientID,
                day: max(day, 0),
                days: list.dates.map { _ in [] },
                isUsual: false
            )
        )
    }

    /// Adds a client of another program, or one who has just ended: the newest of the client's episodes that
    /// had begun.
    mutating func add(_ key: String) async throws {
        let text = key.trimmed
        fields["add_key"] = key
        let query = try CensusQuery(request.call.database, ledger: request.call.ledger)
        let found =
            text.isEmpty || text.utf8.contains(0)
            ? [] : try await query.search(nil, keys: [text], limit: Self.episodeLimit).episodes
        // The latest admission comes first.
        let begun = found.filter { $0.admittedAt <= session.startsAt }
        let inCare = begun.first { $0.end.map { $0.at > session.startsAt } ?? true }
        guard let episode = inCare ?? begun.first else {
            errors.append(
                FieldError(
                    pointer: SheetFields.added,
                    code: "unknown_client",
                    detail: "must be that of a client who was admitted by then"
                )
            )
            return
        }
        try await add([episode.episodeID])
    }

    /// Marks everybody who is not marked.
    mutating func markRest(_ mark: SheetMark) {
        for place in rows.indices where rows[place].isOpen && rows[place].mark == nil {
            rows[place].mark = mark
        }
    }

    // MARK: - Recording

    private func event(_ row: SheetRow, _ mark: SheetMark) -> FormEvent {
        fields.event(
            SessionMarkID.event(session, row.episodeID, row.retracted),
            mark,
            minutes: row.minutes,
            of: session,
            request.context.calendar
        )
    }

    /// Records what is marked, an append for each episode; nothing where anything is wrong.
    ///
    /// - Throws: what keeps any of them from being recorded for now, once all were tried: sent again, none
    ///   is recorded twice.
    mutating func record() async throws {
        for place in rows.indices { decide(place) }
        let places = rows.indices.filter { rows[$0].told == nil && rows[$0].mark != nil }
        for place in places {
            guard let mark = rows[place].mark else { continue }
            do throws(Refusal) {
                _ = try event(rows[place], mark).draft()
            } catch {
                for error in error.errors {
                    let isOfRow = error.pointer == "/data/minutes" && !rows[place].minutes.isEmpty
                    if isOfRow {
                        rows[place].errors.append(error)
                    } else if !errors.contains(error) {
                        errors.append(error)
                    }
                }
            }
        }
        guard errors.isEmpty, rows.allSatisfy(\.errors.isEmpty) else { return }
        let asked = self
        let outcomes = await withTaskGroup(of: Outcome.self) { group in
            var outcomes: [Outcome] = []
            for (number, place) in places.enumerated() {
                if number >= Self.atOnce, let next = await group.next() { outcomes.append(next) }
                group.addTask {
                    do {
                        let told = try await asked.record(asked.rows[place])
                        return Outcome(place, .success(told))
                    } catch {
                        return Outcome(place, .failure(error))
                    }
                }
            }
            for await next in group { outcomes.append(next) }
            return outcomes
        }
        for outcome in outcomes { rows[outcome.place].told = try outcome.told.get() }
        // What was retracted meanwhile is known from now on.
        for place in places {
            guard case .refused? = rows[place].told else { continue }
            rows[place].retracted = try await known(rows[place].episodeID).retracted
        }
    }

    /// What became of a row.
    ///
    /// An object: in an optimized program (Swift 6.3.1) an array of what tasks return comes out damaged where
    /// that is a pair of an integer and a result which holds an id.
    private final class Outcome: Sendable {
        let place: Int
        let told: Result<SheetRow.Told, any Error>

        init(_ place: Int, _ told: Result<SheetRow.Told, any Error>) {
            self.place = place
            self.told = told
        }
    }

    /// What becomes of a mark before it is sent.
    private mutating func decide(_ place: Int) {
        let episode = rows[place].episodeID
        guard rows[place].mark != nil, let knew = knew[episode] else { return }
        switch rows[place].told {
        case .recorded(let entry)?, .other(let entry)?:
            // The read model may be behind: whether it is there still, the append finds out.
            guard entry.eventID == SessionMarkID.event(session, episode, knew) else { return }
            rows[place].told = nil
            rows[place].retracted = knew
        case nil where knew != rows[place].retracted: rows[place].told = .refused(Self.isRetracted)
        case .refused?, nil: break
        }
    }

    private static let isRetracted =
        "an entry of this session was retracted since you opened this sheet. Look at it, and send the "
        + "sheet again if the mark still holds"

    /// Records one mark.
    private func record(_ row: SheetRow) async throws -> SheetRow.Told {
        guard let mark = row.mark else { preconditionFailure("what is recorded is marked") }
        var decision = request.call.decision
        decision.episodeID = row.episodeID
        let draft = try event(row, mark).draft()
        let (result, _) = await EventRoutes.submit(
            AppendRequest(
                episodeID: row.episodeID,
                events: [draft],
                recordedBy: request.call.principal.subject,
                decision: decision
            ),
            request.call
        )
        switch try result.get() {
        case .appended:
            return .recorded(SheetEntry(draft.eventID, draft.data, author: draft.author.id))
        case .refused(let refusal):
            return .refused(refusal.errors.map(\.detail).joined(separator: "; "))
        case .conflict, .partlyRecorded: return .refused("the episode has just changed")
        case .duplicate, .eventIDReused:
            let events = try await request.call.reader.events(of: row.episodeID)
            let history = try EffectiveHistory(events.map(\.history))
            guard let entry = try Self.entry(draft.eventID, events, history) else {
                return .refused(Self.isRetracted)
            }
            return says(entry, row, mark)
        }
    }

    // MARK: - The answer

    func page(isSent: Bool) async throws -> PageResult {
        let people = await request.people(rows.map(\.clientID) + [session.facilitator])
        let isWrong = !errors.isEmpty || rows.contains { !$0.errors.isEmpty }
        let view = SheetView(
            session,
            fields,
            rows,
            dates: list.dates,
            token: try await SheetPages.token(request),
            isSent: isSent,
            errors: errors,
            request.address,
            request.format,
            people
        )
        return .page(
            FoundPage(
                view: view,
                basis: basis,
                rows: rows.count,
                people: people,
                compares: false,
                isAsOfNow: true,
                status: isWrong ? .unprocessableContent : .ok
            )
        )
    }
}

/// The ids of sessions and marks: of the same session, the same for whoever opens its sheet.
private enum SessionMarkID {
    static func session(
        _ ledger: LedgerName,
        _ program: String,
        _ kind: SessionKind,
        _ startsAt: Instant,
        _ facilitator: String
    ) -> String {
        "\(EventID.derived(fromHash: hash(["session", "\(ledger)", program, kind.rawValue, "\(startsAt)", facilitator])))"
    }

    /// - Parameter number: how many entries of the session the episode had that were retracted.
    static func event(_ session: SheetSession, _ episode: EpisodeID, _ number: Int) -> EventID {
        // A series may have one id on many dates.
        let parts = ["mark", session.sessionID, "\(session.startsAt)", "\(episode)", "\(number)"]
        return .derived(fromHash: hash(parts))
    }

    /// With lengths, so that no two lists are one text.
    private static func hash(_ parts: [String]) -> SHA256.Digest {
        SHA256.hash(data: parts.flatMap { Array("\($0.utf8.count):\($0)".utf8) })
    }
}
