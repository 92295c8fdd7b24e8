import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// What another system answers to one short request: no redirect is followed, and time and size have
/// limits.
struct RemoteAnswer: Sendable {
    /// The longest that a request may take, the body included.
    static let timeout: Duration = .seconds(5)
    /// The most bytes of a body.
    static let sizeLimit = 1 << 20

    let status: Int
    let cacheControl: String
    let body: [UInt8]

    /// Whether an address may be asked: `https`, or `http` on this machine.
    static func isAllowed(_ url: String) -> Bool {
        guard let parts = URLComponents(string: url), let host = parts.host, !host.isEmpty else {
            return false
        }
        return parts.scheme == "https"
            || parts.scheme == "http"
                && ["localhost", "127.0.0.1", "[::1]", "::1"].contains(host)
    }

    /// Sends a request.
    ///
    /// - Throws: where no whole answer comes in time.
    static func to(_ request: HTTPClientRequest) async throws -> RemoteAnswer {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: .init(
                redirectConfiguration: .disallow,
                timeout: .init(connect: .seconds(3), read: .seconds(5))
            )
        )
        let answer: RemoteAnswer
        do {
            // Also where the body trickles in.
            answer = try await withTimeout(timeout) {
                let response = try await client.execute(request, timeout: .seconds(5))
                let body = try await response.body.collect(upTo: sizeLimit)
                return RemoteAnswer(
                    status: Int(response.status.code),
                    cacheControl: response.headers.first(name: "cache-control") ?? "",
                    body: Array(body.readableBytesView)
                )
            }
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
        return answer
    }
}
