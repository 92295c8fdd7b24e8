import CareEpisode
import HTTPTypes
import Pages
import ProjectionRuntime
import Projections

extension Endpoint {
    /// Every page of a ledger.
    static let pages: [Endpoint] = [
        livePage(
            "census",
            "Who is enrolled, and what to look at first",
            shows: ["getCensus", "getAttendance", "getMedicationReview"],
            parameters: [
                Parameter("view", .choice(["wall"]), "Read from three meters."),
                csv, program, flag, order, pageNumber,
            ],
            handler: CensusPage.show
        ),
        livePage(
            "medication",
            "Whose medication to look at, by the most serious flag",
            shows: ["getMedicationReview", "getEpisode", "listEpisodeEvents"],
            parameters: [
                csv, program, flag,
                Parameter("episode", .episode, "The episode whose review stands beside the list."),
            ],
            handler: ListPages.medication
        ),
        livePage(
            "attendance",
            "Whom to look after: hours, no-shows, who was not seen",
            shows: ["getAttendance"],
            parameters: [csv, program, flag, pageNumber],
            handler: ListPages.attendance
        ),
        livePage(
            "summaries",
            "Ended episodes by what their summaries lack",
            shows: ["listDischargeSummaries"],
            parameters: [
                csv, program, pageNumber,
                Parameter("missing", .text, "Only episodes whose summaries lack this."),
            ],
            handler: ListPages.summaries
        ),
        livePage(
            "outcomes",
            "How long clients stay, how services ended, and the figures of each month",
            shows: ["getRetention", "getStatistics", "getOutcomes"],
            parameters: [
                csv, program,
                Parameter(
                    "level_of_care",
                    .choice(LevelOfCare.allCases.map(\.rawValue)),
                    "Only this level of care."
                ),
                Parameter(
                    "list",
                    .choice(OutcomesView.lists.map(\.code)),
                    "Which table, for a spreadsheet."
                ),
            ],
            handler: ListPages.outcomes
        ),
        [
            page(
                "search",
                "Episodes by a client's key or name, an episode, an event or a position",
                shows: ["listEpisodes"],
                method: .post,
                handler: SearchPage.show
            ),
            page(
                "search",
                "The page before anything is sought",
                shows: ["listEpisodes"],
                handler: SearchPage.empty
            ),
        ],
        form(
            "sheet",
            "A mark for each client of a session",
            shows: ["appendEvents", "getAttendance", "listSessions"],
            parameters: [
                program,
                Parameter(
                    "kind",
                    .choice(SessionKind.allCases.map(\.rawValue)),
                    "What the session was."
                ),
                Parameter("start", .text, "When it began, on the ledger's wall clock."),
                Parameter("facilitator", .text, "Who held it, by key."),
                Parameter("session", .text, "The id of a session that is recorded already."),
                names,
            ],
            show: SheetPages.show,
            send: SheetPages.send
        ),
        form(
            "record/{type}",
            "A form that records an event",
            shows: ["appendEvents", "getEpisode", "listEpisodeEvents"],
            parameters: [
                Parameter("episode", .episode, "The episode that it is of; not of an admission."),
                Parameter(
                    "like",
                    .integer(1...Int64(Int32.max)),
                    "The version of an entry whose fields the form begins with."
                ),
                Parameter(
                    "item",
                    .integer(0...1_000),
                    "Which of the medications that this entry began, from 0."
                ),
            ],
            show: RecordPages.show,
            send: RecordPages.send
        ),
        form(
            "episodes/{episode}/entries/{event}/correct",
            "A form that corrects an entry",
            shows: ["appendEvents", "getEpisode", "listEpisodeEvents"],
            show: RecordPages.show,
            send: RecordPages.send
        ),
        form(
            "episodes/{episode}/entries/{event}/retract",
            "A form that retracts an entry",
            shows: ["appendEvents", "getEpisode", "listEpisodeEvents"],
            show: RecordPages.show,
            send: RecordPages.send
        ),
        [
            page(
                "operations",
                "Read models, parked episodes, seals, subscriptions",
                shows: ["showOperations"],
                handler: OperationsPage.show
            ),
            page(
                "operations",
                "Parked episodes are to be folded again",
                shows: ["retryParked"],
                method: .post,
                handler: OperationsPage.retry
            ),
        ],
        livePage(
            "episodes/{episode}",
            "An episode over time, and its state after any version",
            shows: ["getEpisode", "listEpisodeEvents", "getAttendance", "getMedicationReview"],
            parameters: [
                version, pageNumber,
                Parameter("by", .choice(["happening"]), "Entries by when they happened."),
                Parameter(
                    "recorded",
                    .integer(1...Int64(Int32.max)),
                    "The version that a form has just recorded."
                ),
                Parameter(
                    "repeated",
                    .integer(1...Int64(Int32.max)),
                    "The version that a form had recorded before."
                ),
            ],
            handler: EpisodePages.timeline
        ),
        livePage(
            "episodes/{episode}/medication",
            "The medication of an episode",
            shows: ["getEpisode", "getMedicationReview"],
            parameters: [version],
            handler: EpisodePages.medication
        ),
        livePage(
            "episodes/{episode}/attendance",
            "The weeks of an episode",
            shows: ["getEpisode", "getAttendance", "getMedicationReview"],
            parameters: [version],
            handler: EpisodePages.attendance
        ),
        livePage(
            "episodes/{episode}/summary",
            "The summary of an episode",
            shows: ["getEpisode", "getDischargeSummary", "getMedicationReview"],
            parameters: [version],
            handler: EpisodePages.summary
        ),
        livePage(
            "episodes/{episode}/proof",
            "What proves the entries of an episode, and who looked at it",
            shows: [
                "getEpisode", "listEpisodeEvents", "getCheckpoint", "getInclusionProof",
                "getMedicationReview",
            ],
            parameters: [
                version, pageNumber,
                Parameter(
                    "entry",
                    .integer(1...Int64(Int32.max)),
                    "The version whose inclusion proof is shown."
                ),
            ],
            handler: EpisodePages.proof
        ),
        [
            page(
                "episodes/{episode}/packet",
                "What an auditor takes away of an episode, with proofs",
                shows: ["getPacket"],
                extraSeconds: 25,
                handler: EpisodePages.packet
            )
        ],
    ].flatMap(\.self)

