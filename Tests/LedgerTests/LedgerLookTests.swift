import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("One look at all ledgers")
struct LedgerLookTests {
    private static func look(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws -> LedgerLook {
        try #require(
            try await LedgerLook.all(database, within: .seconds(60)).first {
                $0.ledger == ledger.id
            }
        )
    }

    /// What was done and undone by the superuser.
    private static func run(_ script: String, _ database: LedgerDatabase) async throws {
        try await PostgresConnection.withConnection(database.configuration) {
            try await $0.execute(script: script)
        }
    }

    private static func append(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws {
        try await Sequencer.with(database, ledger: ledger) { sequencer in
            _ = try await sequencer.append(
                AppendRequest(
                    episodeID: .fresh,
                    events: [SampleEvent.admitted()],
                    recordedBy: "test"
                )
            )
        }
    }

    @Test("It finds what there is to be done in each ledger, and nothing where there is nothing")
    func calls() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let name = try #require(LedgerName("other"))
            let other = try await database.createLedger(named: name, timeZone: "UTC")
            let id = ledger.id.rawValue
            #expect(try await Self.look(database, ledger).calls == [WorkCall.freeSealer])

            try await Self.run(
                """
                insert into sealer (ledger_id, lease_holder, lease_until)
                values (\(id), 'test', now() + interval '10 seconds');
                insert into read_model_state (ledger_id, name, fold_version, position)
                values (\(id), 'census', 1, 7);
                """,
                database
            )
            var found = try await Self.look(database, ledger)
            #expect(found.calls == [WorkCall.free("census")])
            #expect(found.models == ["census": Position(7)])

            try await Self.run(
                """
                update read_model_state set lease_until = now() + interval '10 seconds';
                insert into read_model_parked
                    (ledger_id, name, generation, episode_id, position, reason, retry_asked)
                values (\(id), 'census', 1, '\(EpisodeID.fresh)', 7, 'test', false);
                insert into read_model_rebuild
                    (ledger_id, name, generation, fold_version, events, lease_until)
                values (\(id), 'census', 2, 1, 7, now() - interval '23 hours');
                """,
                database
            )
            #expect(try await Self.look(database, ledger).calls.isEmpty)
            try await Self.run(
                """
                update read_model_parked set retry_asked = true;
                update read_model_rebuild set lease_until = now() - interval '25 hours';
                """,
                database
            )
            #expect(
                try await Self.look(database, ledger).calls
                    == [WorkCall.retry("census"), WorkCall.remove("census")]
            )
            // A newer program's rebuild that has ended is taken up, whoever keeps the older rows.
            try await Self.run(
                "update read_model_rebuild set fold_version = 2, lease_until = null",
                database
            )
            #expect(
                try await Self.look(database, ledger).calls
                    == [WorkCall.retry("census"), WorkCall.free("census")]
            )
            // A lease that was taken while the clock was ahead holds nobody off.
            try await Self.run(
                "update read_model_state set lease_until = now() + interval '400 days'",
                database
            )
            #expect(try await Self.look(database, ledger).calls.contains(WorkCall.free("census")))
            found = try await Self.look(database, other)
            #expect(found.calls == [WorkCall.freeSealer])
            #expect(found.models.isEmpty)
        }
    }

    @Test("It finds webhooks that are due, and what consumers were given and have let go")
    func subscriptions() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let id = ledger.id.rawValue
            let registry = SubscriptionRegistry(database, ledger: ledger)
            let pull = try #require(SubscriptionName("pull"))
            _ = try await registry.put(Subscription(name: pull), givesAfter: false, by: "test")
            func calls() async throws -> Set<String> {
                try await Self.look(database, ledger).calls.subtracting([WorkCall.freeSealer])
            }
            #expect(try await calls().isEmpty, "there is nothing to be given")
            try await Self.append(database, ledger)
            #expect(try await calls() == [WorkCall.lapsed("pull")], "nobody has it")
            try await Self.run(
                """
                update subscription_bucket
                set delivered = position + 1, lease_until = now() + interval '10 seconds';
                """,
                database
            )
            #expect(try await calls().isEmpty)
            for given in ["lease_until = now()", "lease_until = null, delivered = position"] {
                try await Self.run(
                    "update subscription_bucket set \(given) where bucket = 3",
                    database
                )
                #expect(try await calls() == [WorkCall.lapsed("pull")], "\(given)")
            }

            try await Self.run(
                """
                update subscription_bucket set position = 1, delivered = 1;
                insert into subscription
                    (ledger_id, name, start_after, lease_seconds, max_deliveries, created_by)
                values (\(id), 'push', 0, 60, 10, 'test');
                insert into webhook (ledger_id, name, url, payload, mode, signature, position)
                values (\(id), 'push', 'https://receiver.test', 'thin', 'binary', 'v1', 1);
                """,
                database
            )
            #expect(try await calls() == [WorkCall.webhooks], "there is nothing to send")
            try await Self.run("update webhook set position = 0", database)
            #expect(try await calls() == [WorkCall.webhooks, WorkCall.dueWebhook])
            for (change, isDue) in [
                ("next_attempt_at = now() + interval '1 hour'", false),
                // No wait is so long: it was reckoned while the clock was ahead.
                ("next_attempt_at = now() + interval '9 days'", true),
                ("next_attempt_at = null, lease_until = now() + interval '1 minute'", false),
                ("lease_until = null", true),
            ] {
                try await Self.run("update webhook set \(change)", database)
                #expect(try await calls().contains(WorkCall.dueWebhook) == isDue, "\(change)")
            }
            try await Self.run("update webhook set disabled_reason = 'gone'", database)
            #expect(try await calls().isEmpty)
        }
    }

    private func look(_ head: Int64, isReplica: Bool = false) -> LedgerLook {
        LedgerLook(
            ledger: LedgerID(rawValue: 1),
            head: Position(head),
            incarnation: 1,
            sealed: Position(head),
            isReplica: isReplica,
            models: [:],
            calls: []
        )
    }

    private func events(_ positions: ClosedRange<Int64>) -> [RecordedEvent] {
        positions.map { LiveFeedTests.event($0) }
    }

    @Test("What was heard of and is not there is forgotten with the next look")
    func falseNotification() {
        let feed = LiveFeed()
        feed.publish(events(1...3))
        feed.headMoved(to: Position(900))
        feed.take(look(3), since: feed.beforeLook())
        #expect(feed.head == Position(3))
        #expect(feed.events(after: .zero, limit: 9).count == 3)
    }

    @Test("What was learned while a look was under way is newer than it")
    func newerThanLook() {
        let feed = LiveFeed()
        feed.publish(events(1...3))
        let before = feed.beforeLook()
        feed.publish(events(4...5))
        feed.sealed(to: Position(5))
        feed.modelMoved("census", to: Position(5))
        feed.take(look(3), since: before)
        #expect(feed.head == Position(5))
        #expect(feed.seen.sealed == Position(5))
        #expect(feed.seen.models == ["census": Position(5)])
        #expect(feed.vouches(for: Cursor(Position(5), incarnation: 1)))
    }

    @Test("A look that finds less than was committed shows a restore; a replica is behind")
    func restored() {
        for isReplica in [false, true] {
            let feed = LiveFeed()
            feed.publish(events(1...3))
            feed.take(look(2, isReplica: isReplica), since: feed.beforeLook())
            #expect(feed.events(after: .zero, limit: 9).isEmpty == !isReplica)
            #expect(feed.vouches(for: Cursor(Position(3), incarnation: 1)) == isReplica)
            #expect(!feed.vouches(for: Cursor(Position(2), incarnation: 2)))
        }
    }

    @Test("Whoever rests looks for himself once nobody looks for all")
    func lostLook() async {
        let feed = LiveFeed()
        feed.take(look(0), since: feed.beforeLook())
        #expect(feed.isFresh)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { await feed.rest { $0.head > .zero } } }
            feed.loseLook()
        }
        #expect(!feed.isFresh)
    }
}
