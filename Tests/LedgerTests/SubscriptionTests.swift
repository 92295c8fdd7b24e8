import CareEpisode
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ledger

@Suite("Durable subscriptions")
struct SubscriptionTests {
    /// A subscription of a ledger with some episodes.
    private struct Fixture: Sendable {
        let database: LedgerDatabase
        let ledger: LedgerDescription
        let sequencer: Sequencer
        let subscription: Subscription
        var consumer: SubscriptionConsumer { SubscriptionConsumer(database, ledger: ledger) }

        static func with(
            _ change: @Sendable (inout Subscription) -> Void = { _ in },
            _ body: @escaping @Sendable (Fixture) async throws -> Void
        ) async throws {
            let name = try #require(SubscriptionName("billing"))
            try await LedgerFixture.withSequencer { database, sequencer in
                let ledger = try await database.ledger(named: .default)
                var subscription = Subscription(name: name)
                change(&subscription)
                let made = try await SubscriptionRegistry(database, ledger: ledger)
                    .put(subscription, givesAfter: true, by: "tester")
                #expect(made.isNew)
                try await body(
                    Fixture(
                        database: database,
                        ledger: ledger,
                        sequencer: sequencer,
                        subscription: subscription
                    )
                )
            }
        }

        /// Records an admission and sessions of new episodes.
        func record(episodes: Int, sessions: Int) async throws {
            for _ in 0..<episodes {
                let events =
                    [SampleEvent.admitted()]
                    + (0..<sessions).map { SampleEvent.session(day: Int64($0) + 1) }
                _ = try await sequencer.append(
                    AppendRequest(
                        episodeID: .fresh,
                        events: events,
                        expectedVersion: nil,
                        recordedBy: "tester",
                        isList: true
                    )
                )
            }
        }

        func next(
            _ name: String? = nil,
            limit: Int = 100,
            buckets: Int = 16
        ) async throws -> SubscriptionDelivery {
            try await consumer.next(subscription, consumer: name, limit: limit, buckets: buckets)
        }

        func acknowledge(_ batch: SubscriptionDelivery.Batch) async throws {
            try await consumer.acknowledge(
                subscription,
                [Acknowledgement(bucket: batch.bucket, from: batch.from, to: batch.to)]
            )
        }

        /// Ends every lease, as time would.
        func endLeases() async throws {
            _ = try await database.projector.query(
                """
                update subscription_bucket set lease_until = clock_timestamp() - interval '1 s'
                where lease_until is not null
                """
            )
        }

        func status() async throws -> SubscriptionStatus {
            try await SubscriptionStatus(database, ledger, subscription)
        }
    }

    @Test("Each event is given out once, each episode in order, and the lag falls to nothing")
    func once() async throws {
        try await Fixture.with { fixture in
            try await fixture.record(episodes: 100, sessions: 4)
            #expect(try await fixture.status().lag == 500)
            var seen: [Int64] = []
            var versions: [EpisodeID: Int64] = [:]
            while true {
                let delivery = try await fixture.next(limit: 37)
                if delivery.events.isEmpty { break }
                for (bucket, event) in delivery.events {
                    #expect(bucket == Subscription.bucket(of: event.episodeID))
                    seen.append(event.history.position.rawValue)
                    let version = event.history.version.rawValue
                    #expect(version == versions[event.episodeID, default: 0] + 1)
                    versions[event.episodeID] = version
                }
                for batch in delivery.batches { try await fixture.acknowledge(batch) }
            }
            #expect(seen.sorted() == Array(1...500))
            let status = try await fixture.status()
            #expect(status.lag == 0)
            #expect(status.position == Position(500))
        }
    }

    @Test("Consumers of one name share the buckets; none is given to two at a time")
    func shared() async throws {
        try await Fixture.with { fixture in
            try await fixture.record(episodes: 200, sessions: 1)
            var given: [Int] = []
            for _ in 0..<4 { given += try await fixture.next(limit: 1_000).batches.map(\.bucket) }
            #expect(given.count == Set(given).count)
            #expect(given.count > 48)
            let nothing = try await fixture.next(limit: 1_000, buckets: 64)
            let all = given + nothing.batches.map(\.bucket)
            #expect(all.count == Set(all).count)
            #expect(try await fixture.next().events.isEmpty)
            let held = try await fixture.status().buckets.filter { $0.leasedUntil != nil }
            #expect(held.map(\.number).count == all.count)
            // A lease that lasts longer than it may, since the clock was ahead, is nobody's.
            _ = try await fixture.database.projector.query(
                "update subscription_bucket set lease_until = lease_until + interval '1 year'"
            )
            #expect(try await fixture.status().buckets.allSatisfy { $0.leasedUntil == nil })
        }
    }

