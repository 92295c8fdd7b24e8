import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Pages
import ProjectionRuntime
import Projections

/// A page that is asked for, with its clocks read.
struct PageRequest: Sendable {
    let call: Call
    let visitor: Visitor
    private(set) var context: LedgerContext
    /// The page and what its query says.
    var address: PageAddress
    private(set) var clocks: PageClocks
    let format: DisplayFormat
    /// When the page is late.
    private var deadline: ContinuousClock.Instant
    /// What a form has sent; nil of what was asked for by GET.
    private let form: FormFields?
    /// Whether somebody looks at the page already, and waits for what is new.
    var isStreamed = false

    /// Reads what a page is asked for.
    ///
    /// - Throws: `QuestionRefusal` with the names of the fields that are wrong.
    init(_ call: Call, form: FormFields? = nil) async throws {
        guard let visitor = call.visitor else { throw SignInNeeded() }
        self.call = call
        self.form = form
        self.visitor = visitor
        deadline = .now + PageWork.timeout
        context = try await LedgerContext(
            call.database,
            call.ledger,
            now: call.service.settings.now()
        )
        context.kept = call.service.keptModels.forOneAnswer()
        address = PageAddress(call.request.uri.path, call.arguments.values)
        clocks = .now
        format = DisplayFormat(
            context.calendar,
            context.settings.displayLocale(on: context.moment.today)
                .flatMap(DisplayFormat.Locale.init(rawValue:)) ?? .american
        )
        var reasons: [QuestionRefusal.Reason] = []
        do { clocks = try PageClocks(address, at: context.moment) } catch {
            reasons = error.reasons
        }
        do { try Self.check(address, call.parameters, at: context.moment) } catch {
            let known = Set(reasons.map(\.parameter))
            reasons += error.reasons.filter { !known.contains($0.parameter) }
        }
        if !reasons.isEmpty { throw try await refused(QuestionRefusal(reasons, call.parameters)) }
    }

    /// The page that says what is wrong with what was asked for.
    func refused(_ refusal: QuestionRefusal) async throws -> PageRefusal {
        let known = Set(PageAddress.clocks + ["version"] + call.parameters.map(\.name))
        let typed = PageAddress(address.path, address.values.filter { known.contains($0.key) })
        let wrong = Set(refusal.reasons.map(\.parameter))
        var page = self
        page.address = PageAddress(
            address.path,
            typed.values.filter { !wrong.contains($0.key) && $0.key != "version" }
        )
        var choices: [String: [(value: String, words: String)]] = [:]
        for name in wrong {
            guard let text = typed[name] else { continue }
            choices[name] = PageClocks.meanings(of: text, context.calendar).map { instant in
                (instant.description, format.dateAndTime(instant))
            }
        }
        let view = RefusalView(refusal, typed, call.parameters, choices: choices)
        return PageRefusal(refusal: refusal, html: try await page.frame().page(view))
    }

    /// Takes what the page's parameters accept; the clocks are read apart.
    private static func check(
        _ address: PageAddress,
        _ parameters: [Parameter],
        at moment: Moment
    ) throws(QuestionRefusal) {
        let own = address.values.filter { name, _ in
            name != "auto"
                && (parameters.contains { $0.name == name } || !PageAddress.clocks.contains(name))
        }
        var reader = ArgumentReader(Arguments(own), parameters, at: moment)
        for parameter in parameters {
            switch parameter.kind {
            case .choice: _ = reader.choice(parameter.name)
            case .integer: _ = reader.integer(parameter.name)
            default: break
            }
        }
        try reader.finish()
    }

    /// What a form of this service has sent.
    ///
    /// - Parameter name: which form.
    /// - Throws: ``Problem`` 403 where it is from elsewhere, or was made for somebody else.
    func fields(of name: String) async throws -> FormFields {
        guard let form else { preconditionFailure("the endpoint is asked by POST") }
        try await call.service.signIn.check(
            name,
            form,
            from: call.request,
            subject: visitor.principal.subject
        )
        return form
    }

    /// The page without what a form has just done, which is told once.
    var plainAddress: PageAddress { address.with(["recorded": nil, "repeated": nil]) }

    /// Whether who asks may record events.
    var mayRecord: Bool { may("record/{type}") }

    /// Whether who asks may see a page.
    ///
    /// - Parameter path: below the ledger's.
    func may(_ path: String, _ method: HTTPRequest.Method = .get) -> Bool {
        Endpoint.pages.contains {
            $0.path == path && $0.method == method
                && $0.allows(visitor.principal, in: call.ledger.name)
        }
    }

    /// The same page as of now with everything that is known, whatever its address says.
    func asOfNow() -> PageRequest {
        var plain = self
        plain.clocks = .now
        plain.address = PageAddress(
            address.path,
            address.values.filter { !PageAddress.clocks.contains($0.key) }
        )
        return plain
    }

    /// The same page, a little later.
    func again() async throws -> PageRequest {
        var later = self
        later.context = try await LedgerContext(
            call.database,
            call.ledger,
            now: call.service.settings.now()
        )
        later.context.kept = call.service.keptModels.forOneAnswer()
        later.clocks = try PageClocks(address, at: later.context.moment)
        later.deadline = .now + PageWork.timeout
        return later
    }

