import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Postgres
import ProjectionRuntime

/// What operators and probes ask.
enum OperationRoutes {
    /// Adds what probes ask, and metrics where there are any.
    static func add(
        to router: Router<LedgerRequestContext>,
        _ service: LedgerService,
        _ metrics: PrometheusMetrics?
    ) {
        router.get("healthz") { _, _ in health() }
        // Who may see the metrics may know which ledgers there are.
        let names = metrics != nil
        router.get("readyz") { _, _ in try await readiness(service, naming: names) }
        guard let metrics else { return }
        router.get("metrics") { _, _ in await Self.metrics(service, metrics) }
    }

    static func accessLog(_ call: Call) async throws -> Reply {
        let (after, limit, episode) = try call.read { reader in
            (reader.cursor("after"), Int(reader.integer("limit")), reader.episode("episode"))
        }
        let answer = try await call.service.accessLog.page(
            call.ledger,
            after: after,
            limit: limit,
            episode: episode
        )
        return .json(answer.json, disclosed: "\(answer.entries.count) entries")
    }

    static func settings(_ call: Call) async throws -> Reply {
        let settings = try await call.database.settings(of: call.ledger)
        return .json(LedgerSettingList(call.ledger.name, settings).json)
    }

    /// The process answers.
    static func health() -> Response { .json(Health().json) }

    /// Whether the service can do what requests need: looked at once for all who ask at a time.
    ///
    /// - Parameter names: whether ledgers are named.
    static func readiness(
        _ service: LedgerService,
        naming names: Bool
    ) async throws -> Response {
        let readiness = try await service.readiness.value(names) {
            await Readiness(service, naming: names)
        }
        return .json(
            readiness.json,
            status: readiness.isReady ? .ok : .serviceUnavailable,
            headers: readiness.isReady ? [:] : [.retryAfter: "1"]
        )
    }

    /// Prometheus text: what was counted, and what is measured now.
    static func metrics(_ service: LedgerService, _ metrics: PrometheusMetrics) async -> Response {
        var gauges: [(name: String, labels: [(String, String)], value: Double)] = []
        let pools = [
            ("appender", service.database.appender), ("writer", service.database.writer),
            ("reader", service.database.reader),
            ("projector", service.database.projector),
        ]
        for (name, pool) in pools {
            let statistics = pool.statistics
            for (state, number) in [
                ("idle", statistics.idle), ("leased", statistics.leased),
                ("waiting", statistics.waiting),
            ] {
                gauges.append(
                    (
                        "episode_ledger_pool_connections", [("pool", name), ("state", state)],
                        Double(number)
                    )
                )
            }
        }
        do {
            gauges += try await withTimeout(service.settings.requestTimeout) {
                try await service.gauges.value(0) { try await ofLedgers(service) }
            }
            gauges.append(("episode_ledger_database_up", [], 1))
        } catch {
            gauges.append(("episode_ledger_database_up", [], 0))
        }
        return .bytes(
            Array(metrics.text(gauges).utf8),
            "text/plain; version=0.0.4; charset=utf-8"
        )
    }

    /// How far read models and seals are behind.
    private static func ofLedgers(
        _ service: LedgerService
    ) async throws -> [(name: String, labels: [(String, String)], value: Double)] {
        var gauges: [(name: String, labels: [(String, String)], value: Double)] = []
        for ledger in try await service.database.ledgers() {
            let name = ("ledger", ledger.name.description)
            let seal = try await SealStatus(service.database, ledger: ledger)
            gauges.append(("episode_ledger_unsealed_events", [name], Double(seal.unsealed)))
            gauges.append(("episode_ledger_seal_lag_now_seconds", [name], seal.lagSeconds))
            let accesses = try await AccessStatus(service.database, ledger: ledger)
            gauges.append(
                ("episode_ledger_unsealed_access_entries", [name], Double(accesses.unsealed))
            )
            gauges.append(
                ("episode_ledger_access_seal_lag_now_seconds", [name], accesses.lagSeconds)
            )
            let isTroubled =
                seal.trouble != nil || accesses.trouble != nil
                || service.sealTrouble[ledger.name] != nil
            gauges.append(("episode_ledger_seal_trouble", [name], isTroubled ? 1 : 0))
            let head = try await EventReader(service.database, ledger: ledger).head()
            gauges.append(("episode_ledger_head_ahead_seconds", [name], head.secondsAhead))
            for status in try await ProjectionStatus.all(service.database, ledger: ledger) {
                let model = ("model", status.name)
                gauges.append(
                    ("episode_ledger_projection_lag_events", [name, model], Double(status.lag))
                )
                gauges.append(
                    (
                        "episode_ledger_projection_parked_episodes", [name, model],
                        Double(status.parked.count)
                    )
                )
            }
        }
        return gauges
    }
}

/// That the process answers.
struct Health: JSONObject {
    static let fields: [JSONField<Self>] = [
        .init("status", schema: ["type": "string", "const": "ok"]) { _ in "ok" }
    ]
}
