import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle

/// Where probes and metrics have a port of their own, which is answered whatever clients do.
public struct HealthPlace: Sendable {
    /// The most connections at a time.
    static let connectionLimit = 16

    private let port: Int
    private let onServing: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - port: the port to listen on; 0 for any that is free.
    ///   - onServing: told the port once it is listened on.
    public init(port: Int, onServing: @escaping @Sendable (Int) async -> Void = { _ in }) {
        (self.port, self.onServing) = (port, onServing)
    }

    func application(
        _ service: LedgerService,
        host: String,
        metrics: PrometheusMetrics,
        _ logger: Logger
    ) -> any Service {
        let router = Router(context: LedgerRequestContext.self)
        router.add(middleware: ProblemMiddleware(pages: PageDoor(service)))
        OperationRoutes.add(to: router, service, metrics)
        let connections = Connections(
            Connections.Limits(most: Self.connectionLimit, ofAddress: Self.connectionLimit),
            proxies: TrustedProxies(ranges: [])
        )
        let (port, onServing) = (port, onServing)
        return Application(
            router: router,
            server: HTTPServerBuilder { WatchedChannel($0, connections) },
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                serverName: "episode-ledger",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)
            ),
            onServerRunning: { channel in
                await AcceptPause.stand(before: channel)
                await onServing(channel.localAddress?.port ?? port)
            },
            logger: logger
        )
    }
}