    /// What the page is made of, worked out once for all who ask the same.
    ///
    /// - Parameters:
    ///   - what: which of its answers.
    ///   - parameters: what the work depends on besides the clocks.
    ///   - age: how old an answer of now may be.
    ///   - work: works it out.
    /// - Throws: ``LateAnswer`` where it takes too long.
    func work<Value: PageAnswer>(
        _ what: String,
        _ parameters: [String: [String]] = [:],
        _ age: @Sendable (Position) -> PageWork.Age = PageWork.Age.now,
        _ work: @escaping @Sendable (PageRequest) async throws -> Value
    ) async throws -> Value {
        var values = clocks.values.merging(parameters) { $1 }
        if let compared = clocks.compared {
            values["compare"] = [compared.description]
            values["known_by"] = [clocks.knownBy.rawValue]
        }
        let isPast = clocks.knownAt != nil || clocks.compared != nil || clocks.version != nil
        return try await workedOut(what, values, isPast ? .past : age(context.head), work)
    }

    /// What a page says of now, whatever its clocks: with everything that is recorded, worked out once
    /// for all who ask the same.
    func workNow<Value: PageAnswer>(
        _ what: String,
        _ parameters: [String: [String]],
        _ work: @escaping @Sendable (PageRequest) async throws -> Value
    ) async throws -> Value {
        try await workedOut("\(what) now", parameters, .exact(head: context.head), work)
    }

    private func workedOut<Value: PageAnswer>(
        _ what: String,
        _ parameters: [String: [String]],
        _ age: PageWork.Age,
        _ work: @escaping @Sendable (PageRequest) async throws -> Value
    ) async throws -> Value {
        var values = parameters
        // Tomorrow's census of today is another one, and so is one by other settings.
        values["today"] = [context.moment.today.description]
        values["settings"] = context.settings.entries.last.map { ["\($0.entry)"] } ?? []
        let service = call.service
        return try await service.pageWork.value(
            PageWork.Key(ledger: call.ledger.name, page: what, values: values),
            age,
            by: deadline
        ) {
            // A fold of the past may take its time, as long as somebody waits.
            if case .past = age {
                return try await LedgerDatabase.sharing(call.ledger.id) {
                    try await service.folds.takingTurns(patience: nil) {
                        try await Folds.apart { try await work(self) }
                    }
                }
            }
            return try await inTurn(work)
        }
    }

    /// Works something out within the time that a request has; what it folds takes its turn.
    func inTurn<Value: Sendable>(
        _ work: @escaping @Sendable (PageRequest) async throws -> Value
    ) async throws -> Value {
        let service = call.service
        let limit = service.settings.requestTimeout
        return try await withTimeout(limit) {
            try await LedgerDatabase.sharing(call.ledger.id) {
                try await service.folds.takingTurns(patience: limit / 2) { try await work(self) }
            }
        }
    }

    /// The answer to a question at the page's clocks.
    ///
    /// - Parameter values: what the question takes besides.
    func answer<Asked: Question>(
        _ question: Asked.Type,
        _ values: [String: [String]] = [:]
    ) async throws -> Answer<Asked.Value> {
        try await ask(question, values).answer(context)
    }

    /// The answer to a question now, with everything that is known, whatever the page's clocks are.
    ///
    /// - Parameter values: what the question takes.
    func answerNow<Asked: Question>(
        _ question: Asked.Type,
        _ values: [String: [String]]
    ) async throws -> Answer<Asked.Value> {
        try await Asked.read(Arguments(values), at: context.moment).answer(context)
    }

    /// What differs in the answer to a question between the two knowledge times of the page; nil where
    /// it compares none.
    func difference<Asked: Question>(
        _ question: Asked.Type,
        _ values: [String: [String]]
    ) async throws -> Asked.Difference? {
        guard let given = clocks.difference(at: context.moment) else { return nil }
        let known = Set(Asked.parameters.map(\.name))
        let all = given.merging(values) { $1 }.filter { known.contains($0.key) }
        let asked = try Asked.read(Arguments(all), at: context.moment)
        guard let times = asked.clocks.compared else { return nil }
        return try await asked.difference(context, from: times.first, to: times.second).value
    }

    /// A question at the page's clocks.
    func ask<Asked: Question>(
        _ question: Asked.Type,
        _ values: [String: [String]]
    ) throws -> Asked {
        let known = Set(Asked.parameters.map(\.name))
        let all = clocks.values.merging(values) { $1 }.filter { known.contains($0.key) }
        return try Asked.read(Arguments(all), at: context.moment)
    }

    /// The date that the page shows.
    var date: CalendarDate {
        switch clocks.effective {
        case .now: context.moment.today
        case .date(let date): date
        case .instant(let instant): context.calendar.date(of: instant)
        }
    }

    /// What the page is asked for besides its clocks, with its path.
    var own: [String: [String]] {
        let values = address.values.filter { name, _ in
            name != "auto" && !PageAddress.clocks.contains(name)
        }
        return values.merging(["path": [address.path]]) { $1 }
    }

