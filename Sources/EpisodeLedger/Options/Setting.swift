import Configuration
import FoundationEssentials
import Ledger
import Synchronization
import SystemPackage

/// Everything that can be set otherwise than on the command line.
///
/// By an environment variable, or in the file that `--config` names: an option beats a variable, a variable beats the file.
enum Setting: String, CaseIterable {
    case databaseURL = "database_url"
    case dataDirectory = "data_dir"
    case transactionPooling = "transaction_pooling"
    case ledger
    case format
    case host
    case port
    case publicURL = "public_url"
    case oidcIssuer = "oidc_issuer"
    case oidcClient = "oidc_client"
    case oidcClientSecretFile = "oidc_client_secret_file"
    case oidcClaims = "oidc_claims"
    case trustedProxy = "trusted_proxy"
    case healthPort = "health_port"
    case connectionsPerAddress = "connections_per_address"
    case requestsPerToken = "requests_per_token"
    case requestsPerLedger = "requests_per_ledger"
    case directory
    case withoutWorkers = "without_workers"
    case jwks
    case issuer
    case audience
    case tokenKey = "token_key"
    case tlsCertificate = "tls_certificate"
    case tlsKey = "tls_key"
    case allowPrivateWebhooks = "allow_private_webhooks"
    case signingKey = "signing_key"
    case checkpointLog = "checkpoint_log"
    case logName = "log_name"

    /// Whether it can hold a secret, and is never printed.
    var isSecret: Bool { self == .databaseURL }

    /// Whether it is on or off.
    var isSwitch: Bool {
        [.transactionPooling, .withoutWorkers, .allowPrivateWebhooks].contains(self)
    }

    /// The variable: `EPISODE_LEDGER_` and the name in capitals.
    var variable: String { "EPISODE_LEDGER_\(rawValue.uppercased())" }

    // MARK: - Values

    /// Where a value came from.
    enum Source: String {
        case option, environment, file
        case standard = "default"
    }

    /// What the environment or the file says; nil where neither does.
    ///
    /// An empty variable counts as absent.
    var value: String? { found?.value }

    /// Whether a switch is on: `1` or `true`.
    var isOn: Bool { ["1", "true"].contains(value) }

    /// How an error names where the value came from.
    var place: String {
        found?.source == .file ? "\(rawValue) in the configuration file" : variable
    }

    /// The value and where it came from.
    var found: (value: String, source: Source)? {
        Self.providers.withLock { providers in
            let key = AbsoluteConfigKey(["episode_ledger", rawValue])
            for (source, provider) in providers {
                if let value = Self.text(provider, key), !value.isEmpty { return (value, source) }
            }
            return nil
        }
    }

    private static func text(_ provider: any ConfigProvider, _ key: AbsoluteConfigKey) -> String? {
        for type in [ConfigType.string, .int, .bool] {
            guard let content = (try? provider.value(forKey: key, type: type))?.value?.content
            else { continue }
            switch content {
            case .string(let text): return text
            case .int(let number): return String(number)
            case .bool(let value): return String(value)
            default: return nil
            }
        }
        return nil
    }

    private static let providers = Mutex<[(Source, any ConfigProvider)]>([
        (.environment, EnvironmentVariablesProvider())
    ])

    // MARK: - The file

    /// Reads the file that the arguments, or `EPISODE_LEDGER_CONFIG`, name; before anything else is
    /// read, since it stands in for options that are not given.
    ///
    /// - Throws: ``Failure/failed(_:)``.
    static func load(_ arguments: [String]) async throws {
        guard let path = path(arguments), !path.isEmpty else { return }
        do {
            try SecretFile.checkDeciding(path)
            try check(path)
            let file = try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
            // The variables' prefix is not repeated in the file.
            let provider = KeyMappingProvider(upstream: file) { key in
                AbsoluteConfigKey(Array(key.components.dropFirst()))
            }
            providers.withLock { $0.append((.file, provider)) }
        } catch let failure as Failure {
            throw failure
        } catch let error as SealError {
            throw Failure.failed("--config \(error)")
        } catch {
            throw Failure.failed("\(path): it cannot be read as a JSON object")
        }
    }

    private static func path(_ arguments: [String]) -> String? {
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { break }
            if argument.hasPrefix("--config=") { return String(argument.dropFirst(9)) }
            if argument == "--config", index + 1 < arguments.count { return arguments[index + 1] }
        }
        return ProcessInfo.processInfo.environment["EPISODE_LEDGER_CONFIG"]
    }

    /// A misspelled name would be a setting that silently does not count.
    private static func check(_ path: String) throws {
        struct Value: Decodable {
            init(from decoder: any Decoder) throws {
                let value = try decoder.singleValueContainer()
                if (try? value.decode(String.self)) != nil { return }
                if (try? value.decode(Int.self)) != nil { return }
                _ = try value.decode(Bool.self)
            }
        }
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw Failure.failed("\(path): it cannot be opened")
        }
        guard data.count <= 1 << 20 else { throw Failure.failed("\(path): more than a megabyte") }
        let values: [String: Value]
        do {
            values = try JSONDecoder().decode([String: Value].self, from: data)
        } catch {
            throw Failure.failed(
                "\(path): it must be a JSON object of texts, whole numbers, true and false"
            )
        }
        for name in values.keys.sorted() where Setting(rawValue: name) == nil {
            let known = Setting.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure.failed("\(path): \"\(name)\" is not a setting; there are \(known)")
        }
    }
}
