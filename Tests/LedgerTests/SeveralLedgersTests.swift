import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("Several ledgers in one database")
struct SeveralLedgersTests {
    @Test("Each ledger counts its own positions, and may have the other's ids")
    func independent() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let other = try await database.createLedger(
                named: try #require(LedgerName("north")),
                timeZone: "Europe/Berlin"
            )
            let (episode, admission) = (EpisodeID.fresh, SampleEvent.admitted())
            try await Sequencer.with(database, ledger: other) { second in
                try await sequencer.appended(request(episode, admission))
                try await sequencer.appended(request(episode, SampleEvent.session()))
                let receipts = try await second.appended(request(episode, admission))
                #expect(receipts.map(\.position.rawValue) == [1])
                #expect(receipts.map(\.version.rawValue) == [1])
            }
            let first = try await audit(database, sequencer.ledger)
            let second = try await audit(database, other)
            #expect(first.count == 2 && second.count == 1)
            #expect(second[0].headerText.contains(#""ledger":"north""#))
            #expect(first[0].leafHash != second[0].leafHash)
        }
    }

    @Test("An append of one ledger does not wait for another's")
    func noDelay() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let other = try await database.createLedger(
                named: try #require(LedgerName("north")),
                timeZone: "UTC"
            )
            try await Sequencer.with(database, ledger: other) { second in
                let waiting = try await withHeadLocked(database, sequencer.ledger) {
                    let ticket = try sequencer.submit(request(.fresh, SampleEvent.admitted()))
                    try await untilWaiting(database)
                    // It returns: the lock is held until it has.
                    for _ in 0..<10 {
                        try await second.appended(request(.fresh, SampleEvent.admitted()))
                    }
                    #expect(sequencer.feed.head == .zero)
                    return ticket
                }
                #expect(try await waiting.outcome().appended?.count == 1)
            }
            #expect(try await audit(database, other).count == 10)
        }
    }

    @Test(
        "Ledgers whose heads are locked keep no other ledger from being written, however many",
        .serialized,
        arguments: [9, 20]
    )
    func manyLocked(_ count: Int) async throws {
        try await LedgerFixture.withDatabase { database in
            var ledgers: [LedgerDescription] = []
            for number in 1...count + 1 {
                let name = try #require(LedgerName("l\(number)"))
                ledgers.append(try await database.createLedger(named: name, timeZone: "UTC"))
            }
            let last = ledgers.removeLast()
            let locked = ledgers.map(\.id.rawValue)
            let lock = PostgresPool(database.configuration, limit: 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await lock.withTransaction { connection in
                    _ = try await connection.query(
                        "select from ledger_head where ledger_id = any (\(locked)) for update"
                    )
                    for ledger in ledgers {
                        group.addTask {
                            try await Sequencer.with(database, ledger: ledger) { sequencer in
                                async let first = sequencer.appended(
                                    request(.fresh, SampleEvent.admitted())
                                )
                                try await sequencer.appended(
                                    request(.fresh, SampleEvent.admitted())
                                )
                                _ = try await first
                            }
                        }
                    }
                    try await untilWaiting(database, min(locked.count, 12))
                    // It returns: the locks are held until it has.
                    try await Sequencer.with(database, ledger: last) { sequencer in
                        let asked = request(.fresh, SampleEvent.admitted())
                        try await sequencer.appended(asked)
                        #expect(try await sequencer.append(asked).duplicate?.count == 1)
                    }
                }
                try await group.waitForAll()
            }
            for ledger in ledgers { #expect(try await audit(database, ledger).count == 2) }
            await lock.close()
        }
    }

    @Test("Ledgers are found by their name, and made once")
    func catalog() async throws {
        try await LedgerFixture.withDatabase { database in
            let name = try #require(LedgerName("north"))
            await #expect { try await database.ledger(named: name) } throws: { error in
                guard case LedgerError.unknownLedger(name) = error else { return false }
                return "\(error)".contains("ledgers create north --time-zone ZONE")
            }
            let made = try await database.createLedger(named: name, timeZone: "America/Chicago")
            #expect(try await database.ledger(named: name) == made)
            #expect(try await database.ledgers().map(\.name.description) == ["default", "north"])
            #expect(try await database.ledger(named: .default).timeZone == "UTC")
            await #expect {
                _ = try await database.createLedger(named: name, timeZone: "UTC")
            } throws: { error in
                if case LedgerError.ledgerExists(name) = error { true } else { false }
            }
            let elsewhere = try #require(LedgerName("south"))
            await #expect(throws: (any Error).self) {
                _ = try await database.createLedger(named: elsewhere, timeZone: "Mars/Olympus")
            }
            #expect(try await database.ledgers().count == 2)
        }
    }
}
