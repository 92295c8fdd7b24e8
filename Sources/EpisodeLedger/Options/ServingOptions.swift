import ArgumentParser
import Server

/// How much of the service one client may take, and where probes find it.
struct ServingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Answer /metrics at this port alone, and /healthz and /readyz there too; plain HTTP on \
            --host. (EPISODE_LEDGER_HEALTH_PORT)
            """,
            valueName: "port"
        )
    )
    var healthPort: Int?

    @Option(
        help: ArgumentHelp(
            """
            The most connections of one address at a time; behind --trusted-proxy, the most \
            requests of one client's address. Usually 2048. (EPISODE_LEDGER_CONNECTIONS_PER_ADDRESS)
            """,
            valueName: "n"
        )
    )
    var connectionsPerAddress: Int?

    @Option(
        help: ArgumentHelp(
            """
            The most requests of one token at a time. Usually 512. \
            (EPISODE_LEDGER_REQUESTS_PER_TOKEN)
            """,
            valueName: "n"
        )
    )
    var requestsPerToken: Int?

    @Option(
        help: ArgumentHelp(
            """
            The most requests about one ledger at a time. Usually 2048. \
            (EPISODE_LEDGER_REQUESTS_PER_LEDGER)
            """,
            valueName: "n"
        )
    )
    var requestsPerLedger: Int?

    /// The most that a number may be.
    private static let most = 1_000_000

    func validate() throws {
        var settings = LedgerService.Settings()
        try apply(to: &settings)
    }

    /// The port of probes and metrics; nil for none of their own.
    func health() throws -> Int? {
        try number(healthPort, .healthPort, "--health-port", 0...65_535)
    }

    /// Sets what is given.
    func apply(to settings: inout LedgerService.Settings) throws {
        _ = try health()
        if let number = try number(
            connectionsPerAddress,
            .connectionsPerAddress,
            "--connections-per-address",
            1...Self.most
        ) {
            settings.connectionsPerAddress = number
        }
        if let number = try number(
            requestsPerToken,
            .requestsPerToken,
            "--requests-per-token",
            1...Self.most
        ) {
            settings.requestsPerToken = number
        }
        if let number = try number(
            requestsPerLedger,
            .requestsPerLedger,
            "--requests-per-ledger",
            1...Self.most
        ) {
            settings.requestsPerLedger = number
        }
    }

    private func number(
        _ option: Int?,
        _ setting: Setting,
        _ name: String,
        _ range: ClosedRange<Int>
    ) throws -> Int? {
        guard option != nil || setting.value != nil else { return nil }
        let place = option == nil ? setting.place : name
        guard let number = option ?? setting.value.flatMap({ Int($0) }), range.contains(number)
        else {
            throw ValidationError(
                "\(place) must be from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }
}
