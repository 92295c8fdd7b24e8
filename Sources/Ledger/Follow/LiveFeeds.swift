import CareEpisode
import Postgres
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

    /// The feed of a ledger that anybody here follows.
    func known(_ ledger: LedgerID) -> LiveFeed? { feeds.withLock { $0[ledger] } }

    private var all: [LedgerID: LiveFeed] { feeds.withLock { $0 } }

    /// Looks at all ledgers by one statement, and tells the feeds what it found.
    ///
    /// Where it fails, everybody who waits looks for himself.
    ///
    /// - Returns: the ledgers that there are.
    func look(_ database: LedgerDatabase) async throws -> Set<LedgerID> {
        let feeds = all
        let before = feeds.mapValues { $0.beforeLook() }
        do {
            let looks = try await LedgerLook.all(database)
            for look in looks {
                guard let feed = feeds[look.ledger], let before = before[look.ledger] else {
                    continue
                }
                feed.take(look, since: before)
            }
            return Set(looks.map(\.ledger))
        } catch {
            for feed in feeds.values { feed.loseLook() }
            throw error
        }
    }

    /// Has everybody who waits look again whether he has to.
    func wake() {
        for feed in all.values { feed.wake() }
    }
}
