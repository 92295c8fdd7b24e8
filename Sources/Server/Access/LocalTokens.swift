import Crypto
import FoundationEssentials
import Glibc
import JWTKit
import Ledger
import TransparencyLog

/// Tokens signed with a key of this installation: for the embedded default, where there is no
/// identity provider.
public struct LocalTokens: Sendable {
    /// `iss` of local tokens.
    public static let issuer = "episode-ledger"
    /// `aud` of local tokens.
    public static let audience = "episode-ledger"
    /// The longest time for which a local token is valid, in seconds: 30 days.
    public static let longestValidity = 30 * 86_400

    private let seed: [UInt8]
    private let publicKey: [UInt8]

    /// Reads the key, or makes one.
    ///
    /// - Parameter path: the file, which its owner alone can read.
    /// - Throws: ``SealError/file(_:reason:)``.
    public init(keyFile path: String) throws {
        let file = SigningKeyFile(path)
        let name = Self.issuer
        let key: NoteSigningKey
        if let existing = try file.keys().first {
            key = existing
        } else {
            key = NoteSigningKey(generatedFor: name)
            try file.add(key)
        }
        publicKey = key.verifierKey.rawKey
        // The last part is base64, in which a plus sign may stand.
        guard let encoded = key.secretDescription.split(separator: "+", maxSplits: 4).last,
            let bytes = Base64.decode(encoded)
        else { throw SealError.file(path, reason: "it holds no key") }
        seed = Array(bytes.dropFirst())
    }

    /// The key's name in tokens.
    var keyID: String { "local-" + publicKey.prefix(4).map { String($0, radix: 16) }.joined() }

    /// The public key as a JSON Web Key Set.
    public var jwks: [UInt8] {
        Array(
            """
            {"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"\(keyID)",\
            "x":"\(Base64URL.encode(publicKey))"}]}
            """.utf8
        )
    }

    /// Whether somebody may be called so in a token: 1 to 255 bytes, without control characters.
    public static func isSubject(_ text: String) -> Bool { SignedToken.isName(text) }

    /// Signs a token.
    ///
    /// - Parameters:
    ///   - subject: who it is for.
    ///   - roles: what he may be.
    ///   - ledgers: in which ledgers; `*` for all.
    ///   - seconds: for how long, at most ``longestValidity``.
    public func token(
        subject: String,
        roles: [Role],
        ledgers: [String],
        validFor seconds: Int
    ) async throws -> String {
        try await token(
            for: Self.audience,
            subject: subject,
            roles: roles,
            ledgers: ledgers,
            validFor: seconds
        )
    }

    func token(
        for audience: String,
        subject: String,
        roles: [Role],
        ledgers: [String],
        validFor seconds: Int
    ) async throws -> String {
        let now = Double(time(nil))
        let keys = JWTKeyCollection()
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        await keys.add(
            eddsa: EdDSA.PrivateKey(backing: key),
            kid: JWKIdentifier(string: keyID)
        )
        return try await keys.sign(
            Claims(
                iss: Self.issuer,
                sub: subject,
                aud: [audience],
                exp: now + Double(min(seconds, Self.longestValidity)),
                iat: now,
                roles: roles.map(\.rawValue),
                ledgers: ledgers
            ),
            kid: JWKIdentifier(string: keyID)
        )
    }
}
