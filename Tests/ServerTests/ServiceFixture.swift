import AsyncHTTPClient
import CareEpisode
import Foundation
import Glibc
import Ledger
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Postgres
import ServiceLifecycle
import TestSupport
import Testing

@testable import Server

/// So many services run at once: each takes a dozen or more of the cluster's connections, and tests
/// begin all together.
private actor Places {
    static let shared = Places()

    private var free = 24
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func give() {
        guard waiting.isEmpty else { return waiting.removeFirst().resume() }
        free += 1
    }
}

/// A service that listens on a port of its own, on a database of its own.
struct ServiceFixture: Sendable {
    let service: LedgerService
    let database: LedgerDatabase
    let ledger: LedgerDescription
    let tokens: LocalTokens
    let folder: String
    let port: Int
    /// That of probes and metrics; nil where they have none of their own.
    let healthPort: Int?
    /// Every answer is held against the OpenAPI document.
    let answers = AnswerCheck()

    /// Runs the service for as long as the body runs; then it ends gracefully.
    static func with<Result: Sendable>(
        runsWorkers: Bool = true,
        allowsPrivateNetworks: Bool = false,
        timeout: Duration = .seconds(120),
        now: @escaping @Sendable () -> Instant = { .now },
        tls: TLSConfiguration? = nil,
        directory: Directory? = nil,
        health: Bool = false,
        pages: @escaping @Sendable (inout PageSettings) -> Void = { _ in },
        settings: @escaping @Sendable (inout LedgerService.Settings) -> Void = { _ in },
        configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (ServiceFixture) async throws -> Result
    ) async throws -> Result {
        try await LedgerFixture.withConfiguration { configuration in
            var configuration = configuration
            configure(&configuration)
            return try await with(
                configuration,
                runsWorkers: runsWorkers,
                allowsPrivateNetworks: allowsPrivateNetworks,
                timeout: timeout,
                now: now,
                tls: tls,
                directory: directory,
                health: health,
                pages: pages,
                settings: settings,
                body
            )
        }
    }

