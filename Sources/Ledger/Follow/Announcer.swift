import CareEpisode
import Postgres

/// What processes tell one another of a ledger, on the channel `episode_ledger`.
///
/// `3:1234` says that the head of ledger 3 is 1234; `3:sealed:1234` that a checkpoint of this size was
/// published. One that is lost delays whoever waits until the next look at the table, and loses nothing.
struct Announcement: Sendable {
    static let channel = "episode_ledger"
    private static let sealed: Substring = "sealed"

    let ledger: LedgerID
    let position: Position
    /// Whether a checkpoint was published; else the head has moved.
    let isSeal: Bool

    init(_ ledger: LedgerID, _ position: Position, isSeal: Bool = false) {
        self.ledger = ledger
        self.position = position
        self.isSeal = isSeal
    }

    /// Nil for anything else: anybody may write to the channel.
    init?(_ payload: String) {
        let parts = payload.split(separator: ":", omittingEmptySubsequences: false)
        let isSeal = parts.count == 3 && parts[1] == Self.sealed
        guard isSeal || parts.count == 2, let number = Int32(parts[0]),
            let position = Int64(parts[parts.count - 1]), position >= 0
        else { return nil }
        self.init(LedgerID(rawValue: number), Position(rawValue: position), isSeal: isSeal)
    }

    private var payload: String {
        "\(ledger.rawValue):\(isSeal ? "\(Self.sealed):" : "")\(position.rawValue)"
    }

    /// Tells it with the commit of the transaction.
    var notify: SQL { "pg_notify(\(Self.channel), \(payload))" }
}

extension LiveFeed {
    /// Takes in what another process tells.
    func take(_ announcement: Announcement) {
        if announcement.isSeal {
            sealed(to: announcement.position)
        } else {
            headMoved(to: announcement.position)
        }
    }
}

/// Tells other processes that this one has moved a ledger's head.
///
/// Apart from the append, whose transaction would otherwise take the lock that all notifying
/// transactions of a database share, and coalescing: however many batches were committed while one
/// notification was on its way, the next one tells the newest head.
final class Announcer: Sendable {
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
        var announced = feed.seen.committed
        while !Task.isCancelled {
            await feed.wait { [announced] in $0.committed > announced || $0.isFinished }
            let committed = feed.seen.committed
            if committed > announced {
                let announcement = Announcement(ledger.id, committed)
                // Followers look anyway: an announcement that fails is not worth a second try.
                _ = try? await database.writer.query("select \(announcement.notify)")
                announced = committed
            } else if feed.isFinished {
                return
            }
        }
    }
}
