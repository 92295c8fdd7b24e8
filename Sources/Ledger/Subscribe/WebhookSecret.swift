import Crypto
import Foundation

/// What one webhook's requests are signed with, by the Standard Webhooks specification.
public struct WebhookSecret: Sendable {
    let number: Int32
    let signature: WebhookSettings.Signature
    /// 32 bytes: an HMAC key, or the seed of an Ed25519 key.
    let bytes: [UInt8]

    static func fresh(_ signature: WebhookSettings.Signature, number: Int32) -> WebhookSecret {
        WebhookSecret(number: number, signature: signature, bytes: SecureRandom.bytes(32))
    }

    /// What a receiver checks with: the shared secret (`whsec_…`), told once, or the public key
    /// (`whpk_…`).
    public func revealed() throws -> String {
        switch signature {
        case .hmac: "whsec_" + Data(bytes).base64EncodedString()
        case .ed25519:
            "whpk_" + (try key().publicKey.rawRepresentation.base64EncodedString())
        }
    }

    /// The public key; nil for a shared secret.
    public func publicKey() throws -> String? {
        signature == .ed25519 ? try revealed() : nil
    }

    private func key() throws -> Curve25519.Signing.PrivateKey {
        try Curve25519.Signing.PrivateKey(rawRepresentation: Data(bytes))
    }

    /// The value of `webhook-signature`: one signature.
    ///
    /// - Parameters:
    ///   - id: of the message, the same in each attempt.
    ///   - timestamp: of the attempt, in seconds since 1970.
    ///   - body: as it is sent.
    public func sign(id: String, timestamp: Int64, body: [UInt8]) throws -> String {
        let content = Array("\(id).\(timestamp).".utf8) + body
        let signed: Data =
            switch signature {
            case .hmac:
                Data(
                    HMAC<SHA256>.authenticationCode(
                        for: content,
                        using: SymmetricKey(data: Data(bytes))
                    )
                )
            case .ed25519: try key().signature(for: Data(content))
            }
        return "\(signature.rawValue),\(signed.base64EncodedString())"
    }
}
