import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOPosix

/// Where a webhook is sent: checked when it is put, and again when it is sent to, which goes to the very
/// addresses that were checked.
struct WebhookAddress: Sendable {
    /// As it was put.
    let url: String
    /// Its scheme, host and port: nothing of it is a secret.
    let origin: String
    private let host: String
    private let allowsPrivate: Bool

    /// Why an address may not be used; nil where it may.
    ///
    /// The name is not looked up.
    static func refusal(of text: String, _ allowsPrivate: Bool) -> String? {
        do {
            _ = try WebhookAddress(text, allowsPrivate: allowsPrivate)
            return nil
        } catch let error as WebhookError {
            return error.detail
        } catch {
            return "is not an address"
        }
    }

    /// Reads an address.
    ///
    /// - Throws: ``WebhookError``.
    init(_ text: String, allowsPrivate: Bool) throws {
        guard text.utf8.count <= 2_048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host, !host.isEmpty, parts.encodedHost == host,
            // What is checked here is what the client will connect to.
            URL(string: text)?.host == host || host.hasPrefix("[")
        else {
            throw WebhookError("invalid_url", "must be an absolute address, at most 2048 bytes")
        }
        guard scheme == "https" || scheme == "http" && allowsPrivate else {
            throw WebhookError("not_https", "must begin with https://")
        }
        guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
            throw WebhookError("invalid_url", "must have neither user nor fragment")
        }
        let port = parts.port ?? (scheme == "https" ? 443 : 80)
        guard (1...65_535).contains(port) else {
            throw WebhookError("invalid_url", "must have a port from 1 to 65535")
        }
        url = text
        origin = "\(scheme)://\(host.lowercased()):\(port)"
        self.allowsPrivate = allowsPrivate
        // An IPv6 address stands in brackets.
        self.host =
            host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast()) : host
        guard let literal = NetworkAddress(self.host) else { return }
        guard allowsPrivate || PublicNetwork.contains(literal) else { throw Self.notPublic }
    }

    private static let notPublic = WebhookError(
        "not_public",
        "must not be of a private network; the operator can allow it"
    )

    /// The addresses that the name has now, each of which may be connected to.
    ///
    /// - Throws: ``WebhookError`` where it has none, or one that is not public.
    func addresses(_ lookUp: @escaping NetworkAddress.LookUp) async throws -> [NetworkAddress] {
        let host = host
        let found = try await NIOThreadPool.singleton.runIfActive { lookUp(host) }
        guard !found.isEmpty else { throw WebhookError("unknown_host", "its name is not known") }
        // One address that is not public among others is a trick, or a mistake.
        guard allowsPrivate || found.allSatisfy(PublicNetwork.contains) else {
            throw Self.notPublic
        }
        return found
    }

    /// The client that connects to one address, and to no other, whatever is answered.
    ///
    /// A certificate must be that of the name.
    ///
    /// - Parameter limit: how long the connection may take, TLS included.
    func client(to address: NetworkAddress, within limit: Duration) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(limit), read: .seconds(15)),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.dnsOverride = [host: address.text]
        // The next address is tried instead.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}

/// Why something cannot be sent to an address.
struct WebhookError: Error, Sendable {
    /// A stable code.
    let code: String
    /// In words that follow "url".
    let detail: String

    init(_ code: String, _ detail: String) {
        (self.code, self.detail) = (code, detail)
    }
}
