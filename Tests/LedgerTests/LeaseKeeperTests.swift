import CareEpisode
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ledger

@Suite("Leases that are kept together")
struct LeaseKeeperTests {
    private static func held(
        _ holder: String,
        _ row: Lease.Row,
        _ database: LedgerDatabase
    ) async throws -> Lease {
        let taken = try await database.projector.withConnection {
            try await Lease.acquire(row, holder: holder, seconds: 10, $0)
        }
        return try #require(taken).lease
    }

    private static func end(_ table: String, _ database: LedgerDatabase) async throws -> Double {
        let rows = try await database.reader.query(
            "select extract(epoch from min(lease_until))::float8 as end from \(raw: table)"
        )
        return try rows[0].get("end")
    }

    @Test(
        "They are renewed for as long as the work lasts, one that is locked aside; then handed back"
    )
    func kept() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let id = ledger.id.rawValue
            _ = try await database.projector.query("insert into sealer (ledger_id) values (\(id))")
            for name in ["census", "sessions"] {
                _ = try await database.projector.query(
                    """
                    insert into read_model_state (ledger_id, name, fold_version)
                    values (\(id), \(name), 1)
                    """
                )
            }
            func row(_ name: String) -> Lease.Row {
                Lease.Row("read_model_state", of: ledger.id, named: name)
            }
            let seal = try await Self.held("one", Lease.Row("sealer", of: ledger.id), database)
            let census = try await Self.held("one", row("census"), database)
            let sessions = try await Self.held("one", row("sessions"), database)
            let feed = LiveFeed()
            try await database.leases.holding(seal) { seal in
                try await database.leases.holding(census, feed) { census in
                    try await database.leases.holding(sessions) { sessions in
                        let before = try await Self.end("sealer", database)
                        // Somebody writes for long under one of them: nobody waits for him.
                        try await database.projector.withTransaction { connection in
                            #expect(try await sessions.lease.fence(connection))
                            try await eventually("the others are renewed") {
                                try await Self.end("sealer", database) > before
                            }
                        }
                        // Somebody takes one of them.
                        _ = try await database.projector.query(
                            """
                            update read_model_state set epoch = epoch + 1, lease_holder = 'two'
                            where name = 'census'
                            """
                        )
                        await feed.wait { _ in census.isLost }
                        #expect(!seal.isLost && !sessions.isLost)
                    }
                }
            }
            let holders = try await database.reader.query(
                """
                select lease_holder from read_model_state where lease_holder is not null
                union all
                select lease_holder from sealer where lease_holder is not null
                """
            )
            #expect(try holders.map { try $0.get("lease_holder", as: String.self) } == ["two"])
        }
    }
}

extension LeaseKeeperTests {
    @Test("What could not be handed back is taken again at once by who held it, and by nobody else")
    func unreturned() async throws {
        try await LedgerFixture.withDatabase { database in
            let row = Lease.Row("sealer", of: try await database.ledger(named: .default).id)
            _ = try await database.projector.query(
                "insert into sealer (ledger_id) values (\(row.ledger.rawValue))"
            )
            let away = LedgerDatabase(database.configuration)
            let held = try await Self.held("one", row, away)
            // The database is away as it is handed back.
            try? await away.leases.holding(held) { _ in await away.close() }
            func taken(by leases: LeaseKeeper) async throws -> Bool {
                try await database.projector.withConnection {
                    try await Lease.acquire(
                        row,
                        holder: "again",
                        seconds: 10,
                        seizing: leases.isUnreturned(row),
                        $0
                    )
                } != nil
            }
            #expect(try await !taken(by: database.leases))
            #expect(try await taken(by: away.leases))
            #expect(try await !taken(by: away.leases), "another one has it now")
        }
    }

    @Test("A wait that is over before it has begun ends")
    func shortWaits() async {
        let observed = Observed(false)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    for _ in 0..<200 { await observed.wait(atMost: .nanoseconds(1)) { $0 } }
                }
            }
        }
        #expect(!observed.withLock { $0 })
    }
}

@Suite("Gates and shared calls")
struct GateTests {
    @Test("So many are in at a time, and all get in, those who gave up aside")
    func gate() async throws {
        let gate = Gate(3)
        let inside = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let places = [try await gate.enter(), try await gate.enter(), try await gate.enter()]
            let impatient = Task { try await gate.enter() }
            for _ in 0..<50 {
                group.addTask {
                    let place = try await gate.enter()
                    #expect(inside.isSet, "nobody gets in before a place is free")
                    place.leave()
                    place.leave()
                }
            }
            impatient.cancel()
            await #expect(throws: CancellationError.self) { try await impatient.value }
            inside.set()
            for place in places { place.leave() }
            try await group.waitForAll()
        }
        // Nobody has taken a place with him.
        let places = [try await gate.enter(), try await gate.enter(), try await gate.enter()]
        #expect(places.count == 3)
    }

    @Test(
        "Those who want the same at the same time get it by one call, an error too; later ones anew"
    )
    func singleFlight() async throws {
        let flight = SingleFlight<Int, Int>()
        let (gate, callers, calls) = (Gate(1), Counted(), Counted())
        let blocker = try await gate.enter()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    _ = callers.next()
                    return try await flight.value(1) {
                        let number = calls.next()
                        try await gate.enter().leave()
                        return number
                    }
                }
            }
            try await eventually("all have called") { callers.made == 20 && calls.made > 0 }
            blocker.leave()
            try await group.waitForAll()
        }
        #expect(calls.made < 20)
        struct Refused: Error {}
        await #expect(throws: Refused.self) { try await flight.value(1) { throw Refused() } }
        #expect(try await flight.value(1) { 7 } == 7)
    }
}

/// Counts calls.
private final class Counted: Sendable {
    private let number = Mutex(0)

    var made: Int { number.withLock { $0 } }

    func next() -> Int {
        number.withLock { number in
            number += 1
            return number
        }
    }
}
