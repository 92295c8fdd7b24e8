import CareEpisode
import FoundationEssentials
import Glibc
import JWTKit

/// Checks bearer tokens against known keys.
///
/// A key is found by its exact `kid` and used with its own algorithm alone; there is no default key.
public struct Authenticator: Sendable {
    private struct Key: Sendable {
        let algorithm: String
        let collection: JWTKeyCollection
    }

    private let keys: [String: Key]
    private let issuer: String
    private let audience: String

    /// The algorithms that are accepted.
    static let algorithms: Set<String> = ["RS256", "ES256", "EdDSA"]
    /// The longest token that is looked at, in bytes.
    static let tokenLimit = 16_384
    /// How far the issuer's clock may be off, in seconds.
    static let leeway = 60.0

    /// Reads a JSON Web Key Set (RFC 7517).
    ///
    /// - Parameters:
    ///   - jwks: the set, of RSA, P-256 and Ed25519 keys, each with its own `kid`.
    ///   - issuer: what `iss` must be.
    ///   - audience: what `aud` must be or hold.
    /// - Throws: ``AuthenticationError`` where a key cannot be used.
    public init(jwks: [UInt8], issuer: String, audience: String) async throws {
        self.issuer = issuer
        self.audience = audience
        let set: JWKS
        do {
            set = try JSONDecoder().decode(JWKS.self, from: Data(jwks))
        } catch {
            throw AuthenticationError.unusableKeys("it is not a JSON Web Key Set")
        }
        var keys: [String: Key] = [:]
        for jwk in set.keys {
            guard let kid = jwk.keyIdentifier?.string, !kid.isEmpty, keys[kid] == nil else {
                throw AuthenticationError.unusableKeys("each key must have a kid of its own")
            }
            let algorithm =
                switch jwk.keyType {
                case .rsa: "RS256"
                case .ecdsa: "ES256"
                case .octetKeyPair: "EdDSA"
                default: ""
                }
            guard Self.algorithms.contains(algorithm),
                jwk.algorithm.map({ $0.rawValue.lowercased() == algorithm.lowercased() }) ?? true
            else {
                throw AuthenticationError.unusableKeys(
                    "the key \(kid) is not for RS256, ES256 or EdDSA"
                )
            }
            if algorithm == "EdDSA", jwk.x.flatMap({ Self.decode($0) })?.count != 32 {
                throw AuthenticationError.unusableKeys("the key \(kid) is not an Ed25519 key")
            }
            let collection = JWTKeyCollection()
            do {
                try await collection.add(jwk: jwk)
            } catch {
                throw AuthenticationError.unusableKeys("the key \(kid) cannot be read")
            }
            keys[kid] = Key(algorithm: algorithm, collection: collection)
        }
        guard !keys.isEmpty else { throw AuthenticationError.unusableKeys("it holds no key") }
        self.keys = keys
    }

    /// Checks a token.
    ///
    /// - Throws: ``AuthenticationError/refused(_:)``, which says why and nothing of the token.
    public func principal(_ token: some StringProtocol) async throws -> Principal {
        guard token.utf8.count <= Self.tokenLimit else { throw refused("it is too long") }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Self.decode(parts[0]), Self.decode(parts[1]) != nil,
            Self.decode(parts[2]) != nil
        else { throw refused("it is not a signed JSON Web Token") }
        let header = try header(head)
        guard let key = keys[header.kid] else { throw refused("its key is not known") }
        guard key.algorithm == header.alg else { throw refused("its algorithm is not its key's") }
        let claims: Claims
        do {
            claims = try await key.collection.verify(String(token), as: Claims.self)
        } catch {
            throw refused("its signature or its claims are wrong")
        }
        return try principal(claims)
    }

    private struct Header {
        let alg: String
        let kid: String
    }

    /// The header, which may say nothing that would have to be understood and is not.
    private func header(_ bytes: [UInt8]) throws -> Header {
        struct Raw: Decodable {
            var alg: String?
            var kid: String?
            var typ: String?
            var crit: [String]?
            var jku: String?
            var jwk: Anything?
            var x5u: String?
            var x5c: Anything?
        }
        guard let raw = try? JSONDecoder().decode(Raw.self, from: Data(bytes)), let alg = raw.alg,
            Self.algorithms.contains(alg), let kid = raw.kid
        else { throw refused("its header must name a known algorithm and a kid") }
        guard raw.crit == nil, raw.jku == nil, raw.jwk == nil, raw.x5u == nil, raw.x5c == nil else {
            throw refused("its header demands what is not supported")
        }
        guard ["jwt", "at+jwt"].contains(raw.typ?.lowercased() ?? "jwt") else {
            throw refused("its typ is not that of a token")
        }
        return Header(alg: alg, kid: kid)
    }

    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    private func principal(_ claims: Claims) throws -> Principal {
        let now = Double(time(nil))
        guard claims.iss == issuer else { throw refused("it is of another issuer") }
        guard claims.aud.contains(audience) else { throw refused("it is for another audience") }
        guard claims.exp > now - Self.leeway else { throw refused("it has expired") }
        if let nbf = claims.nbf, nbf > now + Self.leeway { throw refused("it is not valid yet") }
        guard !claims.sub.isEmpty, claims.sub.utf8.count <= 255 else {
            throw refused("it names no subject")
        }
        let names = Set(claims.ledgers)
        return Principal(
            subject: claims.sub,
            roles: Set(claims.roles.compactMap { Role(rawValue: $0) }),
            ledgers: names.contains("*") ? nil : Set(names.compactMap { LedgerName($0) }),
            expiresAt: Instant(microseconds: Int64(claims.exp * 1_000_000))
        )
    }

    private func refused(_ reason: String) -> AuthenticationError { .refused(reason) }

    /// Base64url without padding (RFC 7515), in its one canonical form.
    private static func decode(_ part: some StringProtocol) -> [UInt8]? {
        decode(text: String(part))
    }

    private static func decode(text: String) -> [UInt8]? {
        guard
            text.utf8.allSatisfy({ byte in
                byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            })
        else { return nil }
        let standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        let padded = standard + String(repeating: "=", count: (4 - standard.count % 4) % 4)
        guard let data = Data(base64Encoded: padded), data.base64EncodedString() == padded else {
            return nil
        }
        return Array(data)
    }
}

/// Why a token or a key set is not accepted.
public enum AuthenticationError: Error, CustomStringConvertible {
    /// The token is refused, for this reason.
    case refused(String)
    /// The key set cannot be used, for this reason.
    case unusableKeys(String)

    /// What is wrong.
    public var description: String {
        switch self {
        case .refused(let reason): "the token is refused: \(reason)"
        case .unusableKeys(let reason): "the keys for tokens cannot be used: \(reason)"
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
