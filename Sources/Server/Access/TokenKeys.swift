import FoundationEssentials
import JWTKit

/// The keys of a JSON Web Key Set (RFC 7517) that tokens are checked with, by their `kid`.
struct TokenKeys: Sendable {
    /// One key, for one algorithm.
    struct Key: Sendable {
        let algorithm: String
        let collection: JWTKeyCollection
    }

    /// The algorithms that are accepted.
    static let algorithms: Set<String> = ["RS256", "ES256", "EdDSA"]
    /// The most keys of a set.
    private static let limit = 100

    /// By the bytes of their names: as characters, K and the Kelvin sign are one.
    private let keys: [[UInt8]: Key]

    /// Reads a set.
    ///
    /// - Parameters:
    ///   - jwks: the set.
    ///   - skipsOthers: whether keys for other purposes or algorithms are left out; else they are an
    ///     error.
    /// - Throws: ``AuthenticationError/unusableKeys(_:)``.
    init(jwks: [UInt8], skipsOthers: Bool = false) async throws {
        let set: [JWK]
        do {
            let data = Data(jwks)
            set =
                skipsOthers
                ? try JSONDecoder().decode(ReadableKeys.self, from: data).keys
                : try JSONDecoder().decode(JWKS.self, from: data).keys
        } catch {
            throw AuthenticationError.unusableKeys("it is not a JSON Web Key Set")
        }
        guard set.count <= Self.limit else {
            throw AuthenticationError.unusableKeys("it holds more than \(Self.limit) keys")
        }
        var keys: [[UInt8]: Key] = [:]
        for jwk in set {
            do {
                let (kid, key) = try await Self.key(jwk)
                guard keys.updateValue(key, forKey: Array(kid.utf8)) == nil else {
                    throw AuthenticationError.unusableKeys("each key must have a kid of its own")
                }
            } catch let error as AuthenticationError {
                guard skipsOthers, case .unusableKeys = error,
                    jwk.keyIdentifier.map({ keys[Array($0.string.utf8)] == nil }) ?? true
                else { throw error }
            }
        }
        guard !keys.isEmpty else { throw AuthenticationError.unusableKeys("it holds no key") }
        self.keys = keys
    }

    /// The keys of a set that are of a kind that is known here.
    private struct ReadableKeys: Decodable {
        let keys: [JWK]

        init(from decoder: any Decoder) throws {
            struct Other: Decodable {}
            enum Name: CodingKey { case keys }
            var list = try decoder.container(keyedBy: Name.self)
                .nestedUnkeyedContainer(forKey: .keys)
            var keys: [JWK] = []
            while !list.isAtEnd {
                if let key = try? list.decode(JWK.self) {
                    keys.append(key)
                } else {
                    _ = try list.decode(Other.self)
                }
            }
            self.keys = keys
        }
    }

    subscript(kid: String) -> Key? { keys[Array(kid.utf8)] }

    private static func key(_ jwk: JWK) async throws -> (kid: String, key: Key) {
        guard let kid = jwk.keyIdentifier?.string, !kid.isEmpty else {
            throw AuthenticationError.unusableKeys("each key must have a kid of its own")
        }
        let algorithm =
            switch jwk.keyType {
            case .rsa: "RS256"
            case .ecdsa: "ES256"
            case .octetKeyPair: "EdDSA"
            default: ""
            }
        guard algorithms.contains(algorithm),
            jwk.algorithm.map({ $0.rawValue.lowercased() == algorithm.lowercased() }) ?? true
        else {
            throw AuthenticationError.unusableKeys(
                "the key \(kid) is not for RS256, ES256 or EdDSA"
            )
        }
        if algorithm == "EdDSA", jwk.x.flatMap({ Base64URL.decode($0) })?.count != 32 {
            throw AuthenticationError.unusableKeys("the key \(kid) is not an Ed25519 key")
        }
        let collection = JWTKeyCollection()
        do {
            try await collection.add(jwk: jwk)
        } catch {
            throw AuthenticationError.unusableKeys("the key \(kid) cannot be read")
        }
        return (kid, Key(algorithm: algorithm, collection: collection))
    }
}
