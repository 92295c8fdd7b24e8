import AsyncHTTPClient
import Crypto
import FoundationEssentials
import Ledger
import NIOCore
import NIOHTTP1
import Pages
import Synchronization

/// An identity provider that people sign in with: OpenID Connect by code, with PKCE.
public struct OpenIDSettings: Sendable {
    /// The provider, as its tokens name it.
    public let issuer: String
    /// This service, as the provider knows it.
    public let client: String
    /// The client's secret; nil of a public client.
    public let secret: String?
    /// What claims come to.
    public let claims: ClaimMapping
    /// Where browsers come back to from the provider.
    public let origin: PublicOrigin
    /// The least time between two requests for the provider's metadata, and for its keys.
    var cooldown: Duration = .seconds(10)

    /// Names a provider.
    ///
    /// - Throws: ``OpenIDError/unusable(_:)`` where the issuer is no address that may be asked.
    public init(
        issuer: String,
        client: String,
        secret: String?,
        claims: ClaimMapping,
        origin: PublicOrigin
    ) throws {
        guard RemoteAnswer.isAllowed(issuer), !issuer.contains("?"), !issuer.contains("#") else {
            throw OpenIDError.unusable(
                "must begin with https:// (http:// on this computer) and have no query"
            )
        }
        (self.issuer, self.client, self.secret) = (issuer, client, secret)
        (self.claims, self.origin) = (claims, origin)
    }

    /// The provider as people know it: its host.
    var name: String { ProviderMetadata.host(issuer) ?? issuer }

    /// Where the provider leads back to with a code.
    var callback: String { "\(origin.description)/sign-in/callback" }

    /// Where the provider leads back to after signing out.
    var signedOut: String { "\(origin.description)/sign-in" }
}

/// Why nobody was signed in.
public enum OpenIDError: Error, CustomStringConvertible {
    /// The provider cannot be used at all, for this reason.
    case unusable(String)
    /// It does not answer, or not now.
    case away(String)
    /// What it or the browser sent is refused, for this reason.
    case refused(String)

    /// What is wrong.
    public var description: String {
        switch self {
        case .unusable(let reason), .away(let reason), .refused(let reason): reason
        }
    }
}

/// Talks to an identity provider.
///
/// Its metadata and keys are fetched when the service starts and every few minutes; what it served
/// last goes on while it is away: ``RemoteDocument``.
final class OpenIDProvider: Sendable {
    let settings: OpenIDSettings
    private let document: RemoteDocument<ProviderMetadata>
    private let keys = Mutex<(address: String, keys: RemoteKeys)?>(nil)

    init(_ settings: OpenIDSettings) {
        self.settings = settings
        let issuer = settings.issuer
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        document = RemoteDocument(
            "\(base)/.well-known/openid-configuration",
            cooldown: settings.cooldown
        ) { try ProviderMetadata($0, issuer: issuer) }
    }

    /// Keeps metadata and keys fresh until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await document.refresh()
            if let known { try? await keys(of: known).refresh() }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// What the provider says of itself, as far as that is known; nothing is asked for.
    var known: ProviderMetadata? { document.value }

    /// What the provider says of itself.
    ///
    /// - Throws: ``OpenIDError/away(_:)``.
    func metadata() async throws -> ProviderMetadata {
        if let known { return known }
        guard let fetched = try await document.renewed() else {
            throw OpenIDError.away(document.trouble ?? "it does not answer")
        }
        return fetched
    }

    private func keys(of metadata: ProviderMetadata) throws -> RemoteKeys {
        try keys.withLock { keys in
            if let keys, keys.address == metadata.keys { return keys.keys }
            let new = try RemoteKeys(metadata.keys, cooldown: settings.cooldown)
            keys = (metadata.keys, new)
            return new
        }
    }

    // MARK: - Signing in

