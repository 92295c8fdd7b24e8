import FoundationEssentials

/// What an identity provider says of itself (OpenID Connect Discovery 1.0, RFC 8414).
struct ProviderMetadata: Sendable, Hashable {
    let authorizationEndpoint: String
    let tokenEndpoint: String
    let keys: String
    /// Nil where the provider does not sign out.
    let endSessionEndpoint: String?
    /// Whether the client's secret goes into the form, and not into a header.
    let takesSecretInForm: Bool
    /// Whether every answer names its issuer (RFC 9207).
    let namesIssuer: Bool

    private struct Raw: Decodable {
        var issuer: String?
        var authorizationEndpoint: String?
        var tokenEndpoint: String?
        var jwksUri: String?
        var endSessionEndpoint: String?
        var tokenEndpointAuthMethodsSupported: [String]?
        var authorizationResponseIssParameterSupported: Bool?
        var codeChallengeMethodsSupported: [String]?
    }

    /// Reads the document.
    ///
    /// - Throws: ``OpenIDError/unusable(_:)``.
    init(_ bytes: [UInt8], issuer: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let raw = try? decoder.decode(Raw.self, from: Data(bytes)) else {
            throw OpenIDError.unusable("its metadata cannot be read")
        }
        guard raw.issuer == issuer else {
            throw OpenIDError.unusable("its metadata is that of another issuer")
        }
        func address(_ text: String?, _ name: String) throws -> String {
            guard let text, RemoteAnswer.isAllowed(text), !text.contains("#") else {
                throw OpenIDError.unusable("its \(name) is not an https address")
            }
            return text
        }
        authorizationEndpoint = try address(raw.authorizationEndpoint, "authorization_endpoint")
        tokenEndpoint = try address(raw.tokenEndpoint, "token_endpoint")
        keys = try address(raw.jwksUri, "jwks_uri")
        endSessionEndpoint = try raw.endSessionEndpoint.map {
            try address($0, "end_session_endpoint")
        }
        guard raw.codeChallengeMethodsSupported?.contains("S256") ?? true else {
            throw OpenIDError.unusable("it does not take PKCE with S256")
        }
        let methods = raw.tokenEndpointAuthMethodsSupported ?? ["client_secret_basic"]
        takesSecretInForm =
            !methods.contains("client_secret_basic") && methods.contains("client_secret_post")
        namesIssuer = raw.authorizationResponseIssParameterSupported ?? false
    }

    /// Where forms of the pages may lead.
    var origins: [String] {
        let all = [authorizationEndpoint, endSessionEndpoint].compactMap(\.self)
        return Set(all.compactMap(Self.origin)).sorted()
    }

    /// The host and port of an address.
    static func host(_ url: String) -> String? {
        origin(url).flatMap { origin in
            origin.firstRange(of: "://").map { String(origin[$0.upperBound...]) }
        }
    }

    /// The scheme, host and port of an address; nil where they cannot stand in a header.
    static func origin(_ url: String) -> String? {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme,
            let host = parts.encodedHost,
            host.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ";") })
        else { return nil }
        return "\(scheme)://\(host)\(parts.port.map { ":\($0)" } ?? "")"
    }
}
