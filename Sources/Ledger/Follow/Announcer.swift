import CareEpisode
import Postgres

/// Tells other processes that a ledger's head has moved.
///
/// Apart from the append, whose transaction would otherwise take the lock that all notifying
/// transactions of a database share, and coalescing: however many batches were committed while one
/// notification was on its way, the next one tells the newest head. A notification that is lost
/// delays a follower until its next poll and loses nothing.
public final class Announcer: Sendable {
    /// The channel; the payload is `ledger number:position`.
    static let channel = "episode_ledger"

    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let feed: LiveFeed

    init(_ database: LedgerDatabase, ledger: LedgerDescription, feed: LiveFeed) {
        self.database = database
        self.ledger = ledger
        self.feed = feed
    }

    /// Announces until the feed is finished and its last head has been told.
    func run() async {
        var announced = feed.head
        while !Task.isCancelled {
            await feed.wait(beyond: announced)
            let head = feed.head
            if head > announced {
                let payload = "\(ledger.id.rawValue):\(head.rawValue)"
                // Followers poll: an announcement that fails is not worth a second try.
                _ = try? await database.writer.query(
                    "select pg_notify(\(Self.channel), \(payload))"
                )
                announced = head
            } else if feed.isFinished {
                return
            }
        }
    }
}
