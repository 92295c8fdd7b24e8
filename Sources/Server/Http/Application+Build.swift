import CareEpisode
import Glibc
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Ledger
public import Logging
import NIOCore
public import NIOSSL

/// Makes the application: the same for the program and for tests.
///
/// - Parameters:
///   - service: what answers.
///   - host: the address to listen on.
///   - port: the port to listen on; 0 for any that is free.
///   - tls: the certificate and its key; nil for plain HTTP.
///   - metrics: what `/metrics` prints.
///   - logger: for one line a request.
///   - onServing: told the port once the service listens.
/// - Throws: where the certificate or its key cannot be used.
public func buildApplication(
    _ service: LedgerService,
    host: String,
    port: Int,
    tls: TLSConfiguration? = nil,
    metrics: PrometheusMetrics,
    logger: Logger,
    onServing: @escaping @Sendable (Int) async -> Void = { _ in }
) throws -> some ApplicationProtocol {
    let http = HTTPServerBuilder.http1(
        configuration: .init(
            additionalChannelHandlers: [RequestDeadline()],
            idleTimeout: .seconds(60),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16_384,
                maxHeaderListSize: 32_768,
                maxHeaderFieldCount: 100
            )
        )
    )
    return Application(
        router: router(service, metrics: metrics),
        server: try tls.map { try .tls(http, tlsConfiguration: $0) } ?? http,
        configuration: ApplicationConfiguration(
            address: .hostname(host, port: port),
            serverName: "episode-ledger",
            availableConnectionsDelegate: MaximumAvailableConnections(connectionLimit())
        ),
        services: [service],
        onServerRunning: { channel in await onServing(channel.localAddress?.port ?? port) },
        logger: logger
    )
}

/// The most connections at a time: as many as the process may have files, but for some, and not more
/// than its memory should hold.
///
/// The limit on files is raised as far as it may be.
private func connectionLimit() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
    limit.rlim_cur = min(limit.rlim_max, 32_768)
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return max(64, min(16_384, Int(limit.rlim_cur) - 512))
}

/// Every request there is.
private func router(
    _ service: LedgerService,
    metrics: PrometheusMetrics
) -> Router<LedgerRequestContext> {
    let router = Router(context: LedgerRequestContext.self)
    router.add(middleware: ProblemMiddleware())
    router.get("healthz") { _, _ in OperationRoutes.health() }
    router.get("readyz") { _, _ in await OperationRoutes.readiness(service) }
    router.get("metrics") { _, _ in await OperationRoutes.metrics(service, metrics) }
    router.get("openapi.json") { _, _ in Response.bytes(OpenAPI.document, "application/json") }
    for endpoint in Endpoint.all {
        let path = RouterPath("v1/ledgers/{ledger}/\(endpoint.route)")
        router.on(path, method: endpoint.method) { request, context in
            try await answer(endpoint, service, request, context)
        }
    }
    refuseOtherMethods(router)
    return router
}

/// Answers 405 to every method of a path that it does not have.
private func refuseOtherMethods(_ router: Router<LedgerRequestContext>) {
    var methods: [String: [HTTPRequest.Method]] = [
        "healthz": [.get], "readyz": [.get], "metrics": [.get], "openapi.json": [.get],
    ]
    for endpoint in Endpoint.all {
        methods["v1/ledgers/{ledger}/\(endpoint.route)", default: []].append(endpoint.method)
    }
    let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"]
    let known = names.compactMap { HTTPRequest.Method(rawValue: $0) }
    for (path, served) in methods {
        let allow = served.map(\.rawValue).joined(separator: ", ")
        for method in known where !served.contains(method) {
            router.on(RouterPath(path), method: method) { _, _ -> Response in
                throw Problem(
                    status: .methodNotAllowed,
                    code: "method-not-allowed",
                    detail: "this resource takes \(allow)",
                    headers: [.allow: allow]
                )
            }
        }
    }
}