    /// Which part of a list is asked for, from 1.
    var page: Int { address["page"].flatMap { Int($0) } ?? 1 }

    // MARK: - The answer

    /// All rows of a list for a spreadsheet.
    ///
    /// - Parameter other: another list than the answer's own.
    func csv<Value>(
        _ answer: Answer<Value>,
        rows: Int,
        filters: [String] = [],
        of other: CSVTable? = nil
    ) throws -> PageResult {
        guard let list = other ?? answer.list?() else {
            throw Problem.notFound("this page is no list")
        }
        var headers: HTTPFields = [:]
        let name = address.path.split(separator: "/").last ?? "list"
        headers[.contentDisposition] = "attachment; filename=\"\(name)-\(date).csv\""
        return .other(
            .bytes(
                list.bytes,
                "text/csv; charset=utf-8",
                headers: headers,
                disclosed: disclosed(answer.basis, rows: rows, filters: filters + ["format=csv"])
            )
        )
    }

    /// What was chosen, as the access log is told it: what is nothing to choose may be anything that
    /// somebody has typed into an address, and is told to no log.
    func chosen(_ name: String, among values: some Sequence<String>) -> [String] {
        guard let value = address[name], values.contains(value) else { return [] }
        return ["\(name)=\(value)"]
    }

    /// What the access log is told of a page.
    func disclosed(_ basis: ReadModelBasis, rows: Int, filters: [String]) -> String {
        var clocks = self.clocks.values.sorted { $0.key < $1.key }.flatMap { name, values in
            values.map { "\(name)=\($0)" }
        }
        if let compared = self.clocks.compared { clocks.append("compare=\(compared)") }
        clocks += ["from", "to"].compactMap { name in
            address[name].flatMap { CalendarDate(iso8601: $0) }.map { "\(name)=\($0)" }
        }
        // The version is one of the clocks; that all rows went out for a spreadsheet is said apart.
        let own = call.parameters.filter { !["version", "format"].contains($0.name) }
        let chosen = [call.arguments.described(own)].compactMap(\.self)
        let rest = ["rows=\(rows)", "as of position \(basis.position)"]
        return (clocks + chosen + filters + rest).joined(separator: "; ")
    }

    /// What stands around the page.
    func frame(
        _ basis: ReadModelBasis,
        _ replayed: ReplayedVersion?,
        _ compares: Bool
    ) async throws -> PageFrame {
        var frame = try await frame()
        frame.clocks = try await clockBar(basis, replayed, compares: compares)
        return frame
    }

    /// What stands around a page that is about no time.
    func frame() async throws -> PageFrame {
        var frame = PageFrame(requestID: call.context.id)
        frame.ledger = call.ledger.name.description
        frame.pages = Self.places(visitor.principal, call.ledger.name).map { place in
            (place.name, address.to(place.path))
        }
        frame.viewer = try await call.service.signIn.viewer(visitor)
        if may("search") {
            frame.search = PageFrame.Search(
                address.to("/ledgers/\(call.ledger.name)/search"),
                token: try await call.service.signIn.token("search", for: visitor.principal.subject)
            )
        }
        frame.zone = format.zone(at: context.moment.now)
        return frame
    }

    /// The bar of a page that is about now alone.
    func nowBar(_ basis: ReadModelBasis) -> NowBar {
        NowBar(
            basis.position,
            at: context.moment,
            format,
            viewer: visitor.session.displayName
        )
    }

    /// The bar below the header.
    func clockBar(
        _ basis: ReadModelBasis,
        _ replayed: ReplayedVersion? = nil,
        compares: Bool = true
    ) async throws -> ClockBar {
        ClockBar(
            address,
            clocks,
            at: context.moment,
            format,
            basis,
            secondsBehind: try await secondsBehind(basis),
            viewer: visitor.session.displayName,
            replayed: replayed,
            compares: compares
        )
    }

    /// How old the first event is that a page lacks.
    private func secondsBehind(_ basis: ReadModelBasis) async throws -> Int {
        guard basis.lag > 0 else { return 0 }
        let first = try await call.reader.page(after: basis.position, limit: 1).events.first
        return first.map { event in
            Int(
                (context.moment.now.microseconds - event.history.recordedAt.microseconds)
                    / 1_000_000
            )
        } ?? 0
    }

    /// The pages of a ledger that somebody may see, as the header links to them.
    static func places(
        _ principal: Principal,
        _ ledger: LedgerName
    ) -> [(name: PageName, path: String)] {
        PageName.allCases.compactMap { name in
            guard
                let endpoint = Endpoint.pages.first(where: { $0.path == name.rawValue }),
                endpoint.allows(principal, in: ledger)
            else { return nil }
            return (name, "/ledgers/\(ledger)/\(name.rawValue)")
        }
    }
}

/// A page that cannot be shown as it was asked for: what is wrong, as a page with its fields.
struct PageRefusal: Error {
    let refusal: QuestionRefusal
    let html: String
}
