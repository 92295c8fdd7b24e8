import CareEpisode
import FoundationEssentials
import Glibc
import JWTKit
import Synchronization
import TransparencyLog

/// Checks bearer tokens against known keys.
///
/// A key is found by its exact `kid` and used with its own algorithm alone; there is no default key.
public final class Authenticator: Sendable {
    /// Where keys come from.
    private enum Source: Sendable {
        case fixed(TokenKeys)
        case remote(RemoteKeys)
    }

    private let source: Source
    /// Tokens that were checked lately, so that a busy caller's signature is not checked each time;
    /// a key that is withdrawn counts until then at most.
    ///
    /// By their bytes: what was signed is bytes.
    private let checked = Mutex<[[UInt8]: Checked]>([:])

    private struct Checked {
        let principal: Principal
        let until: Double
    }

    private static let checkedLimit = 4_096
    private static let checkedSeconds = 60.0
    /// Longer ones are checked each time.
    private static let checkedBytes = 2_048

    private let issuer: String
    private let audience: String

    /// Later times are taken for this one, the year 5138.
    private static let latest = 1e11

    /// Takes the keys of a JSON Web Key Set (RFC 7517).
    ///
    /// - Parameters:
    ///   - jwks: the set, of RSA, P-256 and Ed25519 keys, each with its own `kid`.
    ///   - issuer: what `iss` must be.
    ///   - audience: what `aud` must be or hold.
    /// - Throws: ``AuthenticationError`` where a key cannot be used.
    public init(jwks: [UInt8], issuer: String, audience: String) async throws {
        source = .fixed(try await TokenKeys(jwks: jwks))
        self.issuer = issuer
        self.audience = audience
    }

    /// Takes the keys that an address serves, now and later.
    ///
    /// - Parameters:
    ///   - url: of a JSON Web Key Set; `https`, or `http` on this machine.
    ///   - issuer: what `iss` must be.
    ///   - audience: what `aud` must be or hold.
    /// - Throws: ``AuthenticationError`` where the address cannot be used. That nothing answers there
    ///   yet is no error: tokens are not accepted until it does.
    public init(jwksURL url: String, issuer: String, audience: String) throws {
        source = .remote(try RemoteKeys(url))
        self.issuer = issuer
        self.audience = audience
    }

    /// Keeps keys fresh until the task is cancelled.
    func run() async {
        if case .remote(let keys) = source { await keys.run() }
    }

    /// Whether there are keys to check tokens with.
    var hasKeys: Bool {
        switch source {
        case .fixed: true
        case .remote(let keys): keys.isUsable
        }
    }

    private func key(_ kid: String) async throws -> TokenKeys.Key? {
        switch source {
        case .fixed(let keys): keys[kid]
        case .remote(let keys): try await keys.key(kid)
        }
    }

    /// Checks a token.
    ///
    /// - Throws: ``AuthenticationError/refused(_:)``, which says why and nothing of the token;
    ///   ``AuthenticationError/unavailable`` while there are no keys.
    public func principal(_ token: some StringProtocol) async throws -> Principal {
        let (text, now) = (String(token), Double(time(nil)))
        let bytes = text.utf8.count <= Self.checkedBytes ? Array(text.utf8) : []
        if !bytes.isEmpty, let known = checked.withLock({ $0[bytes] }), known.until > now {
            return known.principal
        }
        let claims: Claims = try await SignedToken.claims(
            of: text,
            types: ["jwt", "at+jwt"]
        ) { kid in try await key(kid) }
        let principal = try principal(claims)
        let until = min(now + Self.checkedSeconds, claims.exp + SignedToken.leeway)
        guard !bytes.isEmpty else { return principal }
        checked.withLock { checked in
            if checked.count >= Self.checkedLimit { checked.removeAll() }
            checked[bytes] = Checked(principal: principal, until: until)
        }
        return principal
    }

    private func principal(_ claims: Claims) throws -> Principal {
        let now = Double(time(nil))
        guard claims.iss.hasSameBytes(as: issuer) else {
            throw refused("it is of another issuer")
        }
        guard claims.aud.contains(where: { $0.hasSameBytes(as: audience) }) else {
            throw refused("it is for another audience")
        }
        guard claims.exp > now - SignedToken.leeway else { throw refused("it has expired") }
        if let nbf = claims.nbf, nbf > now + SignedToken.leeway {
            throw refused("it is not valid yet")
        }
        guard SignedToken.isName(claims.sub) else { throw refused("it names no subject") }
        let names = Set(claims.ledgers)
        return Principal(
            subject: claims.sub,
            roles: Set(claims.roles.compactMap { Role(rawValue: $0) }),
            ledgers: names.contains("*") ? nil : Set(names.compactMap { LedgerName($0) }),
            expiresAt: Instant(microseconds: Int64(min(claims.exp, Self.latest) * 1_000_000))
        )
    }

    private func refused(_ reason: String) -> AuthenticationError { .refused(reason) }
}

/// Why a token or a key set is not accepted.
public enum AuthenticationError: Error, CustomStringConvertible {
    /// The token is refused, for this reason.
    case refused(String)
    /// The key set cannot be used, for this reason.
    case unusableKeys(String)
    /// There are no keys now: none could be fetched, or not for too long.
    case unavailable

    /// What is wrong.
    public var description: String {
        switch self {
        case .refused(let reason): "the token is refused: \(reason)"
        case .unusableKeys(let reason): "the keys for tokens cannot be used: \(reason)"
        case .unavailable: "the keys for tokens cannot be fetched now: try again"
        }
    }
}

/// The claims of a token; times are seconds since 1970.
struct Claims: JWTPayload {
    var iss: String
    var sub: String
    var aud: [String]
    var exp: Double
    var nbf: Double?
    var iat: Double?
    var roles: [String]
    var ledgers: [String]

    init(
        iss: String,
        sub: String,
        aud: [String],
        exp: Double,
        iat: Double,
        roles: [String],
        ledgers: [String]
    ) {
        (self.iss, self.sub, self.aud, self.exp, self.iat) = (iss, sub, aud, exp, iat)
        (self.roles, self.ledgers) = (roles, ledgers)
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        iss = try values.decode(String.self, forKey: .iss)
        sub = try values.decode(String.self, forKey: .sub)
        // One audience may stand without a list.
        if let one = try? values.decode(String.self, forKey: .aud) {
            aud = [one]
        } else {
            aud = try values.decode([String].self, forKey: .aud)
        }
        exp = try values.decode(Double.self, forKey: .exp)
        nbf = try values.decodeIfPresent(Double.self, forKey: .nbf)
        iat = try values.decodeIfPresent(Double.self, forKey: .iat)
        roles = try values.decodeIfPresent([String].self, forKey: .roles) ?? []
        ledgers = try values.decodeIfPresent([String].self, forKey: .ledgers) ?? []
    }

    func verify(using algorithm: some JWTAlgorithm) async throws {}
}
