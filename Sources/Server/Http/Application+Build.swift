import CareEpisode
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Ledger
public import Logging
import Metrics
import NIOCore
public import NIOSSL

/// Makes the application: the same for the program and for tests.
///
/// - Parameters:
///   - service: what answers.
///   - host: the address to listen on.
///   - port: the port to listen on; 0 for any that is free.
///   - health: where probes and metrics have a port of their own; nil where they have none.
///   - tls: the certificate and its key; nil for plain HTTP.
///   - metrics: what `/metrics` prints.
///   - logger: for one line a request.
///   - onServing: told the port once the service listens.
/// - Throws: where the certificate or its key cannot be used.
public func buildApplication(
    _ service: LedgerService,
    host: String,
    port: Int,
    health: HealthPlace? = nil,
    tls: TLSConfiguration? = nil,
    metrics: PrometheusMetrics,
    logger: Logger,
    onServing: @escaping @Sendable (Int) async -> Void = { _ in }
) throws -> some ApplicationProtocol {
    let all = service.settings.mostConnections ?? OpenFiles.clients
    let most = health == nil ? all : max(all - HealthPlace.connectionLimit, all / 2)
    Counter(label: "episode_ledger_log_lines_dropped").increment(by: 0)
    let connections = Connections(
        Connections.Limits(most: most, ofAddress: service.settings.connectionsPerAddress),
        proxies: service.signIn.proxies
    )
    let http = HTTPServerBuilder { WatchedChannel($0, connections) }
    return Application(
        router: router(service, metrics: health == nil ? metrics : nil),
        server: try tls.map { try .tls(http, tlsConfiguration: $0) } ?? http,
        configuration: ApplicationConfiguration(
            address: .hostname(host, port: port),
            serverName: "episode-ledger",
            availableConnectionsDelegate: MaximumAvailableConnections(most)
        ),
        services: [service]
            + (health.map { [$0.application(service, host: host, metrics: metrics, logger)] } ?? []),
        onServerRunning: { channel in
            await AcceptPause.stand(before: channel)
            await onServing(channel.localAddress?.port ?? port)
        },
        logger: logger
    )
}

/// Every request there is.
private func router(
    _ service: LedgerService,
    metrics: PrometheusMetrics?
) -> Router<LedgerRequestContext> {
    let router = Router(context: LedgerRequestContext.self)
    router.add(middleware: ProblemMiddleware(pages: PageDoor(service)))
    let door = Door(service)
    OperationRoutes.add(to: router, service, metrics)
    router.get("openapi.json") { _, _ in OpenAPI.answer }
    for endpoint in Endpoint.all {
        router.on(RouterPath(endpoint.route), method: endpoint.method) { request, context in
            try await door.answer(endpoint, request, context)
        }
    }
    PageRoutes(service, door).add(to: router)
    SignInRoutes(service).add(to: router)
    var open: [String: [HTTPRequest.Method]] = [
        "healthz": [.get], "readyz": [.get], "openapi.json": [.get],
    ]
    if metrics != nil { open["metrics"] = [.get] }
    refuseOtherMethods(router, open)
    return router
}

/// Answers 405 to every method of a path that it does not have.
private func refuseOtherMethods(
    _ router: Router<LedgerRequestContext>,
    _ open: [String: [HTTPRequest.Method]]
) {
    var methods = open
    for endpoint in Endpoint.all + Endpoint.pages {
        methods[endpoint.route, default: []].append(endpoint.method)
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