    /// What pages show that the API does not answer.
    private static let ofPagesAlone: [(operation: String, roles: Set<Role>)] = [
        ("showOperations", [.operator, .auditor, .administrator]),
        ("retryParked", [.operator, .administrator]),
    ]

    private static let csv = Parameter("format", .choice(["csv"]), "For a spreadsheet.")
    private static let program = Parameter("program", .text, "Only this program.")
    private static let flag = Parameter("flag", .text, "Only clients with this flag.")

    private static let order = Parameter(
        "order",
        .choice(CensusView.orders),
        "The column that orders the clients."
    )

    /// The last version of an episode that takes part.
    private static let version = Parameter(
        "version",
        .integer(1...Int64(Int32.max)),
        "The episode as this version left it."
    )

    /// Which hundred rows of a list.
    private static let pageNumber = Parameter(
        "page",
        .integer(1...100_000),
        "Which hundred rows.",
        standard: "1"
    )

    /// Where names are shown besides.
    static let names = Parameter(
        "names",
        .choice(["shown"]),
        "Names on the wall, and on paper."
    )

    /// A page that changes while it is looked at, and what changes on it.
    private static func livePage(
        _ path: String,
        _ summary: String,
        shows operations: [String],
        parameters own: [Parameter] = [],
        handler: @escaping @Sendable (PageRequest) async throws -> PageResult
    ) -> [Endpoint] {
        let parameters = own + [names]
        return [
            page(
                path,
                summary,
                shows: operations,
                parameters: parameters,
                isLive: true,
                handler: handler
            ),
            endpoint(
                "\(path)/live",
                "What changes on a page while it is looked at",
                shows: operations,
                parameters: parameters.filter { $0.name != csv.name }
            ) { request in
                guard request.clocks.isLive else {
                    throw Problem.badRequest("date", "must not be given: only now changes")
                }
                var page = request
                page.address.path = String(request.address.path.dropLast("/live".count))
                page.isStreamed = true
                let asked = page
                let stream = LiveParts.stream(request.call) {
                    // The clock goes on, whatever the request began with.
                    let now = try await asked.again()
                    return try await now.work("\(path)/live", now.own) { now in
                        guard case .page(let found) = try await handler(now) else {
                            throw Problem.notFound("this page does not change by itself")
                        }
                        return try await found.parts(for: now)
                    }
                }
                return Reply(stream, disclosed: "live")
            },
        ]
    }

