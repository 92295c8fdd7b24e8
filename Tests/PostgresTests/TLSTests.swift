import Glibc
import TestSupport
import Testing

@testable import Postgres

@Suite("TLS")
struct TLSTests {
    /// A port nothing listens on.
    private func freePort() -> Int {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = bind(listener, generic, length)
                _ = getsockname(listener, generic, &length)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    @Test("sslmode=verify-full accepts the certificate's host and refuses every other")
    func verifyFull() async throws {
        let folder =
            runProgram(["mktemp", "-d", "/tmp/el-tls-XXXXXX"]).output
            .split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        defer { _ = runProgram(["rm", "-rf", folder]) }
        let made = runProgram([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", "\(folder)/key", "-out", "\(folder)/certificate",
        ])
        #expect(made.status == 0, "\(made.output)")
        let port = freePort()
        try await TestCluster.withPrivateCluster(
            settings: [
                "listen_addresses = '127.0.0.1'", "ssl = on", "ssl_cert_file = 'server.crt'",
                "ssl_key_file = 'server.key'",
            ],
            files: [
                "server.crt": runProgram(["cat", "\(folder)/certificate"]).output,
                "server.key": runProgram(["cat", "\(folder)/key"]).output,
            ],
            port: port,
            accessRules: "local all all trust\nhostssl all all 127.0.0.1/32 trust"
        ) { _ in
            func configuration(_ host: String) throws -> PostgresConfiguration {
                try PostgresConfiguration(
                    url: "host=\(host) hostaddr=127.0.0.1 port=\(port) user=postgres"
                        + " dbname=postgres sslmode=verify-full sslrootcert=\(folder)/certificate"
                )
            }
            try await PostgresConnection.withConnection(try configuration("localhost")) {
                connection in
                let row = try await connection.query(
                    "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
                )[0]
                #expect(try row.get("ssl", as: Bool.self))
                // More than a TLS record and the socket's buffer, both ways at once.
                let value = [UInt8](repeating: 1, count: 5_000_000)
                let echoed = try await connection.pipeline(
                    Array(repeating: "select \(value) as v", count: 4)
                )
                #expect(try echoed[3][0].get("v", as: [UInt8].self) == value)
            }
            let error = try await postgresError {
                try await PostgresConnection.withConnection(try configuration("other.example")) {
                    _ in
                }
            }
            #expect(error.code == .connectionFailed)
            #expect(error.description.contains("other.example"))
        }
    }
}