    static func with<Result: Sendable>(
        _ configuration: PostgresConfiguration,
        runsWorkers: Bool = true,
        allowsPrivateNetworks: Bool = false,
        timeout: Duration = .seconds(120),
        now: @escaping @Sendable () -> Instant = { .now },
        tls: TLSConfiguration? = nil,
        directory: Directory? = nil,
        health: Bool = false,
        pages: @escaping @Sendable (inout PageSettings) -> Void = { _ in },
        settings change: @escaping @Sendable (inout LedgerService.Settings) -> Void = { _ in },
        _ body: @escaping @Sendable (ServiceFixture) async throws -> Result
    ) async throws -> Result {
        await Places.shared.take()
        let folder = NSTemporaryDirectory() + "service-" + UUID().uuidString
        defer { Task { await Places.shared.give() } }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await LedgerFixture.withDatabase(configuration) { database in
            let tokens = try LocalTokens(keyFile: "\(folder)/token.key")
            var settings = LedgerService.Settings()
            settings.runsWorkers = runsWorkers
            settings.allowsPrivateNetworks = allowsPrivateNetworks
            settings.requestTimeout = timeout
            settings.now = now
            settings.pages.takesLinks = true
            settings.pages.directory = directory
            pages(&settings.pages)
            change(&settings)
            // A loaded machine takes its time.
            settings.sealLimit = .seconds(120)
            let service = LedgerService(
                database,
                authenticator: try await Authenticator(
                    jwks: tokens.jwks,
                    issuer: LocalTokens.issuer,
                    audience: LocalTokens.audience
                ),
                settings: settings,
                place: { name in
                    SealingPlace(
                        keys: SigningKeyFile("\(folder)/\(name).key"),
                        log: CheckpointLog("\(folder)/\(name).checkpoints")
                    )
                }
            )
            let (ports, listening) = AsyncStream.makeStream(of: Int.self)
            let (healthPorts, probed) = AsyncStream.makeStream(of: Int.self)
            let application = try buildApplication(
                service,
                host: "127.0.0.1",
                port: 0,
                health: health ? HealthPlace(port: 0) { probed.yield($0) } : nil,
                tls: tls,
                metrics: PrometheusMetrics(),
                logger: Logger(label: "test") { JSONLog(label: $0, level: .critical) }
            ) { listening.yield($0) }
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [application],
                    logger: Logger(label: "test") { JSONLog(label: $0, level: .critical) }
                )
            )
            let ledger = try await database.ledger(named: .default)
            return try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                var numbers = ports.makeAsyncIterator()
                let port = try #require(await numbers.next())
                var healthNumbers = healthPorts.makeAsyncIterator()
                let healthPort = health ? await healthNumbers.next() : nil
                let fixture = ServiceFixture(
                    service: service,
                    database: database,
                    ledger: ledger,
                    tokens: tokens,
                    folder: folder,
                    port: port,
                    healthPort: healthPort
                )
                do {
                    let result = try await body(fixture)
                    await group.triggerGracefulShutdown()
                    try await tasks.waitForAll()
                    return result
                } catch {
                    await group.triggerGracefulShutdown()
                    try await tasks.waitForAll()
                    throw error
                }
            }
        }
    }

    // MARK: - Requests

    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let bytes: [UInt8]

        var text: String { String(decoding: bytes, as: UTF8.self) }
        /// The body as an object; empty where it is none.
        var json: JSONObject { JSONObject(text) }
    }

    /// A JSON object that tests look into.
    struct JSONObject: Sendable {
        private let text: String
        init(_ text: String) { self.text = text }

        private var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
        }

        func string(_ name: String) -> String? { object[name] as? String }
        func integer(_ name: String) -> Int? { object[name] as? Int }
        func list(_ name: String) -> [[String: Any]] { object[name] as? [[String: Any]] ?? [] }
        func object(_ name: String) -> JSONObject? {
            guard let part = object[name] as? [String: Any],
                let data = try? JSONSerialization.data(withJSONObject: part)
            else { return nil }
            return JSONObject(String(decoding: data, as: UTF8.self))
        }
        func strings(_ name: String) -> [String] { object[name] as? [String] ?? [] }
    }

    func token(
        _ roles: Role...,
        subject: String = "tester",
        ledgers: [String] = ["default"]
    ) async throws -> String {
        try await tokens.token(
            subject: subject,
            roles: roles,
            ledgers: ledgers,
            validFor: 3_600
        )
    }

    func request(
        _ method: String,
        _ path: String,
        token: String?,
        headers: [String: String] = [:],
        body: [UInt8]? = nil,
        at otherPort: Int? = nil
    ) async throws -> Answer {
        let port = otherPort ?? port
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = HTTPMethod(rawValue: method)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(150))
        let bytes = try await answer.body.collect(upTo: 1 << 26)
        var found: [String: String] = [:]
        for (name, value) in answer.headers { found[name.lowercased()] = value }
        let result = Answer(
            status: Int(answer.status.code),
            headers: found,
            bytes: Array(bytes.readableBytesView)
        )
        let faults = answers.faults(
            method,
            path,
            result.status,
            type: found["content-type"],
            result.bytes
        )
        #expect(faults.isEmpty, "\(method) \(path): \(faults.prefix(8))")
        return result
    }

    /// Numbers and seals what the access log has, as this process's sealer does within a second or two.
    func sealAccessLog() async throws {
        #expect(await service.lateDenials.flush(atMost: .seconds(120)) == 0)
        let place = SealingPlace(
            keys: SigningKeyFile("\(folder)/\(ledger.name).key"),
            log: CheckpointLog("\(folder)/\(ledger.name).checkpoints")
        )
        try await Sealer(database, ledger: ledger, place: place, holder: "test")
            .sealAccessLog(limit: .seconds(120))
    }

    /// Asks; of the access log, once everything in it has a number.
    func get(
        _ path: String,
        token: String?,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        if path.split(separator: "?").first == "access-log" { try await sealAccessLog() }
        let path = "/v1/ledgers/default/\(path)"
        return try await request("GET", path, token: token, headers: headers)
    }

    /// Records an event through the service.
    func post(
        _ episode: EpisodeID,
        _ events: [EventDraft],
        token: String,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        let texts = events.map(\.text)
        return try await request(
            "POST",
            "/v1/ledgers/default/episodes/\(episode)/events",
            token: token,
            headers: headers.merging(["Content-Type": "application/json"]) { $1 },
            body: Array(("[" + texts.joined(separator: ",") + "]").utf8)
        )
    }
}
