import AsyncHTTPClient
import CareEpisode
import FoundationEssentials
import Ledger
import Metrics
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends the events of a ledger's webhooks: of each in order, one at a time, the next once the one
/// before is accepted.
///
/// Any number of instances share the work by leases. At least once: whoever dies in between leaves its
/// last event to be sent again, under the same id.
final class WebhookSender: LeasedWork {
    /// How long one webhook is sent to before its name is looked up again and others get their turn.
    private static let turnLimit: Duration = .seconds(30)
    /// How long a connection is kept for the next event.
    private static let keepAlive: Duration = .seconds(2)
    /// The longest that a receiver may ask to be left alone, in seconds.
    private static let longestWait = 86_400.0

    let stopSignal = StopSignal()
    /// Never asked: each webhook has a lease of its own.
    let call = WorkCall.dueWebhook
    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let registry: WebhookRegistry
    private let accessLog: AccessLog
    private let allowsPrivate: Bool
    private let reader: EventReader
    private let lookUp: NetworkAddress.LookUp
    /// The address of each webhook that answered last: it is asked first the next time.
    private let answering = Mutex<[SubscriptionName: NetworkAddress]>([:])
    /// Who is being sent to.
    private let places = Mutex(WebhookPlaces())

    init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        holder: String,
        accessLog: AccessLog,
        allowsPrivate: Bool,
        lookUp: @escaping NetworkAddress.LookUp = NetworkAddress.lookUp
    ) {
        let database = database.atPrimary
        self.database = database
        self.ledger = ledger
        self.accessLog = accessLog
        self.allowsPrivate = allowsPrivate
        self.lookUp = lookUp
        registry = WebhookRegistry(database, ledger: ledger, holder: holder)
        reader = EventReader(database, ledger: ledger)
    }

    private var isStopping: Bool { stopSignal.isRequested || Task.isCancelled }

    /// Sends until it is stopped: then what is being sent is finished, and leases are handed back.
    ///
    /// Each webhook has a lease of its own; failures are told, and do not end the turn.
    func turn(
        _ feed: LiveFeed,
        _ beginning: Place,
        _ onTrouble: @escaping @Sendable (any Error) -> Void
    ) async -> Bool {
        let stopSignal = stopSignal
        await withDiscardingTaskGroup { group in
            while !isStopping {
                let seen = feed.seen
                do {
                    for lease in try await takeDue() {
                        group.addTask {
                            await self.deliver(lease, feed, onTrouble)
                            self.places.withLock { $0.give(lease.subscription.name) }
                        }
                    }
                } catch {
                    if !isStopping {
                        onTrouble(WebhookTrouble("webhooks: \(Problem(error).detail)"))
                    }
                }
                beginning.leave()
                // Not more often than this, however fast events come: a webhook under way follows
                // the head itself.
                try? await stopSignal.sleep(for: .milliseconds(50))
                // What an older look has found is taken by now.
                await feed.rest {
                    stopSignal.isRequested
                        || $0.head > seen.head
                            && (!$0.isLookedAt || $0.calls.contains(WorkCall.webhooks))
                        || $0.looks > seen.looks && $0.calls.contains(WorkCall.dueWebhook)
                }
            }
        }
        return true
    }

    /// Takes what is due, as far as there are places for it.
    private func takeDue() async throws -> [WebhookLease] {
        let wanted = Mutex<[SubscriptionName]>([])
        var leases: [WebhookLease] = []
        defer {
            let taken = Set(leases.map(\.subscription.name))
            let free = wanted.withLock { $0 }.filter { !taken.contains($0) }
            places.withLock { places in
                for name in free { places.give(name) }
            }
        }
        leases = try await registry.takeDue { due in
            let isTaken = places.withLock { $0.take(due, at: .now) }
            if isTaken { wanted.withLock { $0.append(due.name) } }
            return isTaken
        }
        return leases
    }

    /// Never asked: a turn ends by a stop alone.
    func pause(after _: any Error) -> Duration? { .seconds(1) }

    /// Sends what one webhook is behind with.
    private func deliver(
        _ lease: WebhookLease,
        _ feed: LiveFeed,
        _ onTrouble: @Sendable (any Error) -> Void
    ) async {
        let name = lease.subscription.name
        let route = WebhookRoute(
            lease.settings.url,
            allowsPrivate: allowsPrivate,
            answering: answering.withLock { $0[name] },
            attempts: lease.attempts,
            lookUp: lookUp
        )
        do {
            try await database.leases.holding(lease.lease, feed) { _ in
                try await deliver(lease, route, feed)
            }
        } catch {
            if !isStopping {
                onTrouble(WebhookTrouble("webhook \(name): \(Problem(error).detail)"))
            }
        }
        answering.withLock { answering in
            // Of webhooks that are gone nothing is kept for ever.
            if answering.count > SubscriptionRegistry.limit { answering = [:] }
            answering[name] = route.answering
        }
        await route.close()
    }

    private func deliver(
        _ start: WebhookLease,
        _ route: WebhookRoute,
        _ feed: LiveFeed
    ) async throws {
        var lease = start
        let secrets = try await registry.secrets(lease.subscription)
        let names = try await registry.names()
        let end = ContinuousClock.now + Self.turnLimit
        var keptUntil = ContinuousClock.now
        while !isStopping, .now < end {
            let page = try await reader.page(
                after: lease.position,
                types: lease.subscription.types,
                episode: lease.subscription.episode,
                limit: 100
            )
            var keptThrough = lease.position
            for (place, event) in page.events.enumerated() {
                guard !isStopping else { return }
                let message = WebhookMessage(
                    event,
                    ledger: ledger.name,
                    name: names.name(of: event),
                    settings: lease.settings
                )
                if lease.settings.payload == .full, event.history.position > keptThrough {
                    // On disk before it leaves. While one is sent again, those behind it do not leave.
                    let batch =
                        lease.attempts > 0 ? page.events[place...place] : page.events[place...]
                    try await keep(batch, lease.subscription, message.id)
                    keptThrough = batch.last?.history.position ?? keptThrough
                }
                let answer = await send(message, to: lease.settings.url, secrets, route)
                guard let status = answer.status, (200...299).contains(status) else {
                    return try await fail(
                        lease,
                        event,
                        answer.status,
                        answer.error,
                        retryAfter: answer.retryAfter
                    )
                }
                count("delivered")
                places.withLock { $0.answered(lease.subscription.name, at: .now) }
                let position = event.history.position
                guard try await registry.advance(&lease, to: position, status: status) else {
                    return
                }
                keptUntil = .now + Self.keepAlive
            }
            if page.nextAfter > lease.position {
                guard try await registry.advance(&lease, to: page.nextAfter, status: nil) else {
                    return
                }
            }
            guard page.nextAfter >= page.head else { continue }
            // What comes now goes over the same connection.
            let rest = ContinuousClock.now.duration(to: min(end, keptUntil))
            guard rest > .zero else { break }
            if feed.head > page.head {
                // What was heard of and is not there is not looked for all the time.
                try await stopSignal.sleep(for: min(rest, .milliseconds(100)))
            } else {
                await feed.wait(beyond: page.head, atMost: rest)
            }
        }
    }

    /// Keeps in the access log that whole events leave.
    ///
    /// - Throws: where it cannot: then they do not leave.
    private func keep(
        _ events: ArraySlice<RecordedEvent>,
        _ subscription: Subscription,
        _ id: String
    ) async throws {
        try await accessLog.record(
            AccessDecision(delivering: events, of: subscription, requestID: id),
            in: ledger
        )
    }

    private struct Answer {
        var status: Int?
        var error: String?
        var retryAfter: Double?
    }

    private func send(
        _ message: WebhookMessage,
        to url: String,
        _ secrets: [WebhookSecret],
        _ route: WebhookRoute
    ) async -> Answer {
        do {
            let now = Instant.now.microseconds / 1_000_000
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            for (name, value) in try message.headers(at: now, signedWith: secrets) {
                request.headers.add(name: name, value: value)
            }
            request.headers.add(name: "user-agent", value: "episode-ledger")
            request.body = .bytes(ByteBuffer(bytes: message.body))
            let response = try await route.send(request)
            // Nobody reads it; but a connection is free again only once it is read. One that trickles
            // in is left.
            _ = try? await withTimeout(.seconds(2)) {
                try await response.body.collect(upTo: 65_536)
            }
            let wait = response.headers.first(name: "retry-after").flatMap { Self.wait($0) }
            return Answer(status: Int(response.status.code), retryAfter: wait)
        } catch let error as WebhookError {
            return Answer(error: error.code)
        } catch let error as HTTPClientError {
            return Answer(error: Self.code(error))
        } catch {
            return Answer(error: "no_connection")
        }
    }

    /// What `Retry-After` asks for, in seconds from now: a number, or a time of this machine's clock.
    ///
    /// At most ``longestWait``; nil where it asks for nothing, such as a time that has passed.
    static func wait(_ text: String, now: Instant = .now) -> Double? {
        let seconds =
            Double(text)
            ?? HTTPDate.instant(text, now: now).map {
                Double($0.microseconds - now.microseconds) / 1_000_000
            }
        return seconds.flatMap { $0.isFinite && $0 >= 0 ? min($0, longestWait) : nil }
    }

    private static func code(_ error: HTTPClientError) -> String {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout, .connectTimeout: "timeout"
        case .tlsHandshakeTimeout: "tls_timeout"
        case .remoteConnectionClosed: "connection_closed"
        default: "no_answer"
        }
    }

    private func fail(
        _ lease: WebhookLease,
        _ event: RecordedEvent,
        _ status: Int?,
        _ error: String?,
        retryAfter: Double? = nil
    ) async throws {
        count("failed")
        let consequence = Self.consequence(
            lease,
            event,
            status: status,
            retryAfter: retryAfter,
            jitter: .random(in: 0.8...1.2)
        )
        try await registry.fail(lease, status: status, error: error, consequence)
    }

    /// What follows from a failed attempt.
    ///
    /// A receiver that is gone is left alone (410). One that refuses an event as often as it may be
    /// sent has it put on the list of dead letters, and gets the next one. One that cannot be reached
    /// for so long misses nothing: nothing is sent until somebody puts the webhook again.
    static func consequence(
        _ lease: WebhookLease,
        _ event: RecordedEvent,
        status: Int?,
        retryAfter: Double?,
        jitter: Double
    ) -> WebhookRegistry.Consequence {
        if status == 410 { return .disabled(reason: "gone") }
        let schedule = WebhookRegistry.schedule
        let most = min(schedule.count, lease.subscription.maxDeliveries - 1)
        guard lease.attempts >= most else {
            let wait = max(schedule[lease.attempts] * jitter, retryAfter ?? 0)
            return .again(seconds: wait)
        }
        let isRefused = status.map { (400...499).contains($0) && $0 != 408 && $0 != 429 } ?? false
        guard isRefused, let status else { return .disabled(reason: "unreachable") }
        return .dead(
            event.history.position,
            event.episodeID,
            event.history.eventID,
            reason: "answered_\(status)"
        )
    }

    private func count(_ outcome: String) {
        Counter(
            label: "episode_ledger_webhook_attempts",
            dimensions: [("ledger", ledger.name.description), ("outcome", outcome)]
        ).increment()
    }
}

/// What a sender of webhooks has to wait out; never what was sent or answered.
private struct WebhookTrouble: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
