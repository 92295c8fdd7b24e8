import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import Synchronization

/// The keys that an issuer serves: fetched again every few minutes, and when a token names a key that
/// is not known, but never more often than every 30 seconds, whatever callers send.
///
/// Where the issuer does not answer, the keys it served last go on for a day.
final class RemoteKeys: Sendable {
    /// The least time between two requests.
    private let cooldown: Duration
    /// How old keys get before they are fetched again, unless the issuer's `Cache-Control` says less.
    private static let freshness: Duration = .seconds(300)
    /// How long keys are used after they were fetched last.
    private static let usability: Duration = .seconds(86_400)
    /// How long a token waits for a fetch that is under way.
    private static let timeout: Duration = .seconds(5)
    private static let sizeLimit = 1 << 20

    private let url: String
    private let state = Mutex(State())

    private struct State {
        var keys: TokenKeys?
        var fetchedAt: ContinuousClock.Instant?
        var freshUntil: ContinuousClock.Instant?
        var triedAt: ContinuousClock.Instant?
        var isFetching = false
    }

    /// - Parameters:
    ///   - url: `https`, or `http` on this machine.
    ///   - cooldown: the least time between two requests.
    init(_ url: String, cooldown: Duration = .seconds(30)) throws {
        guard let parts = URLComponents(string: url), let host = parts.host, !host.isEmpty,
            parts.scheme == "https"
                || parts.scheme == "http" && ["localhost", "127.0.0.1", "[::1]"].contains(host)
        else {
            throw AuthenticationError.unusableKeys("its address must begin with https://")
        }
        self.url = url
        self.cooldown = cooldown
    }

    /// Whether there are keys, and not too old.
    var isUsable: Bool { state.withLock { Self.usable($0) != nil } }

    private static func usable(_ state: State) -> TokenKeys? {
        guard let at = state.fetchedAt, at + usability > .now else { return nil }
        return state.keys
    }

    /// The key of a name; nil where the issuer has none.
    ///
    /// - Throws: ``AuthenticationError/unavailable`` while there are no keys.
    func key(_ kid: String) async throws -> TokenKeys.Key? {
        if let key = state.withLock({ Self.usable($0)?[kid] }) { return key }
        await fetchIfAllowed()
        // Somebody else's fetch may be what brings it.
        let end = ContinuousClock.now + Self.timeout
        while state.withLock({ $0.isFetching }), .now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        guard let keys = state.withLock({ Self.usable($0) }) else {
            throw AuthenticationError.unavailable
        }
        return keys[kid]
    }

    /// Keeps keys fresh until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let isDue = state.withLock { $0.freshUntil.map { $0 <= .now } ?? true }
            if isDue { await fetchIfAllowed() }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func fetchIfAllowed() async {
        let isAllowed = state.withLock { state in
            guard !state.isFetching, state.triedAt.map({ $0 + cooldown <= .now }) ?? true
            else { return false }
            state.isFetching = true
            state.triedAt = .now
            return true
        }
        guard isAllowed else { return }
        let fetched = await fetch()
        state.withLock { state in
            state.isFetching = false
            guard let fetched else { return }
            state.keys = fetched.keys
            state.fetchedAt = .now
            state.freshUntil = .now + fetched.age
        }
    }

    private func fetch() async -> (keys: TokenKeys, age: Duration)? {
        do {
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "accept", value: "application/json")
            let client = HTTPClient(
                eventLoopGroupProvider: .singleton,
                configuration: .init(
                    redirectConfiguration: .disallow,
                    timeout: .init(connect: .seconds(3), read: .seconds(5))
                )
            )
            let answer: (status: HTTPResponseStatus, control: String, body: ByteBuffer)
            do {
                let asked = request
                // Also where the body trickles in.
                answer = try await withTimeout(Self.timeout) {
                    let response = try await client.execute(asked, timeout: .seconds(5))
                    let body = try await response.body.collect(upTo: Self.sizeLimit)
                    let control = response.headers.first(name: "cache-control") ?? ""
                    return (response.status, control, body)
                }
            } catch {
                try? await client.shutdown()
                throw error
            }
            try await client.shutdown()
            guard answer.status == .ok else { return nil }
            let bytes = Array(answer.body.readableBytesView)
            let keys = try await TokenKeys(jwks: bytes, skipsOthers: true)
            return (keys, Self.age(answer.control))
        } catch {
            return nil
        }
    }

    /// What `Cache-Control` allows, from 30 seconds to five minutes.
    private static func age(_ control: String) -> Duration {
        let directives = control.lowercased().split(separator: ",")
            .map { $0.drop { $0 == " " } }
        let seconds = directives.first { $0.hasPrefix("max-age=") }
            .flatMap { Int($0.dropFirst("max-age=".count)) }
        return seconds.map { min(max(.seconds($0), .seconds(30)), freshness) } ?? freshness
    }
}