    /// The address at which the provider signs somebody in.
    ///
    /// - Throws: ``OpenIDError/away(_:)``.
    func authorizationAddress(
        _ flow: SignInFlow,
        state: String
    ) async throws -> String {
        let challenge = Base64URL.encode(SHA256.hash(data: Array(flow.verifier.utf8)))
        return Self.address(
            try await metadata().authorizationEndpoint,
            [
                ("response_type", "code"), ("client_id", settings.client),
                ("redirect_uri", settings.callback),
                ("scope", (["openid"] + settings.claims.scopes).joined(separator: " ")),
                ("state", state), ("nonce", flow.nonce), ("code_challenge", challenge),
                ("code_challenge_method", "S256"),
            ]
        )
    }

    /// Whom a code stands for.
    ///
    /// - Throws: ``OpenIDError``, ``AuthenticationError``.
    func claims(
        code: String,
        _ flow: SignInFlow
    ) async throws -> (subject: String, claims: ProviderClaims) {
        let metadata = try await metadata()
        let token = try await idToken(code, flow, metadata)
        let claims: ProviderClaims = try await verified(token, ["jwt"], metadata)
        let subject = try claims.subject(
            issuer: settings.issuer,
            client: settings.client,
            nonce: flow.nonce
        )
        return (subject, claims)
    }

    /// Exchanges a code for an ID token (RFC 6749, 4.1.3).
    private func idToken(
        _ code: String,
        _ flow: SignInFlow,
        _ metadata: ProviderMetadata
    ) async throws -> String {
        var fields = [
            ("grant_type", "authorization_code"), ("code", code),
            ("redirect_uri", settings.callback), ("code_verifier", flow.verifier),
        ]
        var request = HTTPClientRequest(url: metadata.tokenEndpoint)
        request.method = .POST
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        if let secret = settings.secret, !metadata.takesSecretInForm {
            let pair = "\(PageAddress.encoded(settings.client)):\(PageAddress.encoded(secret))"
            let code = Data(pair.utf8).base64EncodedString()
            request.headers.add(name: "authorization", value: "Basic \(code)")
        } else {
            fields.append(("client_id", settings.client))
            if let secret = settings.secret { fields.append(("client_secret", secret)) }
        }
        request.body = .bytes(ByteBuffer(string: Self.form(fields)))
        let answer: RemoteAnswer
        do {
            answer = try await RemoteAnswer.to(request)
        } catch {
            throw OpenIDError.away("it does not answer when a code is exchanged")
        }
        guard answer.status < 500 else {
            throw OpenIDError.away("it answers with \(answer.status) when a code is exchanged")
        }
        struct Raw: Decodable {
            var token: String?
            enum CodingKeys: String, CodingKey { case token = "id_token" }
        }
        guard answer.status == 200,
            let raw = try? JSONDecoder().decode(Raw.self, from: Data(answer.body)),
            let token = raw.token
        else { throw OpenIDError.refused("the provider gave no ID token for the code") }
        return token
    }

    /// What a token says, checked against the provider's keys.
    private func verified(
        _ token: String,
        _ types: Set<String>,
        _ metadata: ProviderMetadata
    ) async throws -> ProviderClaims {
        let keys = try keys(of: metadata)
        return try await SignedToken.claims(of: token, types: types) { try await keys.key($0) }
    }

    // MARK: - Signing out

    /// Where the provider signs somebody out, and leads back; nil where it does not, or is not known
    /// now.
    var endSessionAddress: String? {
        known?.endSessionEndpoint.map { endpoint in
            Self.address(
                endpoint,
                [("client_id", settings.client), ("post_logout_redirect_uri", settings.signedOut)]
            )
        }
    }

    /// What a logout token ends.
    ///
    /// - Throws: ``OpenIDError``, ``AuthenticationError``.
    func logout(
        _ token: String
    ) async throws -> (token: String, session: String?, subject: String?) {
        try await verified(token, ["jwt", "logout+jwt"], metadata())
            .logout(issuer: settings.issuer, client: settings.client)
    }

    // MARK: - Addresses

    private static func address(_ endpoint: String, _ fields: [(String, String)]) -> String {
        "\(endpoint)\(endpoint.contains("?") ? "&" : "?")\(form(fields))"
    }

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\(PageAddress.encoded($1))" }.joined(separator: "&")
    }
}