/// Who asks, whether he may, and only then the answer; of health information the decision is on disk
/// before the answer leaves.
private func answer(
    _ endpoint: Endpoint,
    _ service: LedgerService,
    _ request: Request,
    _ context: LedgerRequestContext
) async throws -> Response {
    let principal = try await authenticate(service, request)
    guard let text = context.parameters.get("ledger"), let name = LedgerName(text) else {
        throw Problem.badRequest("ledger", "must be the name of a ledger")
    }
    let operation = endpoint.operation
    let isAllowed = operation.allows(principal, in: name)
    // Nobody learns which ledgers there are but who may enter.
    guard isAllowed || (principal.ledgers?.contains(name) ?? true) else {
        await keepDenial(endpoint, service, principal, name, context)
        throw Problem.forbidden("this token is not for the ledger \(name)")
    }
    let ledger: LedgerDescription
    if let known = service.knownLedger(name) {
        ledger = known
    } else {
        ledger = try await inTime(service.settings.patience) { try await service.ledger(name) }
    }
    var decision = AccessDecision(principal, operation, allowed: isAllowed, context)
    decision.purpose = request.headers[.purposeOfUse].map { String($0.prefix(64)) }
    let entry = decision
    guard isAllowed else {
        if operation.isHealthInformation {
            let log = service.accessLog
            try await inTime(service.settings.patience) { try await log.record(entry, in: ledger) }
        }
        let roles = operation.roles.map(\.rawValue).sorted().joined(separator: ", ")
        throw Problem.forbidden("this takes one of the roles \(roles)")
    }
    let query = try Query(request, allowing: Set(endpoint.parameters.map(\.name)))
    let call = Call(
        service: service,
        request: request,
        context: context,
        principal: principal,
        ledger: ledger,
        decision: entry,
        query: query,
        body: endpoint.body == "application/json" ? try await wholeBody(request, context) : []
    )
    let limit = service.settings.patience + .seconds(endpoint.extraSeconds)
    if operation == .appendEvents { return try await appended(endpoint, call) }
    return try await inTime(limit) {
        let result: Result<Response, any Error>
        do {
            result = .success(try await endpoint.handler(call))
        } catch {
            result = .failure(error)
        }
        guard operation.isHealthInformation else { return try result.get() }
        var entry = call.decision
        var details = [query.described(endpoint.describedParameters)]
        switch result {
        case .success: details.append(call.whatWasReturned)
        case .failure(let error): details.append("answered with \(Problem(error).code)")
        }
        entry.detail =
            details.allSatisfy { $0 == nil }
            ? nil : details.compactMap(\.self).joined(separator: "; ")
        entry.episodeID = entry.episodeID ?? (try? query.episode("episode"))
        try await service.accessLog.record(entry, in: ledger)
        return try result.get()
    }
}

/// Appends: the decision is kept in the transaction of the events, or after what came to none.
private func appended(_ endpoint: Endpoint, _ call: Call) async throws -> Response {
    let end = ContinuousClock.now + call.service.settings.patience
    let result: Result<Response, any Error>
    do {
        // Has a limit on time of its own.
        result = .success(try await endpoint.handler(call))
    } catch let error where error is AppendError || error is CancellationError {
        // Nothing was done, or nobody knows whether; then the decision went with the events.
        throw error
    } catch {
        result = .failure(error)
    }
    // Also of an append that is refused, the decision was that it may be tried.
    if !call.keepsDecision {
        let rest = max(ContinuousClock.now.duration(to: end), .milliseconds(400))
        try await inTime(rest) {
            try await call.service.accessLog.record(call.decision, in: call.ledger)
        }
    }
    return try result.get()
}

/// The body of a request, up to its limit; ``RequestDeadline`` sees to it that it arrives.
private func wholeBody(_ request: Request, _ context: LedgerRequestContext) async throws -> [UInt8]
{
    do {
        let buffer = try await request.body.collect(upTo: context.maxUploadSize)
        return Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
        throw HTTPError(.contentTooLarge)
    }
}

/// Keeps that somebody with a token for another ledger asked for health information of this one, where
/// there is such a ledger; the answer is the same either way.
private func keepDenial(
    _ endpoint: Endpoint,
    _ service: LedgerService,
    _ principal: Principal,
    _ name: LedgerName,
    _ context: LedgerRequestContext
) async {
    guard endpoint.operation.isHealthInformation else { return }
    var decision = AccessDecision(principal, endpoint.operation, allowed: false, context)
    decision.detail = "the token is for other ledgers"
    let entry = decision
    do {
        try await inTime(service.settings.patience) {
            let ledger = try await service.ledger(name)
            try await service.accessLog.record(entry, in: ledger)
        }
    } catch {
        context.logger.warning("a denial is not in the access log")
    }
}

private func authenticate(
    _ service: LedgerService,
    _ request: Request
) async throws -> Principal {
    guard let header = request.headers[.authorization] else {
        throw Problem.unauthorized("a bearer token is needed")
    }
    // By bytes: characters cost more than the rest of the check.
    let parts = header.utf8.split(
        separator: UInt8(ascii: " "),
        omittingEmptySubsequences: false
    )
    guard parts.count == 2, Substring(parts[0]).lowercased() == "bearer" else {
        throw Problem.unauthorized("the Authorization header must be: Bearer TOKEN")
    }
    do {
        return try await service.authenticator.principal(Substring(parts[1]))
    } catch AuthenticationError.unavailable {
        throw Problem.unavailable("\(AuthenticationError.unavailable)")
    } catch let error as AuthenticationError {
        throw Problem.unauthorized("\(error)")
    }
}
