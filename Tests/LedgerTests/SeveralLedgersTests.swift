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
