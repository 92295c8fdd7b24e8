import CareEpisode
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import Ledger
public import Logging
import NIOCore

/// Makes the application: the same for the program and for tests.
///
/// - Parameters:
///   - service: what answers.
///   - host: the address to listen on.
///   - port: the port to listen on; 0 for any that is free.
///   - metrics: what `/metrics` prints.
///   - logger: for one line a request.
///   - onServing: told the port once the service listens.
public func buildApplication(
    _ service: LedgerService,
    host: String,
    port: Int,
    metrics: PrometheusMetrics,
    logger: Logger,
    onServing: @escaping @Sendable (Int) async -> Void = { _ in }
) -> some ApplicationProtocol {
    Application(
        router: router(service, metrics: metrics),
        server: .http1(
            configuration: .init(
                idleTimeout: .seconds(60),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16_384,
                    maxHeaderListSize: 32_768,
                    maxHeaderFieldCount: 100
                )
            )
        ),
        configuration: ApplicationConfiguration(
            address: .hostname(host, port: port),
            serverName: "episode-ledger",
            availableConnectionsDelegate: MaximumAvailableConnections(4_096)
        ),
        services: [service],
        onServerRunning: { channel in await onServing(channel.localAddress?.port ?? port) },
        logger: logger
    )
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
        let path = RouterPath("v1/ledgers/{ledger}/\(endpoint.path)")
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
        methods["v1/ledgers/{ledger}/\(endpoint.path)", default: []].append(endpoint.method)
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
    let ledger = try await service.ledger(name)
    var entry = AccessLog.Entry(
        principal: principal,
        operation: operation,
        isAllowed: isAllowed,
        episode: context.parameters.get("episode").flatMap { EpisodeID($0) },
        purpose: request.headers[.purposeOfUse].map { String($0.prefix(64)) },
        requestID: context.id
    )
    guard isAllowed else {
        if operation.isHealthInformation { try await service.accessLog.record(entry, in: ledger) }
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
        query: query
    )
    let response = try await endpoint.handler(call)
    if operation.isHealthInformation {
        let asked = query.described(endpoint.describedParameters)
        let details = [asked, call.whatWasReturned].compactMap { $0 }
        entry.detail = details.isEmpty ? nil : details.joined(separator: "; ")
        entry.episode = try entry.episode ?? query.episode("episode")
        try await service.accessLog.record(entry, in: ledger)
    }
    return response
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
    let entry = AccessLog.Entry(
        principal: principal,
        operation: endpoint.operation,
        isAllowed: false,
        episode: context.parameters.get("episode").flatMap { EpisodeID($0) },
        detail: "the token is for other ledgers",
        requestID: context.id
    )
    do {
        let ledger = try await service.ledger(name)
        try await service.accessLog.record(entry, in: ledger)
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
    let parts = header.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else {
        throw Problem.unauthorized("the Authorization header must be: Bearer TOKEN")
    }
    do {
        return try await service.authenticator.principal(parts[1])
    } catch let error as AuthenticationError {
        throw Problem.unauthorized("\(error)")
    }
}
