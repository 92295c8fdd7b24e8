import FoundationEssentials
import JWTKit

/// The form and the signature of a JSON Web Token (RFC 7515, 7519): what its claims say is for others
/// to judge.
enum SignedToken {
    /// The longest token that is looked at, in bytes.
    static let lengthLimit = 16_384
    /// How far an issuer's clock may be off, in seconds.
    static let leeway = 60.0

    /// The longest name, in bytes.
    private static let longestName = 255

    /// Whether a text can be kept as the name of somebody or something.
    ///
    /// It ends in records, logs and pages, where what breaks lines or turns the direction of writing
    /// would make it look like another one.
    static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= longestName else { return false }
        return !text.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            default: scalar.properties.isBidiControl
            }
        }
    }

    /// The claims of a token, once its signature is checked.
    ///
    /// - Parameters:
    ///   - token: as it was sent.
    ///   - types: what its `typ` may be, in lower case; a token may also have none.
    ///   - key: finds a key by its exact `kid`.
    /// - Throws: ``AuthenticationError/refused(_:)``, and what `key` throws.
    static func claims<Claims: JWTPayload>(
        of token: String,
        types: Set<String>,
        key: (String) async throws -> TokenKeys.Key?
    ) async throws -> Claims {
        guard token.utf8.count <= lengthLimit else {
            throw AuthenticationError.refused("it is too long")
        }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]),
            Base64URL.decode(parts[1]) != nil,
            Base64URL.decode(parts[2]) != nil
        else { throw AuthenticationError.refused("it is not a signed JSON Web Token") }
        let header = try Header(head, types: types)
        guard let key = try await key(header.kid) else {
            throw AuthenticationError.refused("its key is not known")
        }
        guard key.algorithm == header.alg else {
            throw AuthenticationError.refused("its algorithm is not its key's")
        }
        do {
            return try await key.collection.verify(token, as: Claims.self)
        } catch {
            throw AuthenticationError.refused("its signature or its claims are wrong")
        }
    }

    private struct Header {
        let alg: String
        let kid: String

        /// Reads a header, which may say nothing that would have to be understood and is not.
        init(_ bytes: [UInt8], types: Set<String>) throws {
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
            guard let raw = try? JSONDecoder().decode(Raw.self, from: Data(bytes)),
                let alg = raw.alg, TokenKeys.algorithms.contains(alg), let kid = raw.kid
            else {
                throw AuthenticationError.refused(
                    "its header must name a known algorithm and a kid"
                )
            }
            guard raw.crit == nil, raw.jku == nil, raw.jwk == nil, raw.x5u == nil, raw.x5c == nil
            else {
                throw AuthenticationError.refused("its header demands what is not supported")
            }
            guard raw.typ.map({ types.contains($0.lowercased()) }) ?? true else {
                throw AuthenticationError.refused("its typ is not that of a token")
            }
            (self.alg, self.kid) = (alg, kid)
        }
    }

    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }
}
