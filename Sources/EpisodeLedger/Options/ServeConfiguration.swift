import CareEpisode
import Documents
import ProjectionRuntime
import Server

/// What all options, variables and the file come to.
struct ServeConfiguration: Sendable {
    private let command: Serve

    init(_ command: Serve) {
        self.command = command
    }

    /// What was given on the command line, and what counts where nothing was given.
    private func given(_ setting: Setting) -> (option: String?, standard: String?) {
        let (options, tokens) = (command.options, command.tokens)
        let folder = options.dataDirectory
        return switch setting {
        case .databaseURL: (options.database, nil)
        case .dataDirectory: (options.dataDir, ".episode-ledger")
        case .transactionPooling: (options.transactionPooling ? "true" : nil, "false")
        case .ledger: (options.ledger?.description, LedgerName.default.description)
        case .format: (options.format?.rawValue, nil)
        case .host: (command.pages.host, "127.0.0.1")
        case .port: (command.pages.port.map(String.init), "8080")
        case .publicURL: (command.pages.publicURL, nil)
        case .oidcIssuer: (command.provider.oidcIssuer, nil)
        case .oidcClient: (command.provider.oidcClient, nil)
        case .oidcClientSecretFile: (command.provider.oidcClientSecretFile, nil)
        case .oidcClaims: (command.provider.oidcClaims, nil)
        case .trustedProxy: (proxies, nil)
        case .healthPort: (command.serving.healthPort.map(String.init), nil)
        case .connectionsPerAddress: (command.serving.connectionsPerAddress.map(String.init), nil)
        case .requestsPerToken: (command.serving.requestsPerToken.map(String.init), nil)
        case .requestsPerLedger: (command.serving.requestsPerLedger.map(String.init), nil)
        case .directory: (command.directory, nil)
        case .withoutWorkers: (command.withoutWorkers ? "true" : nil, "false")
        case .jwks: (command.jwks, nil)
        case .issuer: (command.issuer, LocalTokens.issuer)
        case .audience: (command.audience, LocalTokens.audience)
        case .tokenKey: (tokens.tokenKey, "\(folder)/tokens/token.key")
        case .tlsCertificate: (command.tlsCertificate, nil)
        case .tlsKey: (command.tlsKey, nil)
        case .allowPrivateWebhooks: (command.allowPrivateWebhooks ? "true" : nil, "false")
        case .signingKey: (command.sealing.signingKey, "\(folder)/sealing/")
        case .checkpointLog: (command.sealing.checkpointLog, "\(folder)/sealing/")
        case .logName: (command.sealing.logName, "episode-ledger")
        }
    }

    private var proxies: String? {
        let given = command.provider.trustedProxy
        return given.isEmpty ? nil : given.joined(separator: ",")
    }

    private var lines: [(name: String, value: String?, source: Setting.Source)] {
        Setting.allCases.map { setting in
            let (option, standard) = given(setting)
            let found = option.map { ($0, Setting.Source.option) } ?? setting.found
            let (value, source) = found ?? (standard, .standard)
            let isOn = ["1", "true"].contains(value)
            let shown = setting.isSwitch ? "\(isOn)" : value
            return (
                setting.rawValue,
                shown.map { setting.isSecret ? "<hidden>" : $0.withoutSecrets },
                source
            )
        }
    }

    func print(_ format: OutputFormat) {
        switch format {
        case .json:
            let members = lines.map { line in
                let value: AnswerJSON = [
                    "value": .text(line.value), "source": .string(line.source.rawValue),
                ]
                return (name: line.name, value: value)
            }
            Console.print(AnswerJSON.object(members).bytes)
        case .text:
            let table = Document.Table.wide(
                "",
                ["setting", "value", "from"],
                lines.map { [$0.name, $0.value ?? "", $0.source.rawValue] }
            )
            Console.print(Document("Settings", isTitleShown: false, [.table(table)]))
        }
    }
}

extension String {
    /// The text without what an address of the web holds for its server alone: who signs in there, and
    /// what stands behind the path, such as a token.
    fileprivate var withoutSecrets: String {
        guard let mark = firstRange(of: "://") else { return self }
        let (scheme, rest) = (self[..<mark.upperBound], self[mark.upperBound...])
        // A password may hold signs that nobody has escaped.
        let sign = rest.lastIndex(of: "@")
        if let sign, rest[..<sign].contains(where: { "?#".contains($0) }) {
            return "\(scheme)<hidden>"
        }
        let place = sign.map { rest[rest.index(after: $0)...] } ?? rest
        let shown = sign == nil ? String(scheme) : "\(scheme)<hidden>@"
        guard let query = place.firstIndex(where: { "?#".contains($0) }) else {
            return shown + place
        }
        return shown + place[...query] + "<hidden>"
    }
}
