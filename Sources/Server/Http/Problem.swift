public import CareEpisode
import HTTPTypes
import Hummingbird
public import Ledger
import NIOHTTP1
import Postgres
import ProjectionRuntime
import Projections
import TransparencyLog

/// A refusal as RFC 9457 writes it: what every error of the service becomes.
struct Problem: Error, HTTPResponseError {
    /// The HTTP status.
    var status: HTTPResponse.Status
    /// A stable code; the problem's type is `urn:episode-ledger:<code>`.
    var code: String
    /// What is wrong and what to do, without health information.
    var detail: String
    /// The fields that are wrong.
    var errors: [FieldError] = []
    /// Of a version conflict, the episode's version.
    var currentVersion: Version?
    /// Of acknowledgements that do not fit, where their buckets are.
    var buckets: [StaleAcknowledgement]?
    /// Of a cursor after which reading cannot go on, why, and where it can.
    var cursor: CursorError?
    /// Headers that go with it.
    var headers: HTTPFields = [:]

    func response(from request: Request, context: some RequestContext) throws -> Response {
        response(requestID: context.id)
    }

    func response(requestID: String) -> Response {
        let answer = ProblemAnswer(problem: self, requestID: requestID)
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        return Response(
            status: status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.json.bytes))
        )
    }
}

extension ProjectionError {
    /// Seconds after which it is worth asking again: of a rebuild, when it is likely to be over.
    fileprivate var retryAfter: Int {
        switch self {
        case .rebuilding(_, let progress):
            min(max(Int(progress.rest?.components.seconds ?? 5) + 1, 1), 60)
        case .rebuildNeeded: 5
        case .leaseLost, .lagging, .differs: 1
        }
    }
}

/// A refusal as it is written.
struct ProblemAnswer: JSONObject {
    let problem: Problem
    let requestID: String

    static let fields: [JSONField<Self>] = [
        .init("type") { "urn:episode-ledger:\($0.problem.code)" },
        .init("title", \.problem.status.reasonPhrase),
        .init("status", \.problem.status.code),
        .init("detail", \.problem.detail),
        .init("instance") { "urn:request:\($0.requestID)" },
        .optional("errors") { $0.problem.errors.isEmpty ? nil : $0.problem.errors },
        .optional("current_version", \.problem.currentVersion),
        .optional("buckets", \.problem.buckets),
        .optional("cursor", \.problem.cursor),
    ]
}

extension CursorError: JSONObject {
    /// Why reading cannot go on, and where it can.
    public static let fields: [JSONField<Self>] = [
        .init("reason", \.reason),
        .init("incarnation") { Int($0.incarnation) },
        .init("head", \.head),
        .optional("kept", \.kept),
        .init("go_on_after", \.goOnAfter),
    ]
}

extension FieldError: JSONObject {
    /// A field, and what is wrong with it.
    public static let fields: [JSONField<Self>] = [
        .init("pointer", \.pointer),
        .init("code", \.code),
        .init("detail", \.detail),
    ]
}

extension Problem {
    static func unauthorized(_ detail: String) -> Problem {
        Problem(
            status: .unauthorized,
            code: "unauthorized",
            detail: detail,
            headers: [.wwwAuthenticate: "Bearer realm=\"episode-ledger\""]
        )
    }

    static func forbidden(_ detail: String) -> Problem {
        Problem(status: .forbidden, code: "forbidden", detail: detail)
    }

    static func notFound(_ detail: String) -> Problem {
        Problem(status: .notFound, code: "not-found", detail: detail)
    }

    /// A parameter, header or path that cannot be read: it is named.
    static func badRequest(_ name: String, _ detail: String) -> Problem {
        Problem(
            status: .badRequest,
            code: "bad-request",
            detail: "\(name) \(detail)",
            errors: [FieldError(pointer: name, code: "invalid", detail: detail)]
        )
    }

    /// Try again later.
    ///
    /// - Parameter seconds: when, as `Retry-After` says.
    static func unavailable(_ detail: String, retryAfter seconds: Int = 1) -> Problem {
        Problem(
            status: .serviceUnavailable,
            code: "unavailable",
            detail: detail,
            headers: [.retryAfter: "\(seconds)"]
        )
    }

    /// Whatever a caller sends, the database must be able to hold it: of what is asked for too, since an
    /// episode that has such a character is parked, and "none" would be wrong.
    static let notInEncoding = Problem(
        status: .badRequest,
        code: "bad-request",
        detail: "a character of what was sent does not exist in the database's encoding, which is "
            + "not UTF8"
    )

    /// The client has gone before it was answered; it is told to the logs alone.
    static let abandoned = Problem(
        status: .init(code: 499, reasonPhrase: "Client Closed Request"),
        code: "abandoned",
        detail: "the connection was closed before the answer was there"
    )

    /// What any error becomes; one that nobody expected says nothing of itself.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as Refusal:
            self.init(
                status: .unprocessableContent,
                code: "refused",
                detail: "what was sent is refused; nothing was written",
                errors: refusal.errors
            )
        case let refusal as QuestionRefusal:
            let reasons = refusal.reasons(spelling: \.name)
            self.init(
                status: .badRequest,
                code: "bad-request",
                detail: reasons.map { "\($0.parameter) \($0.detail)" }.joined(separator: "; "),
                errors: reasons.map {
                    FieldError(pointer: $0.parameter, code: $0.code, detail: $0.detail)
                }
            )
        case let page as PageRefusal: self.init(page.refusal)
        case let error as SubscriptionError: self.init(error)
        case let error as CursorError:
            self.init(
                status: .conflict,
                code: "cursor-conflict",
                detail: "\(error)",
                cursor: error
            )
        case let error as AppendError where error.isAboutEncoding: self = .notInEncoding
        case let error as AppendError: self = .unavailable("\(error)")
        case let error as PostgresError where error.isAboutEncoding: self = .notInEncoding
        case let error as PostgresError where error.isTransient || error.code == .poolClosed:
            self = .unavailable("the database cannot be reached in time: try again")
        case LedgerError.unknownLedger, LedgerError.unknownEpisode, LedgerError.unknownVersion:
            self = .notFound("\(error)")
        case let error as ProjectionError:
            self = .unavailable("\(error)", retryAfter: error.retryAfter)
        case let error as SealError: self = .unavailable("\(error)")
        case is MedicationReviewError, is DischargeSummaryError, is AttendanceError:
            self = .notFound("\(error)")
        case let error as SessionListError:
            self.init(status: .badRequest, code: "too-many", detail: "\(error)")
        case is LateAnswer:
            self.init(
                status: .accepted,
                code: "late",
                detail: "the answer is not ready yet: ask again"
            )
        case is CancellationError: self = .unavailable("the service is shutting down: try again")
        // The client went in the middle of its body, or what it sent is no HTTP.
        case HTTPParserError.invalidEOFState: self = .abandoned
        case is HTTPParserError: self = .badRequest("body", "cannot be read: it is no HTTP")
        case let error as HTTPError:
            switch error.status {
            case .notFound: self = .notFound("there is no such resource")
            case .contentTooLarge:
                self.init(
                    status: .contentTooLarge,
                    code: "too-large",
                    detail: "the body is larger than this request may have"
                )
            default:
                self.init(
                    status: error.status,
                    code: "bad-request",
                    detail: error.body ?? error.status.reasonPhrase
                )
            }
        default:
            self.init(
                status: .internalServerError,
                code: "internal",
                detail: "something went wrong here; the log has more under this request's id"
            )
        }
    }
}