    /// A form, and where it is sent.
    private static func form(
        _ path: String,
        _ summary: String,
        shows operations: [String],
        parameters: [Parameter] = [],
        show: @escaping @Sendable (PageRequest) async throws -> PageResult,
        send: @escaping @Sendable (PageRequest) async throws -> PageResult
    ) -> [Endpoint] {
        var sent = page(
            path,
            "\(summary), sent",
            shows: operations,
            method: .post,
            parameters: parameters,
            handler: send
        )
        // Who appends has a limit of its own.
        sent.hasOwnTimeout = true
        return [
            page(path, summary, shows: operations, parameters: parameters, handler: show), sent,
        ]
    }

    /// A page, for who may ask for everything that it shows.
    private static func page(
        _ path: String,
        _ summary: String,
        shows operations: [String],
        method: HTTPRequest.Method = .get,
        parameters: [Parameter] = [],
        extraSeconds: Int = 0,
        isLive: Bool = false,
        handler: @escaping @Sendable (PageRequest) async throws -> PageResult
    ) -> Endpoint {
        endpoint(
            path,
            summary,
            shows: operations,
            method: method,
            parameters: parameters,
            extraSeconds: extraSeconds
        ) { request in
            switch try await handler(request) {
            case .page(let found): try await found.reply(to: request, isLive: isLive)
            case .other(let reply): reply
            }
        }
    }

    private static func endpoint(
        _ path: String,
        _ summary: String,
        shows operations: [String],
        method: HTTPRequest.Method = .get,
        parameters: [Parameter] = [],
        extraSeconds: Int = 0,
        handler: @escaping @Sendable (PageRequest) async throws -> Reply
    ) -> Endpoint {
        let shown = (all.map { ($0.operation, $0.roles) } + ofPagesAlone)
            .filter { operations.contains($0.0) }
        precondition(shown.count == operations.count, "\(path) shows operations that there are")
        let name = path.split(separator: "/").filter { !$0.hasPrefix("{") }
        return Endpoint(
            operation: "page.\(name.joined(separator: "."))",
            method: method,
            path: path,
            summary: summary,
            roles: shown.reduce(Set(Role.allCases)) { $0.intersection($1.1) },
            disclosesHealthInformation: true,
            parameters: parameters,
            extraSeconds: extraSeconds,
            isPage: true,
            handler: { call in
                guard method == .post else { return try await answer(call, nil, handler) }
                let fields = try await FormFields(call.request)
                do {
                    return try await answer(call, fields, handler)
                } catch {
                    // Nothing is told but what was typed.
                    guard let kept = KeptForm(call.request, fields, error) else { throw error }
                    return Reply(.success(kept.response(call.context)), decision: .handler)
                }
            }
        )
    }

    private static func answer(
        _ call: Call,
        _ form: FormFields?,
        _ handler: @Sendable (PageRequest) async throws -> Reply
    ) async throws -> Reply {
        let request = try await PageRequest(call, form: form)
        do {
            return try await handler(request)
        } catch let refusal as QuestionRefusal {
            throw try await request.refused(refusal)
        }
    }
}