    @Test("What a dead consumer had not acknowledged is given out again, exactly that")
    func redelivery() async throws {
        try await Fixture.with { fixture in
            try await fixture.record(episodes: 40, sessions: 3)
            let first = try await fixture.next(buckets: 64)
            let dealtWith = Set(first.batches.prefix(first.batches.count / 2).map(\.bucket))
            for batch in first.batches where dealtWith.contains(batch.bucket) {
                try await fixture.acknowledge(batch)
            }
            // Nobody gets the rest before the lease has ended.
            let others = try await fixture.next(limit: 1_000, buckets: 64)
            let missing = Set(first.batches.map(\.bucket)).subtracting(dealtWith)
            #expect(missing.isDisjoint(with: others.batches.map(\.bucket)))
            for batch in others.batches { try await fixture.acknowledge(batch) }
            try await fixture.endLeases()
            let again = try await fixture.next(limit: 1_000, buckets: 64)
            let wanted = first.events.filter { missing.contains($0.bucket) }
                .map(\.event.history.position)
            #expect(again.events.map(\.event.history.position).starts(with: wanted.prefix(1)))
            #expect(Set(wanted).isSubset(of: again.events.map(\.event.history.position)))
            #expect(Set(again.batches.map(\.bucket)) == missing)
            #expect(again.batches.allSatisfy { $0.deliveries == 2 })
            // The dead one wakes up: its lease is not the newest.
            let late = try #require(first.batches.first { missing.contains($0.bucket) })
            await #expect(throws: SubscriptionError.self) {
                try await fixture.consumer.acknowledge(
                    fixture.subscription,
                    [
                        Acknowledgement(
                            bucket: late.bucket,
                            from: late.from,
                            to: late.to,
                            epoch: late.epoch
                        )
                    ]
                )
            }
        }
    }

    @Test("A consumer with a name gets at once what it had not acknowledged; others do not")
    func named() async throws {
        try await Fixture.with { fixture in
            try await fixture.record(episodes: 5, sessions: 1)
            let first = try await fixture.next("a", buckets: 64)
            #expect(first.events.count == 10)
            #expect(try await fixture.next("b", buckets: 64).events.isEmpty)
            #expect(try await fixture.next(buckets: 64).events.isEmpty)
            let again = try await fixture.next("a", buckets: 64)
            #expect(
                again.events.map(\.event.history.position)
                    == first.events.map(\.event.history.position)
            )
        }
    }

    @Test("An acknowledgement is a compare-and-set, of all buckets or none")
    func compareAndSet() async throws {
        try await Fixture.with { fixture in
            try await fixture.record(episodes: 30, sessions: 2)
            let delivery = try await fixture.next(buckets: 64)
            let (one, two) = (delivery.batches[0], delivery.batches[1])
            func acknowledge(_ all: [Acknowledgement]) async -> SubscriptionError? {
                do {
                    try await fixture.consumer.acknowledge(fixture.subscription, all)
                    return nil
                } catch {
                    return error as? SubscriptionError
                }
            }
            let good = Acknowledgement(bucket: one.bucket, from: one.from, to: one.to)
            var wrong = Acknowledgement(bucket: two.bucket, from: Position(1), to: two.to)
            guard case .stale(let stale) = await acknowledge([good, wrong]) else {
                Issue.record("a wrong acknowledgement was taken")
                return
            }
            #expect(stale.map(\.index) == [1])
            #expect(stale[0].position == two.from)
            // Not the first one either.
            let untouched = try await fixture.status().buckets[one.bucket]
            #expect(untouched.position == one.from)
            wrong.from = two.from
            wrong.to = Position(two.to.rawValue + 1)
            #expect(await acknowledge([wrong]) != nil, "more than was given out")
            wrong.to = two.to
            wrong.epoch = two.epoch + 1
            #expect(await acknowledge([wrong]) != nil, "another lease's epoch")
            wrong.epoch = two.epoch
            #expect(await acknowledge([good, wrong]) == nil)
            #expect(await acknowledge([good]) != nil, "a second time")
            // Part of a batch keeps the lease.
            let three = delivery.batches[2]
            let middle = try #require(
                delivery.events.first { $0.bucket == three.bucket }?.event.history.position
            )
            let part = Acknowledgement(bucket: three.bucket, from: three.from, to: middle)
            #expect(await acknowledge([part]) == nil)
            let bucket = try await fixture.status().buckets[three.bucket]
            #expect(bucket.position == middle)
            #expect((bucket.leasedUntil != nil) == (middle < three.to))
        }
    }

    @Test("An event that its consumers die of is found, buried alone, and the rest goes on")
    func poison() async throws {
        try await Fixture.with {
            $0.maxDeliveries = 4
        } _: { fixture in
            try await fixture.record(episodes: 60, sessions: 2)
            let poison = Position(77)
            var handled: Set<Int64> = []
            for _ in 0..<400 {
                let delivery = try await fixture.next(limit: 1_000, buckets: 64)
                if delivery.events.isEmpty {
                    if try await fixture.status().lag == 0 { break }
                    try await fixture.endLeases()
                    continue
                }
                for batch in delivery.batches {
                    let events = delivery.events.filter { $0.bucket == batch.bucket }
                    // The consumer dies before it has acknowledged anything of the bucket.
                    if events.contains(where: { $0.event.history.position == poison }) { continue }
                    handled.formUnion(events.map(\.event.history.position.rawValue))
                    try await fixture.acknowledge(batch)
                }
            }
            #expect(handled == Set(1...180).subtracting([77]))
            let registry = SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
            let name = fixture.subscription.name
            let letters = try await registry.deadLetters(name, after: .zero, limit: 10)
            #expect(letters.map(\.position) == [poison])
            #expect(letters.first?.reason == "never_acknowledged")
            #expect(letters.first?.deliveries == 4)
            try await registry.resolve(name, deadLetter: poison)
            #expect(try await registry.deadLetters(name, after: .zero, limit: 10).isEmpty)
            await #expect(throws: SubscriptionError.noDeadLetter(poison)) {
                try await registry.resolve(name, deadLetter: poison)
            }
        }
    }

    @Test("A consumer can say which event it cannot deal with, and why")
    func failed() async throws {
        try await Fixture.with { fixture in
            try await fixture.record(episodes: 1, sessions: 3)
            let batch = try #require(try await fixture.next().batches.first)
            func acknowledge(_ position: Int64) async throws {
                try await fixture.consumer.acknowledge(
                    fixture.subscription,
                    [
                        Acknowledgement(
                            bucket: batch.bucket,
                            from: batch.from,
                            to: batch.to,
                            failed: [.init(position: Position(position), reason: "no_such_payer")]
                        )
                    ]
                )
            }
            await #expect(throws: Refusal.self) { try await acknowledge(9) }
            try await acknowledge(2)
            let letters = try await SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
                .deadLetters(fixture.subscription.name, after: .zero, limit: 10)
            #expect(letters.map(\.position) == [Position(2)])
            #expect(letters.map(\.reason) == ["no_such_payer"])
            #expect(try await fixture.status().lag == 0)
        }
    }

    @Test("Types and episodes are filtered, and what is not wanted holds nothing up")
    func filters() async throws {
        try await Fixture.with {
            $0.types = [.admitted]
        } _: { fixture in
            try await fixture.record(episodes: 30, sessions: 99)
            var positions: [Int64] = []
            while true {
                let delivery = try await fixture.next(limit: 7)
                if delivery.events.isEmpty { break }
                positions += delivery.events.map(\.event.history.position.rawValue)
                for batch in delivery.batches { try await fixture.acknowledge(batch) }
            }
            #expect(positions.sorted() == (0..<30).map { $0 * 100 + 1 })
            let status = try await fixture.status()
            #expect(status.lag == 0)
            // Buckets in which nothing happened were moved on: nobody reads the ledger from its
            // beginning each time.
            let least = try #require(status.buckets.map(\.position).min())
            #expect(least.rawValue > 3_000 - 256 - 100)
        }
    }

    /// What the consumers of a test have dealt with.
    private final class Tally: Sendable {
        let isRecorded = Atomic(false)
        private let positions = Mutex<[Int64]>([])
        var all: [Int64] { positions.withLock { $0 } }
        func add(_ more: [Int64]) { positions.withLock { $0 += more } }
    }

    @Test("Whatever consumers do, each event is acknowledged once, each episode in order")
    func random() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        try await Fixture.with { fixture in
            let tally = Tally()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<40 { try await fixture.record(episodes: 3, sessions: 4) }
                    tally.isRecorded.store(true, ordering: .releasing)
                }
                for worker in 0..<4 {
                    group.addTask {
                        var random = SeededRandom(seed: seed &+ UInt64(worker))
                        while true {
                            let wasRecorded = tally.isRecorded.load(ordering: .acquiring)
                            let delivery = try await fixture.next(
                                worker < 2 ? "w\(worker)" : nil,
                                limit: Int.random(in: 1...60, using: &random),
                                buckets: Int.random(in: 1...64, using: &random)
                            )
                            if delivery.events.isEmpty {
                                if wasRecorded, try await fixture.status().lag == 0 { return }
                                try await fixture.endLeases()
                                continue
                            }
                            for batch in delivery.batches {
                                // One in four dies on the way.
                                if Int.random(in: 0..<4, using: &random) == 0 { continue }
                                let events = delivery.events.filter { $0.bucket == batch.bucket }
                                do {
                                    try await fixture.consumer.acknowledge(
                                        fixture.subscription,
                                        [
                                            Acknowledgement(
                                                bucket: batch.bucket,
                                                from: batch.from,
                                                to: batch.to,
                                                epoch: batch.epoch
                                            )
                                        ]
                                    )
                                } catch SubscriptionError.stale {
                                    continue
                                }
                                tally.add(events.map(\.event.history.position.rawValue))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            // Ten deliveries in vain in a row are rare, and are on the list.
            let letters = try await SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
                .deadLetters(fixture.subscription.name, after: .zero, limit: 1_000)
            let all = tally.all + letters.map(\.position.rawValue)
            #expect(all.sorted() == Array(1...600), "seed \(seed)")
        }
    }

    @Test("A wider filter misses nothing of what was under way by the narrower one")
    func widened() async throws {
        try await Fixture.with {
            $0.types = [.admitted]
        } _: { fixture in
            try await fixture.record(episodes: 1, sessions: 3)
            let narrow = try #require(try await fixture.next().batches.first)
            var wide = fixture.subscription
            wide.types = nil
            _ = try await SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
                .put(wide, givesAfter: false, by: "tester")
            await #expect(throws: SubscriptionError.self) {
                try await fixture.acknowledge(narrow)
            }
            let again = try await fixture.consumer.next(wide, consumer: nil)
            #expect(again.events.map(\.event.history.position.rawValue) == [1, 2, 3, 4])
        }
    }

    @Test("Making again changes what may change, and refuses the rest; ending removes everything")
    func registry() async throws {
        try await Fixture.with { fixture in
            let registry = SubscriptionRegistry(fixture.database, ledger: fixture.ledger)
            try await fixture.record(episodes: 2, sessions: 1)
            var changed = fixture.subscription
            changed.types = [.completed]
            changed.leaseSeconds = 5
            let again = try await registry.put(changed, givesAfter: false, by: "tester")
            #expect(!again.isNew)
            #expect(try await registry.subscription(changed.name) == changed)
            changed.after = Position(2)
            await #expect(throws: SubscriptionError.fixed("after")) {
                try await registry.put(changed, givesAfter: true, by: "tester")
            }
            changed.webhook = WebhookSettings(url: "https://example.org")
            await #expect(throws: SubscriptionError.fixed("webhook")) {
                try await registry.put(changed, givesAfter: false, by: "tester")
            }
            let name = try #require(SubscriptionName("later"))
            await #expect(throws: SubscriptionError.beyondHead) {
                try await registry.put(
                    Subscription(name: name, after: Position(5)),
                    givesAfter: true,
                    by: "tester"
                )
            }
            #expect(try await registry.all().map(\.name) == [changed.name])
            try await registry.delete(changed.name)
            await #expect(throws: SubscriptionError.unknown(changed.name)) {
                try await registry.delete(changed.name)
            }
            let left = try await fixture.database.reader.query("select from subscription_bucket")
            #expect(left.isEmpty)
        }
    }
}
