import CareEpisode
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import ProjectionRuntime

/// What the service knows of one request.
struct LedgerRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Who is at the other end of the connection, without the port.
    let peer: String
    /// Bodies beyond it are refused; streams have limits of their own.
    var maxUploadSize: Int { 1 << 24 }

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? ""
    }
}

/// Turns every error into a problem, logs the request without its query, and counts it.
struct ProblemMiddleware: RouterMiddleware {
    /// Answers a browser that asks for what there is not.
    let pages: PageDoor

    func handle(
        _ request: Request,
        context: LedgerRequestContext,
        next: @concurrent (Request, LedgerRequestContext) async throws -> Response
    ) async throws -> Response {
        let began = ContinuousClock.now
        var context = context
        let trace = TraceContext(request.headers[.traceparent])
        context.logger[metadataKey: "trace_id"] = "\(trace.traceID)"
        context.logger[metadataKey: "span_id"] = "\(trace.spanID)"
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound && wantsPage(request) {
            response = await pages.answer(request, context) {
                throw Problem.notFound("there is no such page")
            }
        } catch {
            let problem = Problem(error)
            if problem.status.code >= 500 {
                context.logger.error(
                    "request failed",
                    metadata: [
                        "error": "\(String(describing: type(of: error)))",
                        "code": "\(problem.code)",
                    ]
                )
            }
            response = problem.response(requestID: context.id)
        }
        response.headers[.xRequestID] = context.id
        response.headers[.traceparent] = trace.description
        response.headers[.xContentTypeOptions] = "nosniff"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        if request.method == .head { response = response.createHeadResponse() }
        // The template of the route, never the path: a path may name an episode.
        let route = context.endpointPath ?? "none"
        let labels = [
            ("method", request.method.rawValue), ("route", route),
            ("status", "\(response.status.code)"),
        ]
        let elapsed = began.duration(to: .now).components
        let nanoseconds = elapsed.seconds * 1_000_000_000 + elapsed.attoseconds / 1_000_000_000
        Metrics.Timer(label: "episode_ledger_http_request", dimensions: labels)
            .recordNanoseconds(nanoseconds)
        context.logger.info(
            "request",
            metadata: [
                "method": "\(request.method.rawValue)", "route": "\(route)",
                "status": "\(response.status.code)", "milliseconds": "\(nanoseconds / 1_000_000)",
            ]
        )
        return response
    }

    /// Whether a browser asks, and not for what programs ask.
    private func wantsPage(_ request: Request) -> Bool {
        let accepted = request.headers[.accept] ?? ""
        return accepted.contains("text/html") && !request.uri.path.hasPrefix("/v1")
    }
}

extension HTTPField.Name {
    static let xRequestID = known("x-request-id")
    static let xContentTypeOptions = known("x-content-type-options")
    static let lastEventID = known("last-event-id")
    static let traceparent = known("traceparent")
    static let prefer = known("prefer")
    static let preferenceApplied = known("preference-applied")
    static let purposeOfUse = known("x-purpose-of-use")
    static let xAccelBuffering = known("x-accel-buffering")
    static let secFetchSite = known("sec-fetch-site")
    static let crossOriginOpenerPolicy = known("cross-origin-opener-policy")
    static let permissionsPolicy = known("permissions-policy")
    static let clearSiteData = known("clear-site-data")
    static let referrerPolicy = known("referrer-policy")
    static let refresh = known("refresh")
    static let xForwardedFor = known("x-forwarded-for")

    private static func known(_ text: String) -> Self {
        guard let name = Self(text) else { preconditionFailure("\(text) is no header's name") }
        return name
    }
}

extension Response {
    /// An answer in JSON.
    static func json(
        _ answer: AnswerJSON,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:]
    ) -> Response {
        bytes(answer.bytes, "application/json", status: status, headers: headers)
    }

    /// An answer of any kind.
    static func bytes(
        _ bytes: [UInt8],
        _ type: String,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        return Response(
            status: status,
            headers: headers,
            body: ResponseBody(bytes)
        )
    }
}
