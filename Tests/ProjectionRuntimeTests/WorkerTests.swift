import CareEpisode
import Ledger
import Postgres
import ProjectionTestSupport
import Projections
import Synchronization
import TestSupport
import Testing

@testable import ProjectionRuntime

/// How often workers lost their leases.
private final class Losses: Sendable {
    private let losses = Atomic(0)

    var count: Int { losses.load(ordering: .relaxed) }

    func add() { losses.add(1, ordering: .relaxed) }
}

@Suite("A projection worker", .serialized)
struct WorkerTests {
    @Test(
        "Whatever the batches were, the rows are those of a rebuild, row for row",
        arguments: [1, 2, 7, 1_000],
        [51, 52] as [UInt64]
    )
    func incrementalIsRebuild(_ batchLimit: Int, _ seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            var generator = SeededRandom(seed: seed)
            var histories = try fixture.histories(seed: seed)
            let projection = try fixture.census
            var worker = fixture.worker(projection, batchLimit: batchLimit)
            var reached = Position.zero
            while try await fixture.head().rawValue < 240 {
                let count = Int.random(in: 1..<60, using: &generator)
                try await fixture.append(histories.events(count, episodes: 14))
                // Sometimes somewhere in between, sometimes with a worker that remembers nothing.
                let head = try await fixture.head()
                let wanted = Position(Int64.random(in: reached.rawValue...head.rawValue))
                if generator.happens(0.5) {
                    worker = fixture.worker(projection, batchLimit: batchLimit)
                }
                try await worker.catchUp(to: wanted)
                let stored = try await fixture.storedCensus()
                #expect(stored.basis.position == wanted, "the checkpoint is exact")
                #expect(
                    stored.models == (try await fixture.expectedCensus(through: wanted)),
                    "seed \(seed), batches of \(batchLimit), at \(wanted)"
                )
                reached = wanted
            }
            try await worker.catchUp(to: try await fixture.head())
            let report = try await fixture.rebuild(projection).run()
            #expect(report.differing == 0 && report.parked == 0)
            let head = try await fixture.head()
            #expect(report.generation == 2 && report.position == head)
            #expect(report.events == head.rawValue)
            let rows = try await fixture.censusRows(1)
            #expect(try await fixture.censusRows(2) == rows, "seed \(seed) \(batchLimit)")
            #expect(rows.count > 20)
        }
    }

    @Test(
        "A batch that remembers histories folds them as one that reads them again",
        arguments: [0, 5]
    )
    func forgetfulCache(_ limit: Int) async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 53)
            try await fixture.append(histories.events(120, episodes: 6))
            var cache = HistoryCache(eventLimit: limit)
            for after in stride(from: Int64(0), to: 120, by: 8) {
                let through = Position(after + 8)
                let batch = try await fixture.reader.episodes(
                    after: Position(after),
                    through: through
                )
                try await cache.load(
                    batch.episodes,
                    with: batch.events,
                    through: through,
                    fixture.reader
                )
                let read = try await fixture.reader.histories(
                    of: batch.episodes,
                    through: through
                )
                for episode in batch.episodes { #expect(cache[episode] == read[episode]) }
            }
        }
    }

    // MARK: Exactly once

    @Test("Of two workers with one lease one writes a batch, the other nothing")
    func compareAndSet() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 54)
            try await fixture.append(histories.events(40, episodes: 4))
            let projection = EntryCount()
            let registry = fixture.registry(projection)
            try await registry.register()
            let lease = try #require(try await registry.acquire())
            let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 1...4 {
                    group.addTask {
                        // Each would leave rows of its own.
                        var batch = FoldedBatch(
                            projection,
                            ledger: fixture.ledger.id,
                            generation: lease.generation
                        )
                        let episode = EpisodeID(bits: UInt128(number))
                        batch.folded = [episode]
                        projection.encode(
                            .init(episode: episode, entries: number),
                            into: &batch.rows
                        )
                        let folded = batch
                        do {
                            try await fixture.database.projector.withTransaction { connection in
                                try await registry.advance(lease, to: Position(40), connection)
                                try await registry.write(
                                    folded,
                                    generation: lease.generation,
                                    through: Position(40),
                                    connection
                                )
                            }
                            return true
                        } catch ProjectionError.leaseLost {
                            return false
                        }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wins == 1)
            #expect(try await fixture.counts().count == 1)
            #expect(try await fixture.checkpoint("entries")?.position == Position(40))
        }
    }

    @Test("A worker whose lease was seized writes nothing and cannot keep it")
    func seized() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 55)
            try await fixture.append(histories.events(20, episodes: 3))
            let registry = fixture.registry(EntryCount())
            try await registry.register()
            let stale = try #require(try await registry.acquire())
            let seized = try await fixture.registry(EntryCount(), holder: "other").seize()
            #expect(seized.lease.epoch == stale.lease.epoch + 1)
            let failure = try await error(ProjectionError.self) {
                try await fixture.database.projector.withTransaction { connection in
                    try await registry.advance(stale, to: Position(20), connection)
                }
            }
            #expect(failure == .leaseLost(projection: "entries"))
            #expect(try await stale.lease.renew(registry.pool) == false)
            try await stale.lease.release(registry.pool)
            let checkpoint = try await fixture.checkpoint("entries")
            #expect(checkpoint?.position == .zero && checkpoint?.holder == "other")
            #expect(try await seized.lease.renew(registry.pool))
        }
    }

    @Test("A worker that loses its lease while it folds writes none of what it has folded")
    func lostWhileFolding() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 63)
            try await fixture.append(histories.events(20, episodes: 3))
            let psql = try TestCluster.binary("psql")
            var projection = EntryCount()
            projection.onFold = {
                let theft = runProgram([
                    psql, "-X", "-q", fixture.url, "-c",
                    """
                    update read_model_state
                    set epoch = epoch + 1, lease_holder = 'thief',
                        lease_until = clock_timestamp() + interval '1 minute'
                    where lease_holder = 'victim'
                    """,
                ])
                #expect(theft.status == 0)
            }
            let victim = fixture.worker(projection, holder: "victim", batchLimit: 10)
            let failure = try await error(ProjectionError.self) {
                try await victim.catchUp(to: Position(20), limit: .zero)
            }
            #expect(failure == .lagging(projection: "entries", position: 0, wanted: 20))
            #expect(try await fixture.counts().isEmpty)
            let checkpoint = try await fixture.checkpoint("entries")
            #expect(checkpoint?.position == .zero && checkpoint?.holder == "thief")
        }
    }

    @Test("A worker that the database failed does not wait for its own lease to expire")
    func databaseTrouble() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 64)
            let worker = fixture.worker(EntryCount(), holder: "worker")
            let troubles = Losses()
            async let running: Void = worker.run(feed: LiveFeed()) { _ in troubles.add() }
            try await eventually("the worker has the lease") {
                try await fixture.checkpoint("entries")?.holder == "worker"
            }
            try await fixture.superuser(
                "alter table read_model_state add constraint trouble check (position = 0)"
            )
            try await fixture.append(histories.events(20, episodes: 3))
            try await eventually("the worker is in trouble") { troubles.count > 0 }
            try await fixture.superuser("alter table read_model_state drop constraint trouble")
            // The lease that it had would last longer.
            try await eventually("the worker is at the head", within: .seconds(8)) {
                try await fixture.checkpoint("entries")?.position == Position(20)
            }
            worker.stop()
            try await running
        }
    }

    @Test("Workers that lose their leases again and again count every event exactly once")
    func contended() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 56)
            let events = histories.events(300, episodes: 14)
            let projection = try fixture.census
            let workers = (1...3).map {
                fixture.worker(projection, holder: "worker \($0)", batchLimit: 3)
            }
            try await fixture.registry(projection).register()
            let losses = Losses()
            try await Sequencer.with(fixture.database, ledger: fixture.ledger) { sequencer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in workers {
                        group.addTask {
                            try await worker.run(feed: sequencer.feed) { trouble in
                                if case ProjectionError.leaseLost = trouble {
                                    losses.add()
                                }
                            }
                        }
                    }
                    for start in stride(from: 0, to: events.count, by: 20) {
                        try await ProjectionFixture.append(
                            events[start..<min(start + 20, events.count)],
                            sequencer
                        )
                        // Another worker takes over in the middle of whatever is being done.
                        try await fixture.expireLeases()
                        if start % 60 == 0 {
                            _ = try await fixture.registry(projection, holder: "thief").seize()
                            try await fixture.expireLeases()
                        }
                    }
                    let head = try await fixture.head()
                    try await eventually("the head is reached") {
                        try await fixture.checkpoint("census")?.position == head
                    }
                    for worker in workers { worker.stop() }
                    try await group.waitForAll()
                }
            }
            #expect(losses.count > 0, "leases were lost")
            let stored = try await fixture.storedCensus()
            #expect(stored.models == (try await fixture.expectedCensus(through: Position(300))))
            #expect(try await fixture.rebuild(projection).run().differing == 0)
        }
    }

    // MARK: Leases

    @Test("A lease is taken over when it has expired, and not before")
    func expiry() async throws {
        try await ProjectionFixture.with { fixture in
            let (one, other) = (
                fixture.registry(EntryCount(), holder: "one"),
                fixture.registry(EntryCount(), holder: "other")
            )
            try await one.register()
            let lease = try #require(try await one.acquire())
            #expect(try await other.acquire() == nil)
            #expect(try await lease.lease.renew(one.pool))
            #expect(try await other.acquire() == nil)
            try await fixture.expireLeases()
            // Nobody has taken it: it may still be kept.
            #expect(try await lease.lease.renew(one.pool))
            #expect(try await other.acquire() == nil)
            try await fixture.expireLeases()
            let taken = try #require(try await other.acquire())
            #expect(taken.lease.epoch == lease.lease.epoch + 1)
            #expect(try await lease.lease.renew(one.pool) == false)
            #expect(try await fixture.checkpoint("entries")?.holder == "other")
        }
    }

    @Test("A lease lasts ten seconds of the database's clock from each sign of life")
    func leaseTime() async throws {
        try await ProjectionFixture.with { fixture in
            let registry = fixture.registry(EntryCount())
            try await registry.register()
            let lease = try #require(try await registry.acquire())
            func left() async throws -> Double {
                try await fixture.superuser(
                    """
                    select extract(epoch from lease_until - clock_timestamp())::float8 as left
                    from read_model_state
                    """
                )[0].get("left")
            }
            #expect(try await (9...10).contains(left()))
            try await fixture.expireLeases()
            #expect(try await lease.lease.renew(registry.pool))
            #expect(try await (9...10).contains(left()))
            try await fixture.expireLeases()
            try await fixture.database.projector.withTransaction {
                try await registry.advance(lease, to: .zero, $0)
            }
            #expect(try await (9...10).contains(left()))
        }
    }

    @Test("stop() hands the lease back, and the next worker goes on at once")
    func stop() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 57)
            try await fixture.append(histories.events(30, episodes: 3))
            let worker = fixture.worker(EntryCount(), holder: "first")
            async let running: Void = worker.run(feed: LiveFeed())
            try await eventually("the worker is at the head") {
                try await fixture.checkpoint("entries")?.position == Position(30)
            }
            #expect(try await fixture.checkpoint("entries")?.holder == "first")
            worker.stop()
            try await running
            #expect(try await fixture.checkpoint("entries")?.holder == nil)
            let next = try await fixture.registry(EntryCount(), holder: "second").acquire()
            #expect(next?.position == Position(30))
        }
    }

    @Test("A worker follows the head by its feed, and without one by looking")
    func follows() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 58)
            let (first, second) = (
                histories.events(30, episodes: 3), histories.events(30, episodes: 3)
            )
            let worker = fixture.worker(EntryCount())
            let sequencer = Sequencer(fixture.database, ledger: fixture.ledger)
            async let sequencing: Void = sequencer.run()
            async let running: Void = worker.run(feed: sequencer.feed)
            try await ProjectionFixture.append(first, sequencer)
            try await eventually("what was announced") {
                try await fixture.checkpoint("entries")?.position == Position(30)
            }
            sequencer.stop()
            await sequencing
            // The feed says nothing more; another process appends.
            try await fixture.append(second)
            try await eventually("what nobody announced") {
                try await fixture.checkpoint("entries")?.position == Position(60)
            }
            worker.stop()
            try await running
        }
    }

    @Test("A feed that has ended does not make anybody look all the time")
    func finishedFeed() async throws {
        try await ProjectionFixture.with { fixture in
            let feed = try await Sequencer.with(fixture.database, ledger: fixture.ledger) {
                $0.feed
            }
            #expect(feed.isFinished)
            let began = ContinuousClock.now
            await feed.wait(beyond: .zero, atMost: .seconds(1))
            #expect(began.duration(to: .now) >= .seconds(1))
        }
    }

    // MARK: Catching up

    @Test("catchUp waits for the worker that holds the lease")
    func catchUpBesideAWorker() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 59)
            try await fixture.append(histories.events(50, episodes: 4))
            let worker = fixture.worker(EntryCount(), holder: "worker", batchLimit: 1)
            async let running: Void = worker.run(feed: LiveFeed())
            try await eventually("the worker has the lease") {
                try await fixture.checkpoint("entries")?.holder == "worker"
            }
            try await fixture.append(histories.events(20, episodes: 4))
            try await fixture.worker(EntryCount(), holder: "asker").catchUp(to: Position(70))
            let checkpoint = try await fixture.checkpoint("entries")
            #expect(checkpoint?.position == Position(70))
            #expect(checkpoint?.holder == "worker" && checkpoint?.epoch == 1)
            worker.stop()
            try await running
        }
    }

    @Test("catchUp gives up on a worker that is stuck, and says how far it got")
    func catchUpBesideAStuckWorker() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 60)
            try await fixture.append(histories.events(20, episodes: 4))
            let stuck = fixture.registry(EntryCount(), holder: "stuck")
            try await stuck.register()
            let lease = try #require(try await stuck.acquire())
            try await fixture.database.projector.withTransaction {
                try await stuck.advance(lease, to: Position(5), $0)
            }
            let failure = try await error(ProjectionError.self) {
                try await fixture.worker(EntryCount()).catchUp(
                    to: Position(20),
                    limit: .milliseconds(200)
                )
            }
            #expect(failure == .lagging(projection: "entries", position: 5, wanted: 20))
            // What is there already needs nobody.
            try await fixture.worker(EntryCount()).catchUp(to: Position(5))
        }
    }

    @Test("catchUp goes to the wanted position and no further, and tells its progress")
    func catchUpProgress() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 61)
            try await fixture.append(histories.events(25, episodes: 4))
            let told = Mutex<[Int64]>([])
            try await fixture.worker(EntryCount(), batchLimit: 10).catchUp(to: Position(23)) {
                position in told.withLock { $0.append(position.rawValue) }
            }
            #expect(told.withLock { $0 } == [10, 20, 23])
            let checkpoint = try await fixture.checkpoint("entries")
            #expect(checkpoint?.position == Position(23) && checkpoint?.holder == nil)
        }
    }

    @Test("A worker stops at an event that is missing, and passes nothing over")
    func missingEvent() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 62)
            try await fixture.append(histories.events(20, episodes: 4))
            try await fixture.remove(Position(13))
            let worker = fixture.worker(EntryCount(), batchLimit: 5)
            let failure = try await error(LedgerError.self) {
                try await worker.catchUp(to: Position(20))
            }
            guard case .missingEvent(Position(13)) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(try await fixture.checkpoint("entries")?.position == Position(10))
        }
    }

    @Test("Many processes may register a read model at once, for several ledgers")
    func registration() async throws {
        try await ProjectionFixture.with { fixture in
            let other = try await fixture.other("other")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    let fixture = index % 2 == 0 ? fixture : other
                    group.addTask { try await fixture.registry(EntryCount()).register() }
                }
                try await group.waitForAll()
            }
            for fixture in [fixture, other] {
                #expect(try await fixture.checkpoint("entries")?.generation == 1)
                #expect(try await fixture.checkpoint("entries")?.position == .zero)
            }
        }
    }
}

extension ProjectionFixture {
    /// Removes an event, as only somebody who can switch triggers off can.
    func remove(_ position: Position) async throws {
        try await superuser("alter table event disable trigger event_is_immutable")
        try await superuser(
            """
            delete from event
            where ledger_id = \(ledger.id.rawValue) and position = \(position.rawValue)
            """
        )
        try await superuser("alter table event enable always trigger event_is_immutable")
    }
}
