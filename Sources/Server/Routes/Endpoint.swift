import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import ProjectionRuntime

/// One request that the service answers: the router, who may, and the OpenAPI document are all made
/// from these rows.
struct Endpoint: Sendable {
    /// Its name in the OpenAPI document and in the access log.
    let operation: String
    let method: HTTPRequest.Method
    /// Below `/v1/ledgers/{ledger}`; of a page, below `/ledgers/{ledger}`.
    let path: String
    let summary: String
    /// Who may; any one of them is enough.
    let roles: Set<Role>
    /// Whether the decision is kept in the access log: the answer holds health information, or says who
    /// has seen some, or the request changes where some goes.
    let disclosesHealthInformation: Bool
    /// Whether of repeats by the same subject only the number is kept, once a minute.
    var countsRepeats = false
    var parameters: [Parameter] = []
    /// What a good answer may be, the usual media type first; empty where there is nothing to say.
    var answers: [Content] = []
    /// What the request's body may be; nil for none.
    var body: Content?
    /// Whether its body is events, of which there may be many.
    var takesEvents: Bool { operation == "appendEvents" }
    /// The statuses of good answers.
    var statuses = ["200"]
    /// How much longer than others it may take, in seconds: what waits for something on purpose.
    var extraSeconds = 0
    /// Whether the handler sees to it that it ends in time.
    var hasOwnTimeout = false
    /// Whether the state of things can forbid it: 409.
    var mayConflict = false
    /// Whether it is a page: asked for by a session's cookie, answered in HTML.
    var isPage = false
    let handler: @Sendable (Call) async throws -> Reply

    /// The path for the router, in which a tile's name may hold slashes.
    var route: String {
        let below = isPage ? "ledgers" : "v1/ledgers"
        return "\(below)/{ledger}/\(path.replacing("{tile}", with: "**"))"
    }

    /// Whether somebody may ask this of a ledger.
    func allows(_ principal: Principal, in ledger: LedgerName) -> Bool {
        guard principal.ledgers?.contains(ledger) ?? true else { return false }
        return !roles.isDisjoint(with: principal.roles)
    }

    /// Every request of the API about a ledger.
    static let all = record + questions + [settings] + evidence + accessLog + subscriptions

    private static let settings = Endpoint(
        operation: "listSettings",
        method: .get,
        path: "settings",
        summary: "What the ledger has set: thresholds and days, who set them, from when on",
        roles: [.clinician, .auditor, .service, .administrator],
        disclosesHealthInformation: false,
        answers: [.json(LedgerSettingList.schema)],
        handler: OperationRoutes.settings
    )

    /// A position to read on from.
    static let after = Parameter(
        "after",
        .integer(0...Position.most),
        "The position to go on from; without it, from the beginning.",
        standard: "0"
    )

    /// Up to where a reader of events has read.
    static let cursor = Parameter(
        "after",
        .cursor,
        "Go on after this position, as next_after and the id of a stream's events tell it; without "
            + "it, from the beginning.",
        standard: "0"
    )

    /// How much a page holds.
    static func limit(_ standard: Int) -> Parameter {
        Parameter(
            "limit",
            .integer(1...1_000),
            "The most that one answer holds.",
            standard: "\(standard)"
        )
    }

    /// Only one episode.
    static let episode = Parameter("episode", .episode, "Only this episode.")

    private static let record: [Endpoint] = [
        Endpoint(
            operation: "appendEvents",
            method: .post,
            path: "episodes/{episode}/events",
            summary: "Record one event of an episode, or up to 256, all or nothing",
            roles: [.clinician, .service, .administrator],
            disclosesHealthInformation: true,
            answers: [.json(RecordedAnswer.schema)],
            body: .json(EventSchema.reference("EventRequest")),
            statuses: ["200", "201"],
            hasOwnTimeout: true,
            mayConflict: true,
            handler: EventRoutes.append
        ),
        Endpoint(
            operation: "listEpisodeEvents",
            method: .get,
            path: "episodes/{episode}/events",
            summary: "The events of an episode by version",
            roles: [.clinician, .auditor, .service, .administrator],
            disclosesHealthInformation: true,
            answers: [.json(EpisodeEvents.schema)],
            handler: EventRoutes.ofEpisode
        ),
        Endpoint(
            operation: "importEvents",
            method: .post,
            path: "events:import",
            summary: "Record NDJSON of any length, a line of result for each line",
            roles: [.service, .administrator],
            disclosesHealthInformation: true,
            answers: [.lines(ImportJob.Line.schema)],
            body: .lines(EventSchema.reference("ImportLine")),
            handler: ImportRoute.run
        ),
        Endpoint(
            operation: "listEvents",
            method: .get,
            path: "events",
            summary: "Events in order: a page, all of them as NDJSON, or a stream that goes on",
            roles: [.auditor, .service, .administrator],
            disclosesHealthInformation: true,
            parameters: [
                cursor, limit(500),
                Parameter("types", .types, "Only these types of events, separated by commas."),
                episode,
            ],
            answers: [
                .json(EventPage.schema),
                .lines(RecordedEvent.schema),
                .text("text/event-stream"),
            ],
            mayConflict: true,
            handler: EventRoutes.list
        ),
    ]

