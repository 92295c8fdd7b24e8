import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("Sequencer")
struct SequencerTests {
    @Test("A stopped sequencer serves what waits and takes nothing more")
    func stops() async throws {
        try await withLedger { database, ledger in
            let sequencer = Sequencer(database, ledger: ledger)
            let tickets = try (0..<50).map { _ in
                try sequencer.submit(request(.fresh, SampleEvent.admitted()))
            }
            sequencer.stop()
            #expect(throws: AppendError.stopped) {
                try sequencer.submit(request(.fresh, SampleEvent.admitted()))
            }
            await sequencer.run()
            for outcome in await outcomes(of: tickets) {
                #expect(try outcome.get().appended != nil)
            }
            #expect(sequencer.feed.isFinished)
            #expect(try await audit(database, ledger).count == 50)
        }
    }

    @Test("A request that nobody has looked at is withdrawn with its task")
    func withdraws() async throws {
        try await withLedger { database, ledger in
            let sequencer = Sequencer(database, ledger: ledger)
            let withdrawn = Task {
                try await sequencer.append(request(.fresh, SampleEvent.admitted()))
            }
            withdrawn.cancel()
            await #expect(throws: CancellationError.self) { try await withdrawn.value }
            try await running(sequencer) {
                _ = try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            }
            #expect(try await audit(database, ledger).count == 1)
        }
    }

    @Test("A request that is being appended is waited for, though its task was cancelled")
    func cancelledWhileAppending() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let waiting = try await withHeadLocked(database, sequencer.ledger) {
                let waiting = Task {
                    try await sequencer.append(request(.fresh, SampleEvent.admitted()))
                }
                try await untilWaiting(database)
                waiting.cancel()
                return waiting
            }
            #expect(try await waiting.value.appended?.count == 1)
        }
    }

    @Test("A full queue refuses, and takes requests again when it has been served")
    func overload() async throws {
        try await withLedger { database, ledger in
            let limits = SequencerQueue.Limits(queuedEvents: 10, batchEvents: 4)
            let sequencer = Sequencer(database, ledger: ledger, limits: limits)
            let tickets = try (0..<10).map { _ in
                try sequencer.submit(request(.fresh, SampleEvent.admitted()))
            }
            #expect(throws: AppendError.overloaded) {
                try sequencer.submit(request(.fresh, SampleEvent.admitted()))
            }
            try await running(sequencer) {
                for outcome in await outcomes(of: tickets) {
                    #expect(try outcome.get().appended != nil)
                }
                _ = try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            }
            #expect(try await audit(database, ledger).count == 11)
        }
    }

    @Test("Requests submitted in an order are recorded in that order, batch by batch")
    func keepsOrder() async throws {
        try await withLedger { database, ledger in
            let limits = SequencerQueue.Limits(queuedEvents: 1_000, batchEvents: 7)
            let sequencer = Sequencer(database, ledger: ledger, limits: limits)
            let episode = EpisodeID.fresh
            var requests = [request(episode, SampleEvent.admitted())]
            requests += (0..<99).map { _ in request(episode, SampleEvent.session()) }
            let tickets = try requests.map { try sequencer.submit($0) }
            try await running(sequencer) {
                for outcome in await outcomes(of: tickets) { _ = try outcome.get() }
            }
            let rows = try await audit(database, ledger)
            #expect(rows.map(\.eventID) == requests.flatMap { $0.events.map(\.eventID) })
        }
    }

    @Test("A cancelled sequencer says that what it has not looked at was not written, and no more")
    func cancelledRun() async throws {
        try await withLedger { database, ledger in
            let sequencer = Sequencer(database, ledger: ledger)
            let run = Task { await sequencer.run() }
            let tickets = try await withHeadLocked(database, ledger) {
                let sent = try sequencer.submit(request(.fresh, SampleEvent.admitted()))
                try await untilWaiting(database)
                let queued = try sequencer.submit(request(.fresh, SampleEvent.admitted()))
                run.cancel()
                await run.value
                return [sent, queued]
            }
            let outcomes = await outcomes(of: tickets)
            // The lock was released only after the answer was given. Nothing was written where the
            // server has said that it has stopped; where it has not in time, nobody knows.
            let told = try #require(outcomes[0].failure as? AppendError)
            #expect([.stopped, .outcomeUnknown].contains(told))
            if told == .stopped { #expect(try await audit(database, ledger).isEmpty) }
            #expect(outcomes[1].failure as? AppendError == .stopped)
        }
    }

    @Test(
        "A wait that is given up tells whether the events may be recorded, and nobody takes them up"
    )
    func givenUp() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let tickets = try await withHeadLocked(database, sequencer.ledger) {
                let sent = try sequencer.submit(request(.fresh, SampleEvent.admitted()))
                try await untilWaiting(database)
                let queued = try sequencer.submit(request(.fresh, SampleEvent.admitted()))
                for ticket in [sent, queued] { ticket.giveUp() }
                return [sent, queued]
            }
            let given = await outcomes(of: tickets)
            #expect(given[0].failure as? AppendError == .outcomeUnknown)
            #expect(given[1].failure as? AppendError == .unavailable)
            // What is appended next comes after what was under way, and what was queued never comes.
            _ = try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            #expect(try await audit(database, sequencer.ledger).count == 2)
        }
    }

    @Test("A body that throws ends the sequencer, and its error comes through")
    func bodyThrows() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            await #expect(throws: NeverHappened.self) {
                try await Sequencer.with(database, ledger: ledger) { sequencer in
                    try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
                    throw NeverHappened(description: "on purpose")
                }
            }
        }
    }

    // MARK: - In doubt

    @Test("A batch whose connection dies while it waits for the lock is appended once")
    func terminatedWhileWaiting() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            let ticket = try await withHeadLocked(database, sequencer.ledger) {
                let ticket = try sequencer.submit(request(episode, SampleEvent.admitted()))
                for _ in 0..<3 {
                    // A call that is given up meanwhile is sent again, by another session.
                    var found: Int32?
                    try await eventually("a session waits") {
                        found = try await waitingSessions(database).first
                        return found != nil
                    }
                    let process = try #require(found)
                    try await asSuperuser(database, "select pg_terminate_backend(\(process))")
                    try await eventually("it is gone") {
                        try await !waitingSessions(database).contains(process)
                    }
                }
                return ticket
            }
            let receipts = try #require(try await ticket.outcome().appended)
            #expect(receipts.map(\.position.rawValue) == [1])
            #expect(try await audit(database, sequencer.ledger).count == 1)
        }
    }

    @Test("A batch whose deadline passes while it waits for the lock is appended once")
    func deadlinePasses() async throws {
        try await LedgerFixture.withDatabase { database in
            var impatient = database.configuration
            // Long enough for a loaded machine to connect in.
            impatient.callTimeout = .seconds(2)
            let ledger = try await database.ledger(named: .default)
            try await LedgerFixture.withDatabase(impatient) { other in
                try await Sequencer.with(other, ledger: ledger) { sequencer in
                    let ticket = try await withHeadLocked(database, ledger) {
                        let ticket = try sequencer.submit(request(.fresh, SampleEvent.admitted()))
                        // Two different calls have waited: the first was given up.
                        var calls: Set<Int64> = []
                        try await eventually("it is sent again") {
                            calls.formUnion(try await waitingStatements(database))
                            return calls.count >= 2
                        }
                        return ticket
                    }
                    let receipts = try #require(try await ticket.outcome().appended)
                    #expect(receipts.map(\.position.rawValue) == [1])
                }
            }
            #expect(try await audit(database, ledger).count == 1)
        }
    }

    @Test("A batch that was committed without an answer is told as appended, and is there once")
    func committedWithoutAnswer() async throws {
        // A commit that waits for a standby that never comes is on disk and not acknowledged.
        try await TestCluster.withPrivateCluster { cluster in
            try await LedgerFixture.withDatabase(on: cluster) { database in
                let ledger = try await database.ledger(named: .default)
                try await Sequencer.with(database, ledger: ledger) { sequencer in
                    let episode = EpisodeID.fresh
                    try await sequencer.appended(request(episode, SampleEvent.admitted()))
                    try await cluster.sql("alter system set synchronous_standby_names = 'nobody'")
                    try await cluster.sql("select pg_reload_conf()")
                    let waits = """
                        select count(*) from pg_stat_activity where wait_event = 'SyncRep'
                        """
                    // The setting reaches a session in its own time: append until one waits.
                    var tickets: [AppendTicket] = []
                    try await eventually("a commit waits for the standby") {
                        if tickets.count < 1_000 {
                            tickets.append(
                                try sequencer.submit(request(episode, SampleEvent.session()))
                            )
                        }
                        return try await cluster.sql(waits).hasPrefix("1")
                    }
                    // The session ends with its commit on disk and unanswered; then commits pass again.
                    try await cluster.sql(
                        """
                        select pg_terminate_backend(pid, 10000) from pg_stat_activity
                        where wait_event = 'SyncRep'
                        """
                    )
                    try await cluster.sql("alter system reset synchronous_standby_names")
                    try await cluster.sql("select pg_reload_conf()")
                    for outcome in await outcomes(of: tickets) {
                        let outcome = try outcome.get()
                        #expect(outcome.appended?.count == 1, "\(outcome)")
                        #expect(outcome.appended?.map(\.duplicate) == [false])
                    }
                    let rows = try await audit(database, ledger)
                    #expect(rows.count == tickets.count + 1)
                    // Followers hear of it, though nobody told this process.
                    #expect(sequencer.feed.head.rawValue == Int64(rows.count))
                }
            }
        }
    }

    @Test("While the database is away requests wait, and are appended when it is back")
    func databaseRestarts() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await LedgerFixture.withDatabase(on: cluster) { database in
                let ledger = try await database.ledger(named: .default)
                try await Sequencer.with(database, ledger: ledger) { sequencer in
                    let episode = EpisodeID.fresh
                    try await sequencer.appended(request(episode, SampleEvent.admitted()))
                    cluster.killEverything()
                    let tickets = try (0..<5).map { _ in
                        try sequencer.submit(request(episode, SampleEvent.session()))
                    }
                    try await cluster.restart()
                    for outcome in await outcomes(of: tickets) {
                        #expect(try outcome.get().appended?.count == 1)
                    }
                    #expect(try await audit(database, ledger).count == 6)
                }
            }
        }
    }

    private func withLedger(
        _ body: (LedgerDatabase, LedgerDescription) async throws -> Void
    ) async throws {
        try await LedgerFixture.withDatabase { database in
            try await body(database, database.ledger(named: .default))
        }
    }
}
