import AsyncHTTPClient
import NIOCore
import Synchronization

/// The way to one webhook's receiver for as long as it is sent to: every address of its name, checked,
/// is tried in turn until one answers, which then is asked first.
///
/// Used by one task at a time.
final class WebhookRoute: Sendable {
    /// How long one delivery may take, all addresses together.
    static let limit: Duration = .seconds(15)
    /// The longest that one address may take to let itself be connected to.
    private static let connectLimit: Duration = .seconds(5)
    /// The most addresses that one delivery tries; the next attempt begins with another one.
    static let addressLimit = 8

    private let url: String
    private let allowsPrivate: Bool
    private let lookUp: NetworkAddress.LookUp
    private let state: Mutex<State>

    private struct State {
        /// Which address is asked first, where the name still has it.
        var answering: NetworkAddress?
        /// How many attempts have failed: each begins with the next address.
        let attempts: Int
        var addresses: [NetworkAddress]?
        /// The connections to the address that answered.
        var client: HTTPClient?
    }

    /// - Parameters:
    ///   - url: where the webhook is.
    ///   - allowsPrivate: whether it may be in a private network.
    ///   - answering: the address that answered last, where one did.
    ///   - attempts: how many attempts to send the next event have failed.
    ///   - lookUp: finds the addresses of a name.
    init(
        _ url: String,
        allowsPrivate: Bool,
        answering: NetworkAddress? = nil,
        attempts: Int = 0,
        lookUp: @escaping NetworkAddress.LookUp = NetworkAddress.lookUp
    ) {
        self.url = url
        self.allowsPrivate = allowsPrivate
        self.lookUp = lookUp
        state = Mutex(State(answering: answering, attempts: attempts))
    }

    /// The address that answered last.
    var answering: NetworkAddress? { state.withLock { $0.answering } }

    /// Sends a request to one address after the other until one answers, whatever it answers.
    ///
    /// An address that refuses, is silent or cannot be reached costs its share of the time, so that
    /// some is left for the answer of the last one.
    ///
    /// - Throws: ``WebhookError`` where the address may not be used, or leads nowhere; else what kept
    ///   the last address from answering.
    func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        let address = try WebhookAddress(url, allowsPrivate: allowsPrivate)
        var rest = try await order(address)[...]
        let end = ContinuousClock.now + Self.limit
        while let next = rest.popFirst() {
            let left = ContinuousClock.now.duration(to: end)
            let client =
                kept(next)
                ?? address.client(to: next, within: min(Self.connectLimit, left / (rest.count + 2)))
            do {
                let response = try await client.execute(request, timeout: TimeAmount(left))
                state.withLock { ($0.answering, $0.client) = (next, client) }
                return response
            } catch {
                try? await client.shutdown()
                guard !rest.isEmpty, !Task.isCancelled, .now < end else { throw error }
            }
        }
        throw WebhookError("unknown_host", "its name is not known")
    }

    /// The addresses in the order in which they are tried, at most as many as one delivery may.
    private func order(_ address: WebhookAddress) async throws -> [NetworkAddress] {
        let known = state.withLock { $0.addresses }
        let found: [NetworkAddress]
        if let known { found = known } else { found = try await address.addresses(lookUp) }
        return state.withLock { state in
            var order = found
            if let first = state.answering, let index = order.firstIndex(of: first) {
                order.insert(order.remove(at: index), at: 0)
            }
            if known == nil, !order.isEmpty {
                let turned = state.attempts % order.count
                order = Array(order[turned...] + order[..<turned])
            }
            state.addresses = order
            return Array(order.prefix(Self.addressLimit))
        }
    }

    /// The connections to an address, where they are those of the last answer; others are closed by
    /// whoever gets them.
    private func kept(_ address: NetworkAddress) -> HTTPClient? {
        state.withLock { state in
            guard state.answering == address else { return nil }
            defer { state.client = nil }
            return state.client
        }
    }

    /// Closes the connections.
    func close() async {
        let client = state.withLock { state in
            defer { state.client = nil }
            return state.client
        }
        try? await client?.shutdown()
    }
}