    /// Whether a checkpoint is made first.
    static let seal = Parameter(
        "seal",
        .choice(["true", "false"]),
        "Whether what is not sealed yet is sealed first.",
        standard: "true"
    )

    /// Of which tree a proof is.
    static let treeSize = Parameter(
        "size",
        .integer(1...Position.most),
        "The size of the tree; without it, that of the newest checkpoint."
    )

    /// Of which two trees a proof is.
    static let twoSizes = [
        Parameter(
            "from",
            .integer(0...Position.most),
            "The size of the smaller tree.",
            isRequired: true
        ),
        Parameter(
            "to",
            .integer(1...Position.most),
            "The size of the larger tree; without it, that of the newest checkpoint."
        ),
    ]

    private static let evidence: [Endpoint] = [
        Endpoint(
            operation: "getCheckpoint",
            method: .get,
            path: "checkpoint",
            summary: "The newest signed checkpoint, sealed up to the head first",
            roles: [.clinician, .auditor, .service, .administrator],
            disclosesHealthInformation: false,
            parameters: [seal],
            answers: [.text("text/plain"), .json(PublishedCheckpoint.schema)],
            extraSeconds: 10,
            handler: { try await EvidenceRoutes.checkpoint($0, of: .events) }
        ),
        Endpoint(
            operation: "getInclusionProof",
            method: .get,
            path: "proofs/inclusion",
            summary: "The proof that an event is in the tree of a size (RFC 6962)",
            roles: [.clinician, .auditor, .service, .administrator],
            disclosesHealthInformation: false,
            parameters: [
                Parameter(
                    "position",
                    .integer(1...Position.most),
                    "The event's position.",
                    isRequired: true
                ),
                treeSize,
            ],
            answers: [.json(InclusionProof.schema)],
            handler: { try await EvidenceRoutes.inclusion($0, in: .events) }
        ),
        Endpoint(
            operation: "getConsistencyProof",
            method: .get,
            path: "proofs/consistency",
            summary: "The proof that one tree begins with another (RFC 6962)",
            roles: [.clinician, .auditor, .service, .administrator],
            disclosesHealthInformation: false,
            parameters: twoSizes,
            answers: [.json(ConsistencyProof.schema)],
            handler: { try await EvidenceRoutes.consistency($0, in: .events) }
        ),
        Endpoint(
            operation: "getTile",
            method: .get,
            path: "tile/{tile}",
            summary: "The sealed log as tiles and entries (C2SP tlog-tiles)",
            roles: [.clinician, .auditor, .service, .administrator],
            disclosesHealthInformation: false,
            answers: [.bytes("application/octet-stream")],
            handler: { try await EvidenceRoutes.tile($0, of: .events) }
        ),
        Endpoint(
            operation: "getPacket",
            method: .get,
            path: "episodes/{episode}/packet",
            summary: "What an auditor takes away of an episode, with proofs",
            roles: [.auditor, .administrator],
            disclosesHealthInformation: true,
            answers: [.bytes("application/zip")],
            extraSeconds: 25,
            handler: EvidenceRoutes.packet
        ),
        Endpoint(
            operation: "listAccess",
            method: .get,
            path: "access-log",
            summary: "Who asked for health information, and whether it was given",
            roles: [.auditor, .administrator],
            disclosesHealthInformation: true,
            countsRepeats: true,
            parameters: [afterNumber, limit(500), episode],
            answers: [.json(AccessPage.schema)],
            handler: OperationRoutes.accessLog
        ),
    ]
}
