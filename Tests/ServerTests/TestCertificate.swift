import Foundation
import NIOSSL
import TestSupport
import Testing

/// A certificate for `localhost` that the test signs itself.
struct TestCertificate {
    let folder: String

    /// The path of the certificate, in PEM.
    var path: String { "\(folder)/cert.pem" }

    /// Lends a new one.
    static func with<Result>(
        _ body: (TestCertificate, TLSConfiguration) async throws -> Result
    ) async throws -> Result {
        let folder = NSTemporaryDirectory() + "tls-\(UUID().uuidString)"
        let certificate = TestCertificate(folder: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = await runningProgram([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost", "-keyout", "\(folder)/key.pem", "-out",
            certificate.path,
        ])
        #expect(made.status == 0, "\(made.output)")
        let chain = try NIOSSLCertificate.fromPEMFile(certificate.path)
        let key = try NIOSSLPrivateKey(file: "\(folder)/key.pem", format: .pem)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        return try await body(certificate, configuration)
    }
}
