import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

/// What every question to a read model may say.
struct ReadModelOptions: ParsableArguments {
    @OptionGroup var knowledge: KnowledgeOptions

    @OptionGroup var difference: DifferenceOptions

    @Flag(
        help: """
            Answer at once from what the read model has reached, and say how far it is behind the \
            head. Without it, a read model that lags is caught up first.
            """
    )
    var staleOk = false

    @OptionGroup var ledger: LedgerOptions

    func validate() throws {
        try difference.check(knowledge)
    }
}

/// The comparison of two knowledge times.
struct DifferenceOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            """
            What differs between two knowledge times, the earlier one first, and which events \
            made the difference.
            """,
            valueName: "time"
        )
    )
    var diff: [TimeArgument] = []

    func check(_ knowledge: KnowledgeOptions) throws {
        guard diff.isEmpty || diff.count == 2 else {
            throw ValidationError("--diff takes two times")
        }
        if !diff.isEmpty && knowledge.knownAt != nil {
            throw ValidationError("give --known-at or --diff")
        }
    }

    /// The two times; nil where no comparison is asked for.
    func times(_ calendar: LocalCalendar) throws -> (first: Instant, second: Instant)? {
        guard diff.count == 2 else { return nil }
        let (first, second) = (diff[0].instant(calendar), diff[1].instant(calendar))
        guard first <= second else { throw ValidationError("--diff takes the earlier time first") }
        return (first, second)
    }
}

/// A read model of a ledger, ready to be asked.
struct ReadModelSession: Sendable {
    let session: Session
    let ledger: LedgerDescription
    /// Of the ledger's zone.
    let calendar: LocalCalendar
    /// What was known when; nil where everything is, and the tables may answer.
    let knowledge: Knowledge?
    /// The two knowledge times to compare; nil where one answer is asked for.
    let compared: (first: Instant, second: Instant)?
    private let clock: KnowledgeClock

    /// Opens the ledger for an answer that is always folded from events.
    init(_ session: Session, _ options: ReadModelOptions) async throws {
        self.session = session
        ledger = try await session.ledger()
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
        clock = options.knowledge.knownBy
        compared = try options.difference.times(calendar)
        let head = try await EventReader(session.database, ledger: ledger).head()
        let knownAt = options.knowledge.knownAt?.instant(calendar)
        if let knownAt, let newest = head.recordedAt, knownAt < newest {
            knowledge = Knowledge(at: knownAt, by: clock)
        } else {
            knowledge = nil
        }
    }

    /// Opens the ledger, and brings its read model to the head if the tables are to answer.
    ///
    /// - Parameters:
    ///   - isOfEpisode: whether one episode is asked about, which is folded from its events where
    ///     another version of the fold has filled the tables; otherwise they are rebuilt first.
    ///   - projection: the read model that is asked.
    /// - Throws: ``ProjectionError`` where the read model cannot be caught up.
    init<Projection: EpisodeProjection>(
        _ session: Session,
        _ options: ReadModelOptions,
        isOfEpisode: Bool = false,
        _ projection: (LedgerDescription) throws -> Projection
    ) async throws {
        try await self.init(session, options)
        guard knowledge == nil, compared == nil else { return }
        let head = try await EventReader(session.database, ledger: ledger).head()
        let worker = ProjectionWorker(
            try projection(ledger),
            session.database,
            ledger: ledger,
            holder: Session.holder
        )
        if options.staleOk {
            try await worker.register()
        } else {
            if isOfEpisode, try await !worker.canAnswer() { return }
            let progress = ProgressBar("Catching up", unit: "events")
            try await worker.catchUp(to: head.position) {
                progress.update($0.rawValue, of: head.position.rawValue)
            }
            progress.finish()
        }
    }

    /// Today in the ledger's zone.
    var today: CalendarDate { calendar.date(of: .now) }

    /// Up to when entries take part in an answer for a date: just before its 24:00, or now.
    func effectiveAt(_ date: CalendarDate) -> Instant {
        let end = calendar.startOfDay(date.adding(days: 1))
        return min(Instant(microseconds: end.microseconds - 1), .now)
    }

    /// - Throws: ``Failure/refused``, told, for a date that lies ahead.
    func refuse(after date: CalendarDate) throws {
        guard date > today else { return }
        Console.note("error: \(date) lies ahead: today is \(today) in \(ledger.timeZone)")
        throw Failure.refused
    }

