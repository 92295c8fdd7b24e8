import CareEpisode
public import Postgres

/// Listens for announcements of other processes and tells the feeds.
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
            channels: [Announcement.channel]
        )
        try await listener.run { event in
            // After a reconnect something may have been missed: the followers' polls see to that.
            guard case .notification(_, let payload) = event else { return }
            guard let announcement = Announcement(payload) else { return }
            feeds.known(announcement.ledger)?.take(announcement)
        }
    }
}
