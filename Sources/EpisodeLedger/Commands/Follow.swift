import ArgumentParser
import CareEpisode
import Ledger
import Postgres

struct Follow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print events as they are committed, until Ctrl-C.",
        usage: "episode-ledger follow [<options>]",
        discussion: """
            Every event after a position, in order, none missed and none twice. To go on later, \
            give the last position you have seen as --after. After a declared restore positions \
            are counted anew: then --after takes 2.1234, after the second restore 3.1234.
            """
    )

    @Option(
        help: ArgumentHelp(
            "Begin after this position, 0 for all; without it, after the head.",
            valueName: "position"
        )
    )
    var after: Cursor?

    @OptionGroup var types: TypeOptions

    @Option(help: ArgumentHelp("Only this episode's events.", valueName: "id"))
    var episode: EpisodeID?

    @OptionGroup var disclosure: DisclosureOptions

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        let (after, filter, episode) = (after, types.filter, episode)
        let disclosure = disclosure
        try await Session.run(options, isEndedBySignal: true) { session in
            let ledger = try await session.ledger()
            let reader = EventReader(session.database, ledger: ledger)
            let feeds = LiveFeeds()
            let feed = feeds.feed(of: ledger.id)
            let head = try await reader.head()
            let start = after ?? head.cursor
            try await session.disclose(
                Disclosure(
                    operation: "listEvents",
                    episode: episode,
                    detail: "a stream after position \(start)"
                ),
                of: ledger,
                disclosure
            )
            let listener = HeadListener(session.database.configuration, feeds: feeds)
            try await withThrowingTaskGroup(of: Void.self) { group in
                // A replica takes no listeners: it is looked at each second.
                if !head.isReplica { group.addTask { try await listener.run() } }
                group.addTask {
                    var follower = EventFollower(
                        reader,
                        feed: feed,
                        after: start,
                        types: filter,
                        episode: episode
                    )
                    while true {
                        do {
                            var lines: [UInt8] = []
                            for event in try await follower.next() {
                                lines += event.served()
                                lines.append(0x0A)
                            }
                            Console.write(lines)
                        } catch let error as PostgresError where error.isTransient {
                            Console.note("\(error); going on after \(follower.cursor)")
                            try await Task.sleep(for: .seconds(1))
                        }
                    }
                }
                group.addTask {
                    while !session.shutdown.isRequested {
                        try Task.checkCancellation()
                        await session.shutdown.wait(atMost: .seconds(1))
                        Console.checkReader()
                    }
                    throw CancellationError()
                }
                // The first one that fails ends the others.
                for try await _ in group {}
            }
        }
    }
}
