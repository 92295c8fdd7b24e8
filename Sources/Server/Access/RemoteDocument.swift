import AsyncHTTPClient
import NIOHTTP1
import Synchronization

/// A document that an issuer serves: fetched again every few minutes, and when somebody misses
/// something in it, but never more often than every 30 seconds, whatever callers send.
///
/// Where the issuer does not answer, the document it served last goes on for a day.
final class RemoteDocument<Value: Sendable>: Sendable {
    private let url: String
    private let cooldown: Duration
    private let read: @Sendable ([UInt8]) async throws -> Value
    private let state = Mutex(State())

    private struct State {
        var value: Value?
        var fetchedAt: ContinuousClock.Instant?
        var freshUntil: ContinuousClock.Instant?
        var triedAt: ContinuousClock.Instant?
        var isFetching = false
        var trouble: String?
    }

    /// - Parameters:
    ///   - url: one that ``RemoteAnswer/isAllowed(_:)``.
    ///   - cooldown: the least time between two requests.
    ///   - read: reads the document; throws where it cannot be used.
    init(
        _ url: String,
        cooldown: Duration = .seconds(30),
        read: @escaping @Sendable ([UInt8]) async throws -> Value
    ) {
        self.url = url
        self.cooldown = cooldown
        self.read = read
    }

    /// The document, where there is one and it is not too old.
    var value: Value? {
        state.withLock { state in
            guard let at = state.fetchedAt, at + RemoteDocumentTimes.usability > .now else {
                return nil
            }
            return state.value
        }
    }

    /// Why it could not be fetched the last time; nil where it could.
    var trouble: String? { state.withLock { $0.trouble } }

    /// The document, fetched anew where that is allowed now; nil while there is none.
    func renewed() async throws -> Value? {
        await fetchIfAllowed()
        // Somebody else's fetch may be what brings it.
        let end = ContinuousClock.now + RemoteAnswer.timeout
        while state.withLock({ $0.isFetching }), .now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        return value
    }

    /// Fetches it where it is not fresh any more.
    func refresh() async {
        let isDue = state.withLock { $0.freshUntil.map { $0 <= .now } ?? true }
        if isDue { await fetchIfAllowed() }
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
            switch fetched {
            case .success(let document):
                state.value = document.value
                state.fetchedAt = .now
                state.freshUntil = .now + document.age
                state.trouble = nil
            case .failure(let trouble):
                state.trouble = trouble.description
            }
        }
    }

    private func fetch() async -> Result<(value: Value, age: Duration), Trouble> {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "accept", value: "application/json")
        guard let answer = try? await RemoteAnswer.to(request) else {
            return .failure(Trouble("it does not answer"))
        }
        guard answer.status == 200 else {
            return .failure(Trouble("it answers with \(answer.status)"))
        }
        do {
            return .success(
                (try await read(answer.body), RemoteDocumentTimes.age(answer.cacheControl))
            )
        } catch {
            return .failure(Trouble("\(error)"))
        }
    }

    private struct Trouble: Error {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

/// How long a document of an issuer counts.
private enum RemoteDocumentTimes {
    /// How old it gets before it is fetched again, unless the issuer's `Cache-Control` says less.
    static let freshness: Duration = .seconds(300)
    /// How long it is used after it was fetched last.
    static let usability: Duration = .seconds(86_400)

    /// What `Cache-Control` allows, from 30 seconds to five minutes.
    static func age(_ control: String) -> Duration {
        let directives = control.lowercased().split(separator: ",")
            .map { $0.drop { $0 == " " } }
        let seconds = directives.first { $0.hasPrefix("max-age=") }
            .flatMap { Int($0.dropFirst("max-age=".count)) }
        return seconds.map { min(max(.seconds($0), .seconds(30)), freshness) } ?? freshness
    }
}
