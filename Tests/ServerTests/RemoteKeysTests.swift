import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite("Keys by address")
struct RemoteKeysTests {
    /// An issuer whose keys change, and which counts who asks.
    private final class Issuer: Sendable {
        let answer = Mutex<(body: [UInt8], status: Int)>(([], 200))
        let requests = Atomic(0)

        static func with(_ body: @escaping @Sendable (Issuer, String) async throws -> Void)
            async throws
        {
            let issuer = Issuer()
            let router = Router()
            router.get("keys") { _, _ in
                issuer.requests.wrappingAdd(1, ordering: .relaxed)
                let (body, status) = issuer.answer.withLock { $0 }
                return Response(
                    status: HTTPResponse.Status(code: status),
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
                )
            }
            let (ports, listening) = AsyncStream.makeStream(of: Int.self)
            let quiet = Logger(label: "issuer") { JSONLog(label: $0, level: .critical) }
            let application = Application(
                router: router,
                configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { listening.yield($0.localAddress?.port ?? 0) },
                logger: quiet
            )
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(services: [application], logger: quiet)
            )
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                var numbers = ports.makeAsyncIterator()
                let port = try #require(await numbers.next())
                do {
                    try await body(issuer, "http://127.0.0.1:\(port)/keys")
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }

        func serve(_ body: [UInt8], status: Int = 200) {
            answer.withLock { $0 = (body, status) }
        }

        var asked: Int { requests.load(ordering: .relaxed) }
    }

    private func tokens() throws -> LocalTokens {
        try LocalTokens(keyFile: NSTemporaryDirectory() + "issuer-\(UUID().uuidString).key")
    }

    @Test("Unknown keys have them fetched, but not more often than allowed, whoever asks how often")
    func bounded() async throws {
        let (first, second) = (try tokens(), try tokens())
        try await Issuer.with { issuer, url in
            issuer.serve(first.jwks)
            let keys = try RemoteKeys(url, cooldown: .seconds(3_600))
            #expect(try await keys.key(first.keyID) != nil)
            #expect(issuer.asked == 1)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<1_000 {
                    group.addTask {
                        let key = try? await keys.key("unknown-\(number)")
                        #expect(key == nil)
                    }
                }
            }
            #expect(issuer.asked == 1)
            // And the key that is known goes on.
            #expect(try await keys.key(first.keyID) != nil)
            #expect(try await keys.key(second.keyID) == nil)
        }
    }

    @Test("A new key is accepted with the first token that it signs, from all who come at once")
    func rotated() async throws {
        let (first, second) = (try tokens(), try tokens())
        try await Issuer.with { issuer, url in
            issuer.serve(first.jwks)
            let keys = try RemoteKeys(url, cooldown: .zero)
            #expect(try await keys.key(first.keyID) != nil)
            issuer.serve(second.jwks)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        let key = try? await keys.key(second.keyID)
                        #expect(key != nil)
                    }
                }
            }
            #expect(try await keys.key(first.keyID) == nil)
        }
    }

    @Test("Keys go on while the issuer is away; without any, the answer is that of another time")
    func away() async throws {
        let first = try tokens()
        try await Issuer.with { issuer, url in
            issuer.serve([], status: 500)
            let keys = try RemoteKeys(url, cooldown: .zero)
            #expect(!keys.isUsable)
            await #expect(throws: AuthenticationError.self) { try await keys.key(first.keyID) }
            issuer.serve(first.jwks)
            #expect(try await keys.key(first.keyID) != nil)
            for (body, status) in [([], 500), (Array("{}".utf8), 200), ([], 302)] {
                issuer.serve(body, status: status)
                _ = try await keys.key("unknown")
                #expect(try await keys.key(first.keyID) != nil)
            }
        }
    }

    @Test("Keys for other things are left out, and plain http is for this machine alone")
    func others() async throws {
        let first = try tokens()
        let text = String(decoding: first.jwks, as: UTF8.self).dropLast(2)
        let set = text + #",{"kty":"oct","k":"AAAA","kid":"other"},{"kty":"RSA","kid":"x"}]}"#
        let keys = try await TokenKeys(jwks: Array(set.utf8), skipsOthers: true)
        #expect(keys[first.keyID] != nil)
        #expect(keys["other"] == nil)
        await #expect(throws: AuthenticationError.self) {
            try await TokenKeys(jwks: Array(set.utf8))
        }
        for url in ["http://issuer.example/keys", "ftp://issuer.example", "keys.json", "https://"] {
            #expect(throws: AuthenticationError.self) { try RemoteKeys(url) }
        }
    }

    @Test(
        "A trace goes on where its header can be read, and begins anew where not",
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false), ("", false),
        ]
    )
    func traces(_ header: String, _ isRead: Bool) {
        let trace = TraceContext(header)
        #expect((trace.traceID == "4bf92f3577b34da6a3ce929d0e0e4736") == isRead)
        #expect(trace.spanID != "00f067aa0ba902b7")
        #expect(TraceContext(trace.description).traceID == trace.traceID)
    }
}
