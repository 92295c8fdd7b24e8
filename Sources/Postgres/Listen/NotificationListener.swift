import CLibPQ

/// Listens to channels on a session of its own, and connects again when the session breaks.
///
/// Notifications sent while no session was open are lost; `.connected` and `.resync` say when that
/// may have happened: look once at what the notifications would have told.
public final class NotificationListener: Sendable {
    /// What was sent with NOTIFY.
    public struct Notification: Sendable, Hashable {
        /// The channel's name.
        public var channel: String
        /// The payload, which may be empty.
        public var payload: String
        /// The server's process that sent it.
        public var processID: Int32
    }

    /// What a listener tells, in order.
    public enum Event: Sendable {
        /// Listening for the first time.
        case connected
        /// Listening again after the session broke: notifications may have been lost.
        case resync
        /// A notification came.
        case notification(channel: String, payload: String)
        /// The session broke, or could not be opened; the listener tries again.
        case disconnected(PostgresError)
    }

    private let configuration: PostgresConfiguration
    private let channels: [String]
    private let probeAfter: Duration
    private let backoff: Backoff

    /// A listener to channels, by their exact names.
    ///
    /// A session that has been silent for `probeAfter` is asked whether it is still there.
    public init(
        configuration: PostgresConfiguration,
        channels: [String],
        probeAfter: Duration = .seconds(30)
    ) {
        self.configuration = configuration
        self.channels = channels
        self.probeAfter = probeAfter
        backoff = Backoff(first: .milliseconds(50), limit: .seconds(10))
    }

    /// Listens until the task is cancelled, then returns.
    ///
    /// The next event waits until `onEvent` has returned; meanwhile notifications collect in memory
    /// here and on the server, so `onEvent` should only take note.
    /// Throws `.invalidUse` if the configuration is for a transaction pooler, which cannot LISTEN.
    public func run(_ onEvent: @Sendable (Event) async -> Void) async throws {
        guard configuration.pooling == .session else {
            throw PostgresError(
                .invalidUse,
                "LISTEN needs a direct connection, not a transaction pooler",
                connectionIsUsable: false
            )
        }
        var hasListened = false
        var failures = 0
        while !Task.isCancelled {
            do throws(PostgresError) {
                let connection = try await open()
                defer { connection.close() }
                failures = 0
                await onEvent(hasListened ? .resync : .connected)
                hasListened = true
                try await follow(connection, onEvent)
            } catch {
                guard !Task.isCancelled else { return }
                await onEvent(.disconnected(error))
                failures += 1
                // Cancellation ends the pause, and the loop's condition ends the loop.
                try? await Task.sleep(for: backoff.pause(afterFailures: failures))
            }
        }
    }

    private func open() async throws(PostgresError) -> PostgresConnection {
        let connection = try await PostgresConnection.open(configuration)
        connection.keepsNotifications = true
        do {
            let listen = channels.map { "listen \(identifier: $0)" as SQL }
            _ = try await connection.run(listen, connection.limit(nil))
        } catch {
            connection.close()
            throw error
        }
        return connection
    }

    private func follow(
        _ connection: PostgresConnection,
        _ onEvent: (Event) async -> Void
    ) async throws(PostgresError) {
        while true {
            for notification in connection.takeNotifications() {
                await onEvent(
                    .notification(channel: notification.channel, payload: notification.payload)
                )
            }
            if try await connection.awaitNotifications(for: probeAfter) { continue }
            // An empty round trip: silence may also be a dead network.
            let limit = CallLimit(deadline: .now.advanced(by: .seconds(5)))
            _ = try await connection.run([], limit)
        }
    }
}

/// Pauses that double up to a limit, each shortened at random so that clients do not return at once.
struct Backoff: Sendable {
    let first, limit: Duration

    /// The pause after so many failures in a row.
    func pause(afterFailures failures: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return pause(afterFailures: failures, using: &generator)
    }

    /// The pause, with a given source of chance: between half and all of the doubled first pause.
    func pause(
        afterFailures failures: Int,
        using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let full = min(limit, first * (1 << min(max(failures - 1, 0), 20)))
        return full * Double.random(in: 0.5...1, using: &generator)
    }
}

extension PostgresConnection {
    /// Takes what has been notified.
    func takeNotifications() -> [NotificationListener.Notification] {
        defer { notifications = [] }
        return notifications
    }

    /// Suspends until something is notified; false if nothing was within the time.
    func awaitNotifications(for duration: Duration) async throws(PostgresError) -> Bool {
        try beginCall()
        defer { endCall() }
        collectNotifications()
        let deadline = ContinuousClock.now.advanced(by: duration)
        while notifications.isEmpty {
            let outcome = await reactor.wait(
                for: .readable,
                on: session.socket,
                until: deadline
            )
            switch outcome {
            case .ready: break
            case .timedOut: return false
            case .cancelled:
                throw spend(PostgresError(.cancelled, "while listening"), sendCancel: false)
            case .failed: throw lost("while listening", CallLimit())
            }
            guard PQconsumeInput(session.connection) == 1 else {
                throw lost("while listening", CallLimit())
            }
            collectNotifications()
        }
        return true
    }
}
