import ArgumentParser
import CareEpisode
import CoreMetrics
import Glibc
import Ledger
import Logging
import ProjectionRuntime
import Server
import ServiceLifecycle
import Synchronization

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the HTTP API and event streams, keep read models at the head, and seal.",
        usage: "episode-ledger serve [<options>]",
        discussion: """
            Any number of these may serve one database. Tokens are checked against --jwks, or \
            without it against the local key of `episode-ledger token`. Ctrl-C ends streams, \
            finishes batches and hands leases back. /openapi.json describes every request.
            """
    )

    @Option(help: "The address to listen on. (EPISODE_LEDGER_HOST)")
    var host: String?

    @Option(help: "The port to listen on, 0 for any that is free. (EPISODE_LEDGER_PORT)")
    var port: Int?

    @Flag(help: "Leave read models and sealing to others.")
    var withoutWorkers = false

    @Option(
        help: ArgumentHelp(
            """
            A JSON Web Key Set: the keys of tokens. Without it the local key's. \
            (EPISODE_LEDGER_JWKS)
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    var jwks: String?

    @Option(help: ArgumentHelp("What `iss` of tokens must be. (EPISODE_LEDGER_ISSUER)"))
    var issuer: String?

    @Option(help: ArgumentHelp("What `aud` of tokens must hold. (EPISODE_LEDGER_AUDIENCE)"))
    var audience: String?

    @OptionGroup var tokens: TokenOptions

    @OptionGroup var sealing: SealingOptions

    @OptionGroup var options: LedgerOptions

    private var address: String { host ?? Environment["EPISODE_LEDGER_HOST"] ?? "127.0.0.1" }

    private var portNumber: Int? {
        port ?? Environment["EPISODE_LEDGER_PORT"].map { Int($0) } ?? 8_080
    }

    func validate() throws {
        guard let portNumber, (0...65_535).contains(portNumber) else {
            throw ValidationError("--port must be from 0 to 65535")
        }
        if (jwks ?? Environment["EPISODE_LEDGER_JWKS"]) != nil,
            (issuer ?? Environment["EPISODE_LEDGER_ISSUER"]) == nil
        {
            throw ValidationError("--jwks takes --issuer")
        }
    }

    func run() async throws {
        let command = self
        try await Session.run(options, isEndedBySignal: true) { session in
            try await command.serve(session)
        }
    }

    private func serve(_ session: Session) async throws {
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        var settings = LedgerService.Settings()
        settings.runsWorkers = !withoutWorkers
        settings.holder = Session.holder
        let (sealing, directory) = (sealing, options.dataDirectory)
        let logger = Logger(label: "episode-ledger") { JSONLog(label: $0, level: .info) }
        let told = Mutex<Set<String>>([])
        let service = LedgerService(
            session.database,
            authenticator: try await authenticator(),
            settings: settings,
            place: { sealing.place($0, dataDirectory: directory) }
        ) { trouble in
            // What goes on for a while is told once.
            guard told.withLock({ $0.count < 1_000 && $0.insert(trouble).inserted }) else { return }
            logger.warning("\(trouble)")
        }
        let address = address
        let application = buildApplication(
            service,
            host: address,
            port: portNumber ?? 8_080,
            metrics: metrics,
            logger: logger
        ) { port in
            let place = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
            Console.note("serving on http://\(place)")
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [application],
                logger: logger
            )
        )
        let shutdown = session.shutdown
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                while !shutdown.isRequested, !Task.isCancelled {
                    await shutdown.wait(atMost: .seconds(3_600))
                }
                await group.triggerGracefulShutdown()
            }
            // Whichever ends first: a service that cannot listen, or one that was asked to end.
            try await tasks.next()
            if shutdown.isRequested { try await tasks.next() }
            tasks.cancelAll()
        }
    }

    private func authenticator() async throws -> Authenticator {
        let audience = audience ?? Environment["EPISODE_LEDGER_AUDIENCE"] ?? LocalTokens.audience
        guard let path = jwks ?? Environment["EPISODE_LEDGER_JWKS"] else {
            return try await Authenticator(
                jwks: tokens.local(options.dataDirectory).jwks,
                issuer: LocalTokens.issuer,
                audience: audience
            )
        }
        let file = try InputFile(path: path)
        var bytes: [UInt8] = []
        while true {
            let chunk = try await file.read()
            if chunk.isEmpty { break }
            bytes += chunk
            guard bytes.count <= 1 << 20 else {
                throw Failure.failed("\(path): a key set of more than a megabyte")
            }
        }
        return try await Authenticator(
            jwks: bytes,
            issuer: issuer ?? Environment["EPISODE_LEDGER_ISSUER"] ?? "",
            audience: audience
        )
    }
}
