import Ledger
public import NIOSSL

/// What the service does with TLS.
public enum ServiceTLS {
    /// The longest file with a key, in bytes.
    private static let longestKey = 65_536

    /// A certificate and its key, for TLS 1.3, and 1.2 with keys that are made for each connection:
    /// who gets the key of the certificate one day reads nothing of before.
    ///
    /// - Parameters:
    ///   - certificate: the PEM file of the certificate and those above it.
    ///   - key: the PEM file of its key, which others may not read.
    /// - Throws: ``SealError/file(_:reason:)`` where the key may not be used; else where either is none.
    public static func configuration(
        certificate: String,
        key: String
    ) throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMFile(certificate)
        guard let bytes = try SecretFile.read(key, from: .given, limit: longestKey) else {
            throw SealError.file(key, reason: "there is no such file")
        }
        let secret = try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(secret)
        )
        configuration.minimumTLSVersion = .tlsv12
        // Of TLS 1.2; those of 1.3 are all of this kind.
        configuration.cipherSuites = ciphers.joined(separator: ":")
        return configuration
    }

    /// Ephemeral keys, and ciphers that guard what they hide (RFC 9325, 4.2).
    private static let ciphers = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
}
