import CareEpisode
import TestSupport
import Testing

@testable import Ledger

@Suite("Live feed")
struct LiveFeedTests {
    private func events(_ positions: ClosedRange<Int64>) -> [RecordedEvent] {
        positions.map { Self.event($0) }
    }

    /// An event at a position.
    static func event(_ position: Int64) -> RecordedEvent {
        RecordedEvent(
            episodeID: EpisodeID(bits: UInt128(position)),
            leafHash: [],
            header: [],
            history: HistoryEvent(
                position: Position(position),
                version: Version(1),
                eventID: EventID(bits: UInt128(position)),
                type: .admitted,
                occurredAt: SampleEvent.admissionTime,
                recordedAt: SampleEvent.admissionTime,
                knownAt: SampleEvent.admissionTime,
                payload: []
            )
        )
    }

    private func positions(_ feed: LiveFeed, after: Int64, limit: Int = 100) -> [Int64] {
        feed.events(after: Position(after), limit: limit).map(\.history.position.rawValue)
    }

    @Test("What was handed over is given from any position in it, up to a limit")
    func gives() {
        let feed = LiveFeed()
        feed.publish(events(5...7))
        feed.publish(events(8...8))
        #expect(feed.head == Position(8))
        #expect(positions(feed, after: 4) == [5, 6, 7, 8])
        #expect(positions(feed, after: 6) == [7, 8])
        #expect(positions(feed, after: 4, limit: 2) == [5, 6])
        #expect(positions(feed, after: 8) == [])
    }

    @Test("Of what came before or lies beyond, nothing is given: the table has it")
    func givesNothingElsewhere() {
        let feed = LiveFeed()
        #expect(positions(feed, after: 0) == [])
        feed.publish(events(5...7))
        for after in [Int64.min, -1, 0, 3, 7, 8, 100, .max] {
            #expect(positions(feed, after: after) == [])
        }
    }

    @Test("A hole in what is handed over is never given as if it were none")
    func hole() {
        let feed = LiveFeed()
        feed.publish(events(1...3))
        feed.publish(events(6...7))
        #expect(feed.head == Position(7))
        #expect(positions(feed, after: 2) == [])
        #expect(positions(feed, after: 4) == [])
        #expect(positions(feed, after: 5) == [6, 7])
    }

    @Test("Only the newest events are kept")
    func limit() {
        let feed = LiveFeed(limit: 4)
        feed.publish(events(1...3))
        feed.publish(events(4...6))
        #expect(positions(feed, after: 1) == [])
        #expect(positions(feed, after: 2) == [3, 4, 5, 6])
        feed.publish(events(7...16))
        #expect(positions(feed, after: 12) == [13, 14, 15, 16])
    }

    @Test("The head moves forward only, and a head heard of elsewhere gives no events")
    func headMoves() {
        let feed = LiveFeed()
        feed.publish(events(1...3))
        feed.headMoved(to: Position(9))
        feed.headMoved(to: Position(5))
        feed.publish([])
        #expect(feed.head == Position(9))
        #expect(positions(feed, after: 3) == [])
        feed.publish(events(4...4))
        #expect(feed.head == Position(9))
        #expect(positions(feed, after: 2) == [3, 4])
    }

    @Test("Waiting ends when the head is beyond the position, and not before")
    func waits() async {
        let feed = LiveFeed()
        await withTaskGroup(of: String.self) { group in
            group.addTask {
                await feed.wait(beyond: Position(4))
                return "beyond 4"
            }
            group.addTask {
                await feed.wait(beyond: Position(2))
                return "beyond 2"
            }
            feed.publish(events(1...3))
            #expect(await group.next() == "beyond 2")
            feed.headMoved(to: Position(5))
            #expect(await group.next() == "beyond 4")
        }
        // What is known already is not waited for.
        await feed.wait(beyond: Position(4))
    }

    @Test("Finishing a feed wakes everybody who waits, now and later")
    func finishes() async {
        let feed = LiveFeed()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { await feed.wait(beyond: .zero) } }
            feed.finish()
        }
        await feed.wait(beyond: .zero)
        #expect(feed.isFinished)
    }

    @Test("Waiting ends with its task")
    func cancelled() async {
        let feed = LiveFeed()
        for _ in 0..<100 {
            let waiting = Task { await feed.wait(beyond: .zero) }
            waiting.cancel()
            await waiting.value
        }
        let bounded = Task { await feed.wait(beyond: .zero, atMost: .seconds(3_600)) }
        bounded.cancel()
        await bounded.value
    }

    @Test("A bounded wait ends in time, also where the feed is finished and nothing will be heard")
    func bounded() async {
        for isFinished in [false, true] {
            let feed = LiveFeed()
            if isFinished { feed.finish() }
            let limit = Duration.milliseconds(60)
            let taken = await ContinuousClock().measure {
                await feed.wait(beyond: .zero, atMost: limit)
            }
            #expect(taken >= limit)
        }
        let feed = LiveFeed()
        feed.headMoved(to: Position(1))
        // Would take an hour otherwise.
        await feed.wait(beyond: .zero, atMost: .seconds(3_600))
    }
}

extension LiveFeed {
    /// Waits until the head is beyond a position, or nothing more will come.
    fileprivate func wait(beyond position: Position) async {
        await wait { $0.head > position || $0.isFinished }
    }
}
