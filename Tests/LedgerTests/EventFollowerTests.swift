import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("Event follower")
struct EventFollowerTests {
    @Test("A follower reads what is there and goes on with what is committed, in order")
    func catchesUpAndFollows() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            let episode = EpisodeID.fresh
            try await sequencer.appended(request(episode, SampleEvent.admitted()))
            var follower = EventFollower(
                reader,
                feed: sequencer.feed,
                after: .beginning,
                pollInterval: .seconds(3_600)
            )
            #expect(try await follower.next().map(\.history.version.rawValue) == [1])
            async let next = sequencer.appended(request(episode, SampleEvent.session()))
            #expect(try await follower.next().map(\.history.version.rawValue) == [2])
            _ = try await next
            #expect(follower.position == Position(2))
        }
    }

    @Test("A filter passes over what does not match, in memory and in the table")
    func filters() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            let (wanted, other) = (EpisodeID.fresh, EpisodeID.fresh)
            for episode in [other, wanted] {
                try await sequencer.appended(request(episode, SampleEvent.admitted()))
                for _ in 0..<30 {
                    try await sequencer.appended(request(episode, SampleEvent.session()))
                }
                try await sequencer.appended(request(episode, SampleEvent.completed()))
            }
            for feed in [sequencer.feed, LiveFeed()] {
                var follower = EventFollower(
                    reader,
                    feed: feed,
                    after: .beginning,
                    types: [.admitted, .completed],
                    episode: wanted
                )
                var seen: [Int64] = []
                while seen.count < 2 {
                    seen += try await follower.next(limit: 7).map(\.history.position.rawValue)
                }
                #expect(seen == [33, 64])
                #expect(follower.position == Position(64))
            }
        }
    }

    @Test("Another process's events arrive by announcement, long before the next poll")
    func announced() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            try await LedgerFixture.withDatabase(database.configuration) { other in
                let feeds = LiveFeeds()
                let feed = feeds.feed(of: sequencer.ledger.id)
                let listener = HeadListener(database.configuration, feeds: feeds)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await listener.run() }
                    // Announcements before LISTEN are lost: append until one has been heard.
                    let episode = EpisodeID.fresh
                    try await sequencer.appended(request(episode, SampleEvent.admitted()))
                    try await eventually("an announcement is heard") {
                        try await sequencer.appended(request(episode, SampleEvent.session()))
                        return feed.head > .zero
                    }
                    let reader = EventReader(other, ledger: sequencer.ledger)
                    let head = try await reader.head().position
                    var follower = EventFollower(
                        reader,
                        feed: feed,
                        after: Cursor(head),
                        pollInterval: .seconds(3_600)
                    )
                    async let next = sequencer.appended(request(episode, SampleEvent.session()))
                    #expect(try await follower.next().map(\.history.position) == [head.next])
                    _ = try await next
                    group.cancelAll()
                }
            }
        }
    }

    @Test("Without announcements a follower polls")
    func polls() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            let deaf = LiveFeed()
            var follower = EventFollower(
                reader,
                feed: deaf,
                after: .beginning,
                pollInterval: .milliseconds(5)
            )
            async let next = sequencer.appended(request(.fresh, SampleEvent.admitted()))
            #expect(try await follower.next().count == 1)
            _ = try await next
        }
    }

    @Test("A hole in what is handed over is read from the table")
    func holeInFeed() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            let episode = EpisodeID.fresh
            try await sequencer.appended(request(episode, SampleEvent.admitted()))
            // Another process appends in between.
            _ = try await appendTogether(
                [request(episode, SampleEvent.session())],
                database,
                sequencer.ledger
            )
            try await sequencer.appended(request(episode, SampleEvent.session()))
            var follower = EventFollower(reader, feed: sequencer.feed, after: .beginning)
            var seen: [Int64] = []
            while seen.count < 3 {
                seen += try await follower.next().map(\.history.position.rawValue)
            }
            #expect(seen == [1, 2, 3])
        }
    }

    @Test("A hole in the table is an alarm to who follows")
    func holeInTable() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            try await fill(database, ledger, events: 20)
            try await asSuperuser(
                database,
                "alter table event disable trigger all; delete from event where position = 12"
            )
            var follower = EventFollower(
                EventReader(database, ledger: ledger),
                feed: LiveFeed(),
                after: .beginning
            )
            #expect(try await follower.next(limit: 10).count == 10)
            await #expect {
                _ = try await follower.next(limit: 10)
            } throws: { error in
                if case LedgerError.missingEvent(Position(12)) = error { true } else { false }
            }
            #expect(follower.position == Position(10))
        }
    }

    @Test("A cancelled follower stops waiting")
    func cancelled() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            let following = Task {
                var follower = EventFollower(
                    reader,
                    feed: sequencer.feed,
                    after: .beginning,
                    pollInterval: .seconds(3_600)
                )
                return try await follower.next()
            }
            following.cancel()
            await #expect(throws: (any Error).self) { try await following.value }
        }
    }

    @Test("An announcement that is none, or of another ledger, is passed over")
    func foreignAnnouncements() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let feeds = LiveFeeds()
            let feed = feeds.feed(of: ledger.id)
            #expect(feeds.feed(of: ledger.id) === feed)
            let listener = HeadListener(database.configuration, feeds: feeds)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await listener.run() }
                var sent: Int64 = 0
                try await eventually("a true announcement is heard") {
                    sent += 1
                    for payload in ["", "1", "x:y", "1:2:3", ":", "99:1000", "1:x", "1:\(sent)"] {
                        _ = try await database.writer.query(
                            "select pg_notify('episode_ledger', \(payload))"
                        )
                    }
                    return feed.head > .zero
                }
                #expect(feed.head <= Position(sent))
                group.cancelAll()
            }
        }
    }
}
