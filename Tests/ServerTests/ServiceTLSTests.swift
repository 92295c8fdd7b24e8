import Foundation
import Glibc
import Ledger
import TestSupport
import Testing

@testable import Server

@Suite("TLS")
struct ServiceTLSTests {
    private func shaken(_ fixture: ServiceFixture, _ options: [String]) async -> ProgramResult {
        await runningProgram(
            [
                "sh", "-c",
                #"port=$1; shift; openssl s_client -connect 127.0.0.1:$port "$@" </dev/null"#,
                "sh", "\(fixture.port)",
            ] + options
        )
    }

    @Test("TLS 1.2 is spoken with a key for each connection alone, 1.3 as it is, older ones not")
    func ciphers() async throws {
        try await TestCertificate.with { certificate, _ in
            let tls = try ServiceTLS.configuration(
                certificate: certificate.path,
                key: "\(certificate.folder)/key.pem"
            )
            try await ServiceFixture.with(runsWorkers: false, tls: tls) { fixture in
                for (options, isTaken) in [
                    (["-tls1_3"], true),
                    (["-tls1_2"], true),
                    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], true),
                    (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], true),
                    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], false),
                    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], false),
                    (["-tls1_2", "-cipher", "ALL:!ECDHE:@SECLEVEL=0"], false),
                    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false),
                ] {
                    let result = await shaken(fixture, options)
                    #expect((result.status == 0) == isTaken, "\(options): \(result.output)")
                    #expect(result.output.contains("BEGIN CERTIFICATE") || !isTaken)
                }
            }
        }
    }

    @Test("A certificate's key is used only where nobody else can read or change it")
    func key() async throws {
        try await TestCertificate.with { certificate, _ in
            let key = "\(certificate.folder)/key.pem"
            for (mode, isTaken) in [(0o600, true), (0o640, true), (0o644, false)] {
                #expect(chmod(key, mode_t(mode)) == 0)
                if isTaken {
                    _ = try ServiceTLS.configuration(certificate: certificate.path, key: key)
                } else {
                    let error = #expect(throws: SealError.self) {
                        _ = try ServiceTLS.configuration(certificate: certificate.path, key: key)
                    }
                    #expect("\(error.map { "\($0)" } ?? "")".contains("chmod 640"))
                }
            }
        }
    }
}