    /// A time that does not lie ahead: now without one; a date means its 24:00, today's now.
    ///
    /// - Throws: ``Failure/refused``, told, for any other.
    func past(_ time: TimeArgument?, of option: String = "--effective-at") throws -> Instant {
        let now = Instant.now
        switch time {
        case nil: return now
        case .date(let date):
            guard date <= today else {
                Console.note(
                    "error: \(option) must not lie ahead: today is \(today) in \(ledger.timeZone)"
                )
                throw Failure.refused
            }
            return min(calendar.startOfDay(date.adding(days: 1)), now)
        case .instant(let instant):
            guard instant <= now else {
                Console.note("error: \(option) must not lie ahead")
                throw Failure.refused
            }
            return instant
        }
    }

    /// What an answer rests on, for people.
    func note(_ basis: ReadModelBasis) -> String {
        var text = "Position \(grouped(basis.position.rawValue))"
        text += basis.lag > 0 ? ", \(grouped(basis.lag)) events behind the head" : ", the head"
        if let knownAt = basis.knownAt {
            text += "; as known at \(knownAt) by \(clockName)"
        }
        return text + "." + Self.parked(basis)
    }

    /// The episodes an answer may be wrong about.
    private static func parked(_ basis: ReadModelBasis) -> String {
        guard !basis.parked.isEmpty else { return "" }
        return " May be wrong about \(counted(basis.parked.count, "parked episode")): "
            + basis.parked.prefix(3).map(\.description).joined(separator: ", ")
            + (basis.parked.count > 3 ? ", …" : "")
    }

    private var clockName: String {
        clock == .source ? "the source's clock where it says so" : "the ledger's clock"
    }

    /// Prints what differs between the two knowledge times, if that is asked for.
    ///
    /// - Parameters:
    ///   - episodes: which take part; nil for all.
    ///   - head: the members that say what was compared.
    ///   - fold: an episode's part of the answer.
    ///   - items: the answer's parts.
    /// - Returns: whether it was asked for.
    func printDifference<Part: Sendable>(
        of episodes: [EpisodeID]? = nil,
        _ head: [(name: String, value: AnswerJSON)],
        fold: @escaping @Sendable (EpisodeID, EffectiveHistory) throws -> Part?,
        items: @escaping @Sendable ([Part]) -> [AnswerItem]
    ) async throws -> Bool {
        guard let compared else { return false }
        if let episode = episodes?.first, episodes?.count == 1 { try await requireKnown(episode) }
        let difference = try await HistoryFold(session.database, ledger: ledger).difference(
            of: episodes,
            from: compared.first,
            to: compared.second,
            by: clock,
            fold: fold,
            items: items
        )
        switch session.format {
        case .json:
            let name = [(name: "ledger", value: AnswerJSON.string(ledger.name.description))]
            Console.print(difference.json(name + head).bytes)
        default:
            difference.printText(clockName, Self.parked(difference.basis))
        }
        return true
    }

    /// - Throws: ``LedgerError/unknownEpisode(_:)`` where nothing is recorded of it.
    private func requireKnown(_ episode: EpisodeID) async throws {
        let reader = EventReader(session.database, ledger: ledger)
        let head = try await reader.head().position
        if try await reader.histories(of: [episode], through: head).isEmpty {
            throw LedgerError.unknownEpisode(episode)
        }
    }
}

extension KnowledgeDifference {
    /// For people: of what is there both times only the members that differ, long values cut.
    fileprivate func printText(_ clockName: String, _ parked: String) {
        for change in changes {
            Console.print(change.item)
            for line in change.lines { Console.print("  \(line)") }
            let events = change.because.map(\.description).joined(separator: ", ")
            Console.print("  because of \(events.isEmpty ? "nothing by itself" : events)")
            Console.print("")
        }
        Console.print(
            "\(counted(changes.count, "item")) \(changes.count == 1 ? "differs" : "differ") between "
                + "what was known at \(first) and at \(second) by \(clockName).\(parked)"
        )
    }
}

extension KnowledgeDifference.Change {
    /// What was there before and is there now, member by member.
    fileprivate var lines: [String] {
        guard let before, let after else {
            return after.map { ["new: \(Self.short($0))"] }
                ?? before.map { ["gone: \(Self.short($0))"] } ?? []
        }
        guard case .object(let old) = before, case .object(let new) = after else {
            return ["\(Self.short(before)) → \(Self.short(after))"]
        }
        let values = Dictionary(old.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        return new.compactMap { member in
            let value = values[member.name] ?? .null
            guard value.bytes != member.value.bytes else { return nil }
            return "\(member.name): \(Self.short(value)) → \(Self.short(member.value))"
        }
    }

    private static func short(_ value: AnswerJSON) -> String {
        let text = String(decoding: value.bytes, as: UTF8.self)
        return text.count > 160 ? text.prefix(159) + "…" : text
    }
}
