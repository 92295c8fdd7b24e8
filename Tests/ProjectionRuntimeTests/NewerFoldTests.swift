import CareEpisode
import Glibc
import Ledger
import Postgres
import ProjectionTestSupport
import Synchronization
import TestSupport
import Testing

@testable import ProjectionRuntime

/// What a program does whose fold has a higher version than the one that filled the tables.
@Suite("A newer fold", .serialized)
struct NewerFoldTests {
    private static let old = EntryCount()
    private static let new = EntryCount(foldVersion: 2, weight: 10)

    @Test("A worker rebuilds by itself, while the old program goes on until the switch")
    func worker() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 120)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(Self.old)
            let oldWorker = fixture.worker(Self.old, holder: "old")
            async let oldEnd = error(ProjectionError.self) {
                try await oldWorker.run(feed: LiveFeed())
            }
            try await eventually("the old program holds the lease") {
                try await fixture.checkpoint("entries")?.holder == "old"
            }
            let told = Mutex<[String]>([])
            let newWorker = fixture.worker(Self.new, holder: "new")
            async let running: Void = newWorker.run(feed: LiveFeed()) { trouble in
                told.withLock { $0.append("\(trouble)") }
            }
            try await eventually("the new rows answer") {
                try await fixture.checkpoint("entries")?.generation == 2
            }
            #expect(
                try await oldEnd == .rebuildNeeded(projection: "entries", stored: 2, program: 1)
            )
            try await fixture.append(histories.events(40, episodes: 6))
            try await eventually("the new worker goes on") {
                try await fixture.checkpoint("entries")?.position == Position(100)
            }
            newWorker.stop()
            try await running
            let expected = try await fixture.expectedCounts(through: Position(100))
            #expect(try await fixture.counts(2) == expected.mapValues { $0 * 10 })
            #expect(told.withLock { $0.first }?.contains("builds it anew") == true)
            #expect(try await fixture.rebuildsUnderWay() == 0)
        }
    }

    @Test("Of two workers one rebuilds, and the other waits for it")
    func twoWorkers() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 121)
            try await fixture.append(histories.events(100, episodes: 9))
            try await fixture.catchUp(Self.old)
            let workers = ["a", "b"].map { fixture.worker(Self.new, holder: $0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in workers {
                    group.addTask { try await worker.run(feed: LiveFeed()) }
                }
                try await eventually("the new rows answer") {
                    try await fixture.checkpoint("entries")?.generation != 1
                }
                for worker in workers { worker.stop() }
                try await group.waitForAll()
            }
            #expect(try await fixture.checkpoint("entries")?.generation == 2)
            #expect(try await fixture.lastGeneration("entries") == 2, "nobody began a second one")
        }
    }

    @Test("While somebody rebuilds, tables do not answer, and tell how far it is")
    func progress() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 122)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(Self.old)
            let registry = fixture.registry(Self.new, holder: "builder")
            let lease = try await registry.beginRebuild(events: 60)
            #expect(try await registry.renew(lease, folded: 45))
            let model = ReadModel(Self.new, fixture.database, ledger: fixture.ledger)
            let failure = try await error(ProjectionError.self) {
                _ = try await model.withTables { $2.position }
            }
            guard case .rebuilding("entries", let progress) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(progress.folded == 45 && progress.events == 60 && progress.foldVersion == 2)
            #expect(progress.holder == "builder")
            // Three quarters are done: the rest takes a third of the time until now.
            let rest = try #require(progress.rest)
            #expect(abs(rest / progress.elapsed - 1.0 / 3) < 0.001)
            #expect(
                failure.description
                    == "entries is being rebuilt for this version of the program: 45 of 60 events "
                    + "done, by builder"
            )
            let status = try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
            #expect(status.first?.rebuild?.folded == 45)
            // The old program's tables answer it all the same.
            let other = ReadModel(Self.old, fixture.database, ledger: fixture.ledger)
            #expect(try await other.withTables { $2.position } == Position(60))
            // Whoever needs the read model waits, and gives up where nothing goes on.
            let waited = try await error(ProjectionError.self) {
                try await fixture.worker(Self.new).catchUp(to: Position(60), limit: .zero)
            }
            guard case .rebuilding = waited else {
                Issue.record("\(waited)")
                return
            }
        }
    }

    @Test("A rebuild whose lease has expired is begun again by another, and can switch nothing")
    func deadBuilder() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 123)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(Self.old)
            let registry = fixture.registry(Self.new, holder: "dead")
            let lease = try await registry.beginRebuild(events: 60)
            try await fixture.expireRebuild("entries")
            try await fixture.catchUp(Self.new)
            #expect(try await registry.renew(lease, folded: 60) == false)
            // It wakes up after all.
            try await fixture.expireLeases()
            let held = try await registry.seize()
            let failure = try await error(ProjectionError.self) {
                try await registry.activate(lease, at: Position(60), held)
            }
            #expect(failure == .leaseLost(projection: "entries"))
            try await registry.removeOldRows()
            #expect(try await fixture.generations(Self.new) == [3: "active"])
        }
    }

    @Test("A newer program takes the rebuild from an older one, not the other way round")
    func newest() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 124)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(Self.old)
            let second = fixture.registry(Self.new, holder: "second")
            let third = fixture.registry(EntryCount(foldVersion: 3), holder: "third")
            let lost = try await second.beginRebuild(events: 60)
            _ = try await third.beginRebuild(events: 60)
            #expect(try await second.renew(lost, folded: 1) == false)
            let failure = try await error(ProjectionError.self) {
                _ = try await second.beginRebuild(events: 60)
            }
            guard case .rebuilding(_, let progress) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(progress.foldVersion == 3 && progress.holder == "third")
        }
    }

    @Test("A worker that is stopped while it rebuilds gives the rebuild up")
    func stopped() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 125)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(Self.old)
            // Folds nothing until it is cancelled, which is what the stop leads to.
            var slow = Self.new
            slow.onFold = {
                let end = ContinuousClock.now + .seconds(60)
                while !Task.isCancelled, .now < end { sched_yield() }
            }
            let worker = fixture.worker(slow)
            async let running: Void = worker.run(feed: LiveFeed())
            try await eventually("it rebuilds") { try await fixture.rebuildsUnderWay() == 1 }
            worker.stop()
            try await running
            #expect(try await fixture.rebuildsUnderWay() == 0)
            #expect(try await fixture.checkpoint("entries")?.generation == 1)
            #expect(try await fixture.generations(Self.new) == [1: "active"])
            #expect(try await fixture.lastGeneration("entries") == 2, "it had begun")
        }
    }
}

extension ProjectionFixture {
    /// As if the process that rebuilds had said nothing for long.
    func expireRebuild(_ name: String) async throws {
        try await superuser(
            """
            update read_model_rebuild set lease_until = clock_timestamp() - interval '1 second'
            where ledger_id = \(ledger.id.rawValue) and name = '\(name)'
            """
        )
    }

    func rebuildsUnderWay() async throws -> Int {
        try await database.reader.query(
            """
            select from read_model_rebuild
            where ledger_id = \(ledger.id.rawValue) and lease_until > clock_timestamp()
            """
        ).count
    }
}
