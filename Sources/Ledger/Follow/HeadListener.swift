import CareEpisode
public import Postgres
import Synchronization

/// The feeds of a process: one for each ledger that anybody here follows.
public final class LiveFeeds: Sendable {
    private let feeds = Mutex<[LedgerID: LiveFeed]>([:])

    /// No feeds yet.
    public init() {}

    /// The feed of a ledger, the same one each time.
    public func feed(of ledger: LedgerID) -> LiveFeed {
        feeds.withLock { feeds in
            if let feed = feeds[ledger] { return feed }
            let feed = LiveFeed()
            feeds[ledger] = feed
            return feed
        }
    }

    /// Tells the followers of a ledger, where there are any, that its head has moved.
    func headMoved(of ledger: LedgerID, to position: Position) {
        feeds.withLock { $0[ledger] }?.headMoved(to: position)
    }
}

/// Listens for announcements of other processes and moves the heads of feeds.
public struct HeadListener: Sendable {
    private let configuration: PostgresConfiguration
    private let feeds: LiveFeeds

    /// Listens for all ledgers of a database that have a feed.
    public init(_ configuration: PostgresConfiguration, feeds: LiveFeeds) {
        self.configuration = configuration
        self.feeds = feeds
    }

    /// Listens until the task is cancelled; connects again when the connection is lost.
    ///
    /// Returns at once behind a transaction pooler, which passes no notifications on: followers
    /// poll.
    public func run() async throws {
        guard configuration.pooling == .session else { return }
        let listener = NotificationListener(
            configuration: configuration,
            channels: [Announcer.channel]
        )
        try await listener.run { event in
            // After a reconnect something may have been missed: the followers' polls see to that.
            guard case .notification(_, let payload) = event else { return }
            let parts = payload.split(separator: ":")
            guard parts.count == 2, let number = Int32(parts[0]), let position = Int64(parts[1])
            else { return }
            feeds.headMoved(of: LedgerID(rawValue: number), to: Position(rawValue: position))
        }
    }
}
