import CareEpisode
public import Postgres

/// Listens for announcements of other processes and moves the heads of feeds.
public struct HeadListener: Sendable {
    private let configuration: PostgresConfiguration
    private let feeds: [LedgerID: LiveFeed]

    /// Listens for some ledgers of a database.
    public init(_ configuration: PostgresConfiguration, feeds: [LedgerID: LiveFeed]) {
        self.configuration = configuration
        self.feeds = feeds
    }

    /// Listens until the task is cancelled; connects again when the connection is lost.
    ///
    /// Returns at once behind a transaction pooler, which passes no notifications on: followers
    /// poll.
    public func run() async throws {
        guard configuration.pooling == .session else { return }
        let listener = NotificationListener(configuration: configuration, channels: [Announcer.channel])
        try await listener.run { event in
            // After a reconnect something may have been missed: the followers' polls see to that.
            guard case .notification(_, let payload) = event else { return }
            let parts = payload.split(separator: ":")
            guard parts.count == 2, let number = Int32(parts[0]), let position = Int64(parts[1])
            else { return }
            feeds[LedgerID(rawValue: number)]?.headMoved(to: Position(rawValue: position))
        }
    }
}
