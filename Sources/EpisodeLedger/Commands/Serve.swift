import ArgumentParser
import CareEpisode
import CoreMetrics
import Ledger
import Logging
import NIOSSL
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
            finishes batches and hands leases back. /openapi.json describes every request. \
            --print-config shows what all options, variables and --config come to.
            """
    )

    @OptionGroup var pages: PageOptions

    @OptionGroup var provider: ProviderOptions

    @OptionGroup var serving: ServingOptions

    @Flag(
        help: """
            Leave read models and sealing to others. (EPISODE_LEDGER_WITHOUT_WORKERS=1)
            """
    )
    var withoutWorkers = false

    @Flag(
        help: """
            Let webhooks go to private networks, and over plain http. \
            (EPISODE_LEDGER_ALLOW_PRIVATE_WEBHOOKS=1)
            """
    )
    var allowPrivateWebhooks = false

    @Option(
        help: ArgumentHelp(
            """
            The certificate to serve TLS with, in PEM, and those between it and the root. \
            (EPISODE_LEDGER_TLS_CERTIFICATE)
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    var tlsCertificate: String?

    @Option(
        help: ArgumentHelp(
            "The certificate's private key, in PEM. (EPISODE_LEDGER_TLS_KEY)",
            valueName: "file"
        ),
        completion: .file()
    )
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            """
            Names for the pages: a CSV file with client_id or staff_id and name, or the address of \
            the site's own system. Shown and kept nowhere. (EPISODE_LEDGER_DIRECTORY)
            """,
            valueName: "file-or-url"
        ),
        completion: .file()
    )
    var directory: String?

    @Flag(help: "Print every setting and where it comes from, secrets hidden, and end.")
    var printConfig = false

    @Option(
        help: ArgumentHelp(
            """
            A JSON Web Key Set with the keys of tokens: a file, or an https address that is asked \
            again every few minutes. Without it the local key's. (EPISODE_LEDGER_JWKS)
            """,
            valueName: "file-or-url"
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

    private var keySet: String? { jwks ?? Setting.jwks.value }

    private var tokenIssuer: String? { issuer ?? Setting.issuer.value }

    private var certificate: String? { tlsCertificate ?? Setting.tlsCertificate.value }

    private var certificateKey: String? { tlsKey ?? Setting.tlsKey.value }

    func validate() throws {
        try provider.validate(pages)
        if keySet != nil, tokenIssuer == nil { throw ValidationError("--jwks takes --issuer") }
        if (certificate == nil) != (certificateKey == nil) {
            throw ValidationError("--tls-certificate and --tls-key go together")
        }
    }

    func run() async throws {
        let command = self
        if printConfig {
            return try await Session.runOffline(options) { ServeConfiguration(command).print($0) }
        }
        // Before anything is opened.
        do {
            try OpenFiles.raise()
        } catch {
            Console.note("error: \(error)")
            throw ExitCode(ExitStatus.failed.rawValue)
        }
        do {
            try await Session.run(options, isEndedBySignal: true) { session in
                try await command.serve(session)
            }
        } catch {
            await LogQueue.standardError.flush()
            throw error
        }
        await LogQueue.standardError.flush()
    }

    private func serve(_ session: Session) async throws {
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        var settings = LedgerService.Settings()
        settings.runsWorkers = !(withoutWorkers || Setting.withoutWorkers.isOn)
        settings.allowsPrivateNetworks = allowPrivateWebhooks || Setting.allowPrivateWebhooks.isOn
        settings.holder = Session.holder
        try serving.apply(to: &settings)
        settings.pages.publicOrigin = try pages.origin()
        settings.pages.usesTLS = certificate != nil
        settings.pages.provider = try await provider.provider(pages)
        settings.pages.trustedProxies = try provider.proxies()
        settings.pages.takesLinks = try settings.pages.provider == nil && pages.takesLinks()
        let (sealing, folder) = (sealing, options.dataDirectory)
        let logger = Logger(label: "episode-ledger") { JSONLog(label: $0, level: .info) }
        settings.pages.directory = try (directory ?? Setting.directory.value).map { place in
            try Directory(place) { logger.warning("\($0)") }
        }
        let service = LedgerService(
            session.database,
            authenticator: try await authenticator(),
            settings: settings,
            place: { sealing.place($0, dataDirectory: folder) }
        ) { logger.warning("\($0)") }
        let (pages, address) = (pages, pages.address)
        let takesLinks = settings.pages.takesLinks
        let tls = try tlsConfiguration()
        let scheme = tls == nil ? "http" : "https"
        let application = try buildApplication(
            service,
            host: address,
            port: pages.portNumber ?? 8_080,
            health: try serving.health().map { port in
                HealthPlace(port: port) { port in
                    Console.note("health and metrics on http://\(Self.place(address, port))")
                }
            },
            tls: tls,
            metrics: metrics,
            logger: logger
        ) { port in
            Console.note("serving on \(scheme)://\(Self.place(address, port))")
            guard takesLinks else { return }
            do {
                let link = try await pages.newLink(session, port: port, scheme: scheme)
                try PageOptions.announce(link, dataDirectory: folder)
            } catch {
                logger.warning(
                    "no link to sign in with could be made; episode-ledger sign-in-link prints one"
                )
            }
        }
        var configuration = ServiceGroupConfiguration(services: [application], logger: logger)
        // A client that takes nothing holds up nobody for longer.
        configuration.maximumGracefulShutdownDuration = .seconds(15)
        let group = ServiceGroup(configuration: configuration)
        let shutdown = session.shutdown
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                while !shutdown.isRequested, !Task.isCancelled {
                    await shutdown.wait(atMost: .seconds(3_600))
                }
                service.prepareToStop()
                await group.triggerGracefulShutdown()
            }
            // Whichever ends first: a service that cannot listen, or one that was asked to end.
            try await tasks.next()
            if shutdown.isRequested { try await tasks.next() }
            tasks.cancelAll()
        }
    }

    private static func place(_ address: String, _ port: Int) -> String {
        address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    private func tlsConfiguration() throws -> TLSConfiguration? {
        guard let certificate, let certificateKey else { return nil }
        do {
            return try ServiceTLS.configuration(certificate: certificate, key: certificateKey)
        } catch let error as SealError {
            throw Failure.failed("--tls-key \(error)")
        } catch {
            throw Failure.failed(
                "--tls-certificate and --tls-key must be PEM files of a certificate and its key"
            )
        }
    }

    private func authenticator() async throws -> Authenticator {
        let audience = audience ?? Setting.audience.value ?? LocalTokens.audience
        guard let keySet else {
            return try await Authenticator(
                jwks: tokens.local(options.dataDirectory).jwks,
                issuer: LocalTokens.issuer,
                audience: audience
            )
        }
        let issuer = tokenIssuer ?? ""
        if keySet.contains("://") {
            return try Authenticator(jwksURL: keySet, issuer: issuer, audience: audience)
        }
        do {
            try SecretFile.checkDeciding(keySet)
        } catch {
            throw Failure.failed("--jwks \(error)")
        }
        let bytes = try await InputFile.bytes(
            keySet,
            limit: 1 << 20,
            orElse: "a key set of more than a megabyte"
        )
        return try await Authenticator(jwks: bytes, issuer: issuer, audience: audience)
    }
}
