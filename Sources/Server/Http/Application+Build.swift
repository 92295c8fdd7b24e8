import CareEpisode
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
    let http = HTTPServerBuilder { responder in
        WatchedChannel(
            http: HTTP1Channel(
                responder: responder,
                configuration: .init(
                    additionalChannelHandlers: [StrictHead.Placing(), RequestDeadline()],
                    idleTimeout: .seconds(60),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 16_384,
                        maxHeaderListSize: 32_768,
                        maxHeaderFieldCount: 100
                    )
                )
            )
        )
    }
    return Application(
        router: router(service, metrics: metrics),
        server: try tls.map { try .tls(http, tlsConfiguration: $0) } ?? http,
        configuration: ApplicationConfiguration(
            address: .hostname(host, port: port),
            serverName: "episode-ledger",
            availableConnectionsDelegate: MaximumAvailableConnections(OpenFiles.clients)
        ),
        services: [service],
        onServerRunning: { channel in
            // Nothing but a channel that is closed already refuses it.
            _ = try? await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(AcceptPause(), position: .first)
            }.get()
            await onServing(channel.localAddress?.port ?? port)
        },
        logger: logger
    )
}

/// Every request there is.
private func router(
    _ service: LedgerService,
    metrics: PrometheusMetrics
) -> Router<LedgerRequestContext> {
    let router = Router(context: LedgerRequestContext.self)
    router.add(middleware: ProblemMiddleware(pages: PageDoor(service)))
    let door = Door(service)
    router.get("healthz") { _, _ in OperationRoutes.health() }
    router.get("readyz") { _, _ in await OperationRoutes.readiness(service) }
    router.get("metrics") { _, _ in await OperationRoutes.metrics(service, metrics) }
    router.get("openapi.json") { _, _ in Response.bytes(OpenAPI.document, "application/json") }
    for endpoint in Endpoint.all {
        router.on(RouterPath(endpoint.route), method: endpoint.method) { request, context in
            try await door.answer(endpoint, request, context)
        }
    }
    PageRoutes(service, door).add(to: router)
    SignInRoutes(service).add(to: router)
    refuseOtherMethods(router)
    return router
}

/// Answers 405 to every method of a path that it does not have.
private func refuseOtherMethods(_ router: Router<LedgerRequestContext>) {
    var methods: [String: [HTTPRequest.Method]] = [
        "healthz": [.get], "readyz": [.get], "metrics": [.get], "openapi.json": [.get],
    ]
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
