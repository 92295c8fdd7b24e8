import CareEpisode
import Ledger
import Postgres
import ProjectionTestSupport
import Projections
import Synchronization
import TestSupport
import Testing

@testable import ProjectionRuntime

/// What a reader saw while it went on.
private final class Observed: Sendable {
    private let state = Mutex(
        (isOver: false, answers: [(generation: Int32, position: Position)]())
    )

    var isOver: Bool { state.withLock { $0.isOver } }
    var answers: [(generation: Int32, position: Position)] { state.withLock { $0.answers } }

    func end() { state.withLock { $0.isOver = true } }

    func add(_ generation: Int32, _ position: Position) {
        state.withLock { $0.answers.append((generation, position)) }
    }
}

@Suite("A rebuild", .serialized)
struct RebuildTests {
    @Test("Beside a worker, writers and readers it switches without a failed query")
    func besideEverything() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 91)
            let projection = try fixture.census
            try await fixture.append(histories.events(200, episodes: 20))
            let events = histories.events(1_000, episodes: 30)
            let observed = Observed()
            let worker = fixture.worker(projection, holder: "live", batchLimit: 20)
            try await worker.register()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await Sequencer.with(fixture.database, ledger: fixture.ledger) {
                        sequencer in
                        async let running: Void = worker.run(feed: sequencer.feed)
                        var rest = events[...]
                        while !observed.isOver, !rest.isEmpty {
                            try await ProjectionFixture.append(rest.prefix(5), sequencer)
                            rest = rest.dropFirst(5)
                        }
                        try await eventually("the rebuilds are over") {
                            observed.isOver
                        }
                        worker.stop()
                        try await running
                    }
                }
                group.addTask {
                    let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
                    while !observed.isOver {
                        let answer = try await model.withTables { connection, generation, basis in
                            let rows = try await connection.query(
                                """
                                select from \(raw: projection.tables[0].qualifiedName)
                                where generation = \(generation)
                                """
                            )
                            #expect(rows.count > 0 || basis.position < Position(20))
                            return (generation, basis.position)
                        }
                        observed.add(answer.0, answer.1)
                    }
                }
                for generation in Int32(2)...4 {
                    let report = try await fixture.rebuild(projection).run()
                    #expect(report.generation == generation && report.differing == 0)
                    let answered = observed.answers.count
                    try await eventually("an answer from the new tables") {
                        observed.answers.count > answered + 1
                    }
                }
                observed.end()
                try await group.waitForAll()
            }
            let seen = observed.answers
            #expect(seen.map(\.generation) == seen.map(\.generation).sorted())
            #expect(seen.map(\.position) == seen.map(\.position).sorted(), "never goes back")
            #expect(Set(seen.map(\.generation)).isSuperset(of: [2, 3, 4]))
            try await fixture.catchUp(projection)
            let stored = try await fixture.storedCensus()
            #expect(
                stored.models == (try await fixture.expectedCensus(through: stored.basis.position))
            )
            #expect(stored.basis.lag == 0)
            try await fixture.registry(projection).removeOldRows()
            #expect(try await fixture.generations(projection) == [4: "active"])
        }
    }

    @Test("A renewal of its lease that waits for the switch does not make a failure of it")
    func renewedMeanwhile() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 97)
            try await fixture.append(histories.events(50, episodes: 5))
            let projection = EntryCount()
            try await fixture.catchUp(projection)
            // A switch holds its row for longer than it is from one renewal to the next; and what it drops
            // is removed once the row is free, before it is answered.
            try await fixture.superuser(
                """
                create function wait_at_commit() returns trigger language plpgsql security definer as
                'begin perform pg_sleep(1.3); drop schema ballast cascade; return null; end'
                """
            )
            try await fixture.superuser(
                """
                create constraint trigger slow_switch after update on read_model_rebuild
                deferrable initially deferred
                for each row when (old.lease_until is not null and new.lease_until is null)
                execute function wait_at_commit()
                """
            )
            for generation in Int32(2)...4 {
                try await fixture.superuser(
                    """
                    do $$ begin
                        create schema ballast;
                        for n in 1..500 loop
                            execute format('create table ballast.t%s as select 1 as n', n);
                        end loop;
                    end $$
                    """
                )
                let report = try await fixture.rebuild(projection).run()
                #expect(report.generation == generation)
                #expect(try await fixture.checkpoint("entries")?.generation == generation)
            }
        }
    }

    @Test("It folds large ledgers in ranges, each episode in one")
    func ranges() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 92)
            try await fixture.append(histories.events(300, episodes: 40))
            // Sixty copies of every episode make several ranges.
            try await fixture.superuser(
                EventTable.insert(
                    [
                        "position": "position + 300 * n",
                        "episode_id": "md5(episode_id::text || n)::uuid",
                        "event_id": "md5(event_id::text || n)::uuid",
                    ],
                    from: "event, generate_series(1, 60) as n"
                )
            )
            try await fixture.superuser(
                "update ledger_head set position = 300 * 61 where position > 0"
            )
            let progress = Mutex<[Int64]>([])
            let report = try await fixture.rebuild(EntryCount()).run(parallelism: 3) { done, of in
                progress.withLock { $0.append(done) }
                if of != 18_300 { Issue.record("of \(of) events") }
            }
            #expect(report.events == 18_300)
            #expect(progress.withLock { $0.max() } == 18_300)
            #expect(progress.withLock { $0.count } > 1)
            let expected = try await fixture.expectedCounts(through: Position(18_300))
            #expect(try await fixture.counts(2) == expected && expected.count > 61 * 20)
        }
    }

    // MARK: Differences

    @Test("Other rows by the same fold block it, and the live ones stay")
    func blocks() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 93)
            try await fixture.append(histories.events(100, episodes: 8))
            let projection = EntryCount()
            try await fixture.catchUp(projection)
            let good = try await fixture.counts()
            let tampered = try #require(good.keys.sorted().first)
            try await fixture.superuser(
                """
                update read_model.entry_count set entries = entries + 1
                where episode_id = '\(tampered)'
                """
            )
            let failure = try await error(ProjectionError.self) {
                _ = try await fixture.rebuild(projection).run()
            }
            #expect(
                failure
                    == .differs(
                        projection: "entries",
                        episodes: 1,
                        examples: [tampered.description]
                    )
            )
            let checkpoint = try #require(try await fixture.checkpoint("entries"))
            #expect(checkpoint.generation == 1 && checkpoint.holder == nil)
            #expect(try await fixture.counts()[tampered] == good[tampered].map { $0 + 1 })
            #expect(try await fixture.generations(projection) == [1: "active"])
            // The live worker goes on.
            try await fixture.append(histories.events(10, episodes: 8))
            try await fixture.catchUp(projection)

            let report = try await fixture.rebuild(projection).run(acceptDifferences: true)
            #expect(report.generation == 3)
            let expected = try await fixture.expectedCounts(through: Position(110))
            #expect(try await fixture.counts(3) == expected)
            #expect(try await fixture.checkpoint("entries")?.generation == 3)
        }
    }

    @Test(
        "Rows that are missing, or too many, are differences too",
        arguments: ["delete", "insert"]
    )
    func missingRows(_ tampering: String) async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 94)
            try await fixture.append(histories.events(60, episodes: 6))
            let projection = EntryCount()
            try await fixture.catchUp(projection)
            let ledger = fixture.ledger.id.rawValue
            if tampering == "delete" {
                let victim = try #require(try await fixture.counts().keys.sorted().first)
                try await fixture.superuser(
                    "delete from read_model.entry_count where episode_id = '\(victim)'"
                )
            } else {
                try await fixture.superuser(
                    """
                    insert into read_model.entry_count
                    values (\(ledger), 1, '00000000-0000-4000-8000-000000000000', 1)
                    """
                )
            }
            let report = try await fixture.rebuild(projection).run(acceptDifferences: true)
            #expect(report.differing == 1)
        }
    }

    @Test("A fold that returns something else under the same version is found out")
    func sameVersion() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 95)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(EntryCount())
            let failure = try await error(ProjectionError.self) {
                _ = try await fixture.rebuild(EntryCount(weight: 2)).run()
            }
            guard case .differs(_, let episodes, let examples) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(episodes == (try await fixture.counts().count) && examples.count == 3)
        }
    }

    // MARK: Versions

    @Test(
        "A newer version of the fold takes no lease on the old rows and does not answer from them"
    )
    func otherVersion() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 96)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(EntryCount())
            let old = EntryCount()
            let new = EntryCount(foldVersion: 2, weight: 10)
            let needed = ProjectionError.rebuildNeeded(projection: "entries", stored: 1, program: 2)
            let model = ReadModel(new, fixture.database, ledger: fixture.ledger)
            func expectRebuildNeeded(_ body: () async throws -> Void) async throws {
                #expect(try await error(ProjectionError.self, body) == needed)
            }
            try await expectRebuildNeeded { _ = try await fixture.registry(new).acquire() }
            try await expectRebuildNeeded { _ = try await model.withTables { $2.position } }
            let status = try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
            #expect(status.map(\.foldVersion) == [1])
            #expect(try await fixture.checkpoint("entries")?.holder == nil)

            // The old program goes on meanwhile, and is behind when the new one switches.
            try await fixture.append(histories.events(40, episodes: 6))
            let report = try await fixture.rebuild(new).run()
            #expect(report.differing == nil && report.position == Position(100))
            #expect(try await model.withTables { $2.position } == Position(100))
            let expected = try await fixture.expectedCounts(through: Position(100))
            #expect(try await fixture.counts(2) == expected.mapValues { $0 * 10 })
            let failure = try await error(ProjectionError.self) { try await fixture.catchUp(old) }
            #expect(failure == .rebuildNeeded(projection: "entries", stored: 2, program: 1))
        }
    }

    @Test("A rebuild for another version that dies before its switch leaves the old rows exact")
    func otherVersionDies() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 97)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(EntryCount())
            try await fixture.append(histories.events(40, episodes: 6))
            // The switch itself fails.
            try await fixture.superuser(
                """
                alter table read_model_state
                add constraint no_switch check (generation = 1 and fold_version = 1)
                """
            )
            let failure = try await error(PostgresError.self) {
                _ = try await fixture.rebuild(EntryCount(foldVersion: 2, weight: 10)).run()
            }
            #expect(failure.sqlState?.rawValue == "23514")
            let checkpoint = try #require(try await fixture.checkpoint("entries"))
            #expect(checkpoint.position == Position(60), "what the old rows reflect")
            #expect(checkpoint.holder == nil, "the old program may go on at once")
            try await fixture.catchUp(EntryCount())
            let expected = try await fixture.expectedCounts(through: Position(100))
            #expect(try await fixture.counts() == expected)
        }
    }

    // MARK: Old rows

    @Test("Replaced rows go in statements of ten thousand, and a worker sees to it")
    func oldRows() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 98)
            try await fixture.append(histories.events(60, episodes: 6))
            let projection = EntryCount()
            let registry = fixture.registry(projection)
            try await fixture.catchUp(projection)
            _ = try await fixture.rebuild(projection).run()
            #expect(try await fixture.generations(projection) == [1: "old", 2: "active"])
            let rows = try await fixture.counts(2)
            try await fixture.superuser(
                """
                insert into read_model.entry_count
                select \(fixture.ledger.id.rawValue), 1, gen_random_uuid(), n
                from generate_series(1, 24000) n
                """
            )
            #expect(try await registry.removeOldRows(isStopped: { true }) == 10_000)
            #expect(try await fixture.generations(projection) == [1: "old", 2: "active"])
            let worker = fixture.worker(projection)
            async let running: Void = worker.run(feed: LiveFeed())
            try await eventually("the old rows are gone") {
                try await fixture.generations(projection) == [2: "active"]
            }
            worker.stop()
            try await running
            #expect(try await fixture.counts(2) == rows)
            #expect(try await registry.removeOldRows() == 0)
        }
    }

    @Test("A worker folds on while old rows are being removed")
    func removalBesideWorker() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 90)
            try await fixture.append(histories.events(60, episodes: 6))
            let projection = EntryCount()
            try await fixture.catchUp(projection)
            _ = try await fixture.rebuild(projection).run()
            // Whoever removes has to wait for this one; whoever folds does not.
            try await fixture.withLockedRows(of: projection, generation: 1) {
                let worker = fixture.worker(projection)
                async let running: Void = worker.run(feed: LiveFeed())
                try await eventually("the removal waits") {
                    try await fixture.isWaitingForLock()
                }
                try await fixture.append(histories.events(40, episodes: 6))
                try await eventually("the worker is at the head") {
                    try await fixture.checkpoint("entries")?.position == Position(100)
                }
                #expect(try await fixture.isWaitingForLock())
                worker.stop()
                try await running
            }
            #expect(try await fixture.counts(2) == fixture.expectedCounts(through: Position(100)))
        }
    }

    @Test("A rebuild needs no right to make tables, and waits for no dump of the database")
    func rights() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 89)
            try await fixture.append(histories.events(60, episodes: 6))
            let projection = try fixture.census
            try await fixture.catchUp(projection)
            try await fixture.superuser("revoke create on schema read_model from ledger_projector")
            // As pg_dump: a snapshot, and the weakest lock on every table, to the end.
            let configuration = try PostgresConfiguration(url: fixture.url)
            try await PostgresConnection.withConnection(configuration) { dump in
                try await dump.withTransaction(.readOnlySnapshot) { dump in
                    _ = try await dump.query("select count(*) from event")
                    for table in projection.tables {
                        _ = try await dump.query(
                            "lock table \(raw: table.qualifiedName) in access share mode"
                        )
                    }
                    let report = try await fixture.rebuild(projection).run()
                    #expect(report.differing == 0 && report.generation == 2)
                    let worker = fixture.worker(projection)
                    async let running: Void = worker.run(feed: LiveFeed())
                    try await fixture.append(histories.events(40, episodes: 6))
                    try await eventually("the worker is at the head, and the old rows are gone") {
                        let states = try await fixture.generations(projection)
                        return try await fixture.checkpoint("census")?.position == Position(100)
                            && states == [2: "active"]
                    }
                    worker.stop()
                    try await running
                }
            }
        }
    }

    @Test("One ledger's rebuild leaves the other's rows in the same tables")
    func sharedTables() async throws {
        try await ProjectionFixture.with { fixture in
            let other = try await fixture.other("other")
            let projection = EntryCount()
            for (seed, fixture) in [(99, fixture), (100, other)] as [(UInt64, ProjectionFixture)] {
                var histories = try fixture.histories(seed: seed)
                try await fixture.append(histories.events(60, episodes: 6))
                try await fixture.catchUp(projection)
            }
            let rows = try await other.counts()
            #expect(try await fixture.rebuild(projection).run().generation == 2)
            try await fixture.registry(projection).removeOldRows()
            #expect(try await fixture.generations(projection) == [2: "active"])
            #expect(try await fixture.counts().isEmpty, "its own rows are gone")
            #expect(try await other.counts() == rows, "the other's are not")
            #expect(
                try await ReadModel(projection, other.database, ledger: other.ledger)
                    .withTables { _, generation, _ in generation } == 1
            )
            #expect(try await other.rebuild(projection).run().generation == 2)
            try await other.registry(projection).removeOldRows()
            #expect(try await other.counts(2) == rows)
        }
    }

    @Test(
        "A rebuild that dies leaves the live rows, and its own are removed after a day",
        arguments: [
            ("23 hours 59 minutes", "2 minutes"),
            // It died while the clock was ahead.
            ("-23 hours", "-2 hours"),
        ]
    )
    func dies(_ first: String, _ then: String) async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 101)
            try await fixture.append(histories.events(60, episodes: 6))
            let projection = EntryCount()
            try await fixture.catchUp(projection)
            let rows = try await fixture.counts()
            // It gets as far as having folded everything.
            let rebuild = Mutex<Task<Void, any Error>?>(nil)
            let task = Task {
                try await eventually("the task is known") { rebuild.withLock { $0 != nil } }
                _ = try await fixture.rebuild(projection).run { _, _ in
                    rebuild.withLock { $0?.cancel() }
                }
            }
            rebuild.withLock { $0 = task }
            guard case .failure = await task.result else {
                Issue.record("the rebuild went on")
                return
            }
            #expect(try await fixture.counts() == rows)
            #expect(try await fixture.checkpoint("entries")?.generation == 1)
            let registry = fixture.registry(projection)
            try await registry.removeOldRows()
            #expect(try await fixture.generations(projection) == [1: "active", 2: "building"])
            // Until its lease has expired nobody knows that it is dead.
            guard
                case .rebuilding = try await error(
                    ProjectionError.self,
                    { _ = try await fixture.rebuild(projection).run() }
                )
            else {
                Issue.record("the next one did not wait for the lease")
                return
            }
            try await fixture.ageRebuild("entries", by: first)
            try await registry.removeOldRows()
            #expect(try await fixture.generations(projection) == [1: "active", 2: "building"])
            try await fixture.ageRebuild("entries", by: then)
            try await registry.removeOldRows()
            #expect(try await fixture.generations(projection) == [1: "active"])
            // The next one has a number of its own.
            #expect(try await fixture.rebuild(projection).run().generation == 3)
        }
    }

    @Test("A missing event is found and named, and the live tables stay", arguments: [1, 31, 60])
    func missingEvent(_ position: Int64) async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 102)
            try await fixture.append(histories.events(60, episodes: 6))
            try await fixture.catchUp(EntryCount())
            let rows = try await fixture.counts()
            try await fixture.remove(Position(position))
            let failure = try await error(LedgerError.self) {
                _ = try await fixture.rebuild(EntryCount()).run(acceptDifferences: true)
            }
            guard case .missingEvent(Position(position)) = failure else {
                Issue.record("\(failure)")
                return
            }
            #expect(try await fixture.checkpoint("entries")?.generation == 1)
            #expect(try await fixture.counts() == rows)
            #expect(try await fixture.generations(EntryCount()) == [1: "active"])
        }
    }

    @Test("An empty ledger has an empty read model, and can be rebuilt")
    func empty() async throws {
        try await ProjectionFixture.with { fixture in
            let report = try await fixture.rebuild(try fixture.census).run()
            #expect(report.events == 0 && report.episodes == 0 && report.position == .zero)
            #expect(try await fixture.storedCensus().models.isEmpty)
        }
    }
}

extension ProjectionFixture {
    /// As if the process that rebuilds had said nothing for so much longer.
    func ageRebuild(_ name: String, by interval: String) async throws {
        try await superuser(
            """
            update read_model_rebuild set lease_until = lease_until - interval '\(interval)'
            where ledger_id = \(ledger.id.rawValue) and name = '\(name)'
            """
        )
    }

    /// Keeps the rows of a generation from being removed.
    func withLockedRows(
        of projection: some EpisodeProjection,
        generation: Int32,
        _ body: () async throws -> Void
    ) async throws {
        try await PostgresConnection.withConnection(try PostgresConfiguration(url: url)) {
            try await $0.withTransaction { connection in
                _ = try await connection.query(
                    """
                    select from \(raw: projection.tables[0].qualifiedName)
                    where \(ProjectionTable.isOf(ledger.id, generation))
                    for update
                    """
                )
                try await body()
            }
        }
    }

    /// Whether a session of this database waits for another's lock.
    func isWaitingForLock() async throws -> Bool {
        try await !superuser(
            """
            select from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'
            """
        ).isEmpty
    }
}
