import Testing

@testable import Postgres

@Suite("Statement cache")
struct StatementCacheTests {
    private func key(_ text: String) -> StatementCache.Key { .init(SQL(text)) }

    @Test("a statement is prepared once, and anew for other parameter types")
    func preparesOnce() {
        var cache = StatementCache(limit: 4)
        #expect(cache.use(.init("select \(1)")) == .prepare("s1"))
        #expect(cache.use(.init("select \(2)")) == .execute("s1"))
        #expect(cache.use(.init("select \("2")")) == .prepare("s2"))
    }

    @Test("a full cache drops the statement that was unused for longest")
    func evicts() {
        var cache = StatementCache(limit: 2)
        _ = cache.use(key("a"))
        _ = cache.use(key("b"))
        _ = cache.use(key("a"))
        #expect(cache.use(key("c")) == .prepare("s3"))
        #expect(cache.takeObsolete() == ["s2"])
        #expect(cache.takeObsolete() == [])
        #expect(cache.use(key("a")) == .execute("s1"))
        #expect(cache.count == 2)
    }

    @Test("a name the server did not come to drop is dropped with the next round trip")
    func dropsLater() {
        var cache = StatementCache(limit: 1)
        _ = cache.use(key("a"))
        _ = cache.use(key("b"))
        let dropped = cache.takeObsolete()
        cache.notDropped(dropped[0])
        #expect(cache.takeObsolete() == ["s1"])
    }

    @Test("a forgotten statement is prepared under a new name, a retired one dropped besides")
    func forgets() {
        var cache = StatementCache(limit: 4)
        _ = cache.use(key("a"))
        cache.forget("s1")
        #expect(cache.use(key("a")) == .prepare("s2"))
        #expect(cache.takeObsolete() == [])
        cache.retire("s2")
        #expect(cache.takeObsolete() == ["s2"])
        #expect(cache.use(key("a")) == .prepare("s3"))
        cache.forgetAll()
        #expect(cache.count == 0)
    }
}

@Suite("Pipeline exchange")
struct PipelineExchangeTests {
    private typealias Exchange = PipelineExchange<String>

    private func sent(_ steps: Exchange.Step...) -> Exchange {
        var exchange = Exchange()
        for step in steps { exchange.sent(step) }
        return exchange
    }

    @Test("rows belong to the statement whose turn it is")
    func rows() {
        var exchange = sent(
            .prepare("s1"),
            .execute(0, name: "s1"),
            .housekeeping(drops: "s0"),
            .execute(1, name: "s2")
        )
        for result in ["prepared", "first", "dropped", "second"] {
            #expect(exchange.received(rows: result) == .readOn)
            #expect(exchange.receivedEnd(connectionIsOpen: true) == .readOn)
        }
        #expect(exchange.receivedSync() == .finish)
        #expect(exchange.rows == [0: "first", 1: "second"])
        #expect(exchange.failure == nil)
        #expect(exchange.outcomes.map(\.succeeded) == [true, true, true, true])
    }

    @Test("after a failure the rest is skipped, and the failure is the first one's")
    func failure() {
        var exchange = sent(.execute(0, name: nil), .execute(1, name: nil), .prepare("s3"))
        _ = exchange.received(rows: "one")
        _ = exchange.receivedEnd(connectionIsOpen: true)
        _ = exchange.received(
            error: ServerMessage(severity: "ERROR", sqlState: .uniqueViolation, message: "")
        )
        _ = exchange.receivedEnd(connectionIsOpen: true)
        #expect(exchange.receivedSkipped() == .readOn)
        _ = exchange.receivedEnd(connectionIsOpen: true)
        #expect(exchange.receivedSync() == .finish)
        #expect(exchange.failure?.step == .execute(1, name: nil))
        #expect(exchange.outcomes.map(\.succeeded) == [true, false, false])
    }

    @Test("a dying server that never answers the Sync is given up")
    func neverSynced() {
        var exchange = sent(.execute(0, name: nil))
        _ = exchange.received(error: ServerMessage(message: "closed the connection unexpectedly"))
        #expect(exchange.receivedEnd(connectionIsOpen: false) == .readOn)
        #expect(exchange.receivedEnd(connectionIsOpen: false) == .giveUp)

        var silent = sent(.execute(0, name: nil))
        let actions = (0..<3).map { _ in silent.receivedEnd(connectionIsOpen: true) }
        #expect(actions == [.readOn, .readOn, .giveUp])
    }

    @Test("an answer nobody asked for is refused")
    func surplus() {
        var exchange = sent()
        #expect(exchange.received(rows: "?") == .giveUp)
        var fresh = sent(.execute(0, name: nil))
        #expect(fresh.receivedSkipped() == .giveUp)
    }

    @Test("only a failure the server reported before the commit settles that nothing was committed")
    func doubt() {
        var broken = sent(.execute(0, name: nil))
        _ = broken.received(error: ServerMessage(message: "server closed the connection"))
        #expect(broken.isInDoubt)

        var refused = sent(.execute(0, name: nil))
        _ = refused.received(
            error: ServerMessage(severity: "FATAL", sqlState: .adminShutdown, message: "")
        )
        #expect(!refused.isInDoubt)

        var atCommit = sent(.execute(0, name: nil))
        _ = atCommit.received(rows: "")
        _ = atCommit.receivedEnd(connectionIsOpen: true)
        #expect(atCommit.isInDoubt)
        _ = atCommit.received(
            error: ServerMessage(severity: "FATAL", sqlState: .adminShutdown, message: "")
        )
        #expect(atCommit.isInDoubt)
    }
}

@Suite("Pool state machine")
struct PoolStateMachineTests {
    private let start = ContinuousClock.now

    private func machine(limit: Int = 2, waitLimit: Int = 2) -> PoolStateMachine<Int> {
        PoolStateMachine(limit: limit, waitLimit: waitLimit, maximumAge: .seconds(100))
    }

    /// A caller comes, and its session is opened.
    private func lease(_ pool: inout PoolStateMachine<Int>) {
        guard case .wait(let ticket, dials: true) = pool.acquire() else {
            return #expect(Bool(false), "no dial")
        }
        pool.dialSucceeded()
        guard case .grant(ticket, _) = pool.release(0, opened: start, now: start) else {
            return #expect(Bool(false), "no grant")
        }
    }

    @Test("connections are opened up to the limit, then callers wait, then they are refused")
    func limits() {
        var pool = machine()
        for ticket in 1...2 {
            guard case .wait(ticket, dials: true) = pool.acquire() else {
                return #expect(Bool(false), "no dial")
            }
        }
        for ticket in 3...4 {
            guard case .wait(ticket, dials: false) = pool.acquire() else {
                return #expect(Bool(false), "no wait")
            }
        }
        guard case .refuse(.tooManyWaiting) = pool.acquire() else {
            return #expect(Bool(false), "no refusal")
        }
        #expect(pool.dialling == 2 && pool.leased == 0)
        #expect(pool.waitingCount == 2)
    }

    @Test("a returned connection goes to the caller who has waited longest")
    func fairness() {
        var pool = machine(limit: 1)
        lease(&pool)
        _ = pool.acquire()
        _ = pool.acquire()
        guard case .grant(2, let idle) = pool.release(7, opened: start, now: start) else {
            return #expect(Bool(false), "no grant")
        }
        #expect(idle.connection == 7)
        pool.stoppedWaiting(3)
        guard case .keep = pool.release(7, opened: start, now: start) else {
            return #expect(Bool(false), "not kept")
        }
        guard case .lend(let again) = pool.acquire() else {
            return #expect(Bool(false), "not lent")
        }
        #expect(again.connection == 7)
    }

    @Test("a session that is opened for a caller who has gone is kept, and serves the next one")
    func dialOutlivesItsCaller() {
        var pool = machine(limit: 1)
        guard case .wait(1, dials: true) = pool.acquire() else {
            return #expect(Bool(false), "no dial")
        }
        pool.stoppedWaiting(1)
        // The next one waits for the same.
        guard case .wait(2, dials: false) = pool.acquire() else {
            return #expect(Bool(false), "another dial")
        }
        pool.stoppedWaiting(2)
        pool.dialSucceeded()
        guard case .keep = pool.release(7, opened: start, now: start) else {
            return #expect(Bool(false), "not kept")
        }
        #expect(pool.idle.count == 1 && pool.leased == 0 && pool.dialling == 0)
    }

    @Test("a session that was just opened is lent once, however short sessions may live")
    func shortLife() {
        var pool = PoolStateMachine<Int>(limit: 1, waitLimit: 1, maximumAge: .zero)
        _ = pool.acquire()
        pool.dialSucceeded()
        guard case .grant(1, _) = pool.release(7, opened: start, now: start, isNew: true) else {
            return #expect(Bool(false), "no grant")
        }
        guard case .close(7) = pool.release(7, opened: start, now: start) else {
            return #expect(Bool(false), "not closed")
        }
    }

    @Test("a connection that has grown old is closed, and its place is free when it has ended")
    func age() {
        var pool = machine(limit: 1)
        lease(&pool)
        _ = pool.acquire()
        let later = start.advanced(by: .seconds(100))
        guard case .close(7) = pool.release(7, opened: start, now: later) else {
            return #expect(Bool(false), "not closed")
        }
        #expect(pool.closing == 1)
        let mayDial = pool.sessionEnded()
        #expect(mayDial)
        #expect(pool.dialling == 1 && pool.closing == 0)
    }

    @Test("a failed dial is told to the caller who has waited longest, and the place passed on")
    func failedDial() {
        var pool = machine(limit: 1)
        _ = pool.acquire()
        _ = pool.acquire()
        let first = pool.dialFailed()
        #expect(first == (1, true))
        let second = pool.dialFailed()
        #expect(second == (2, false))
        #expect(pool.dialling == 0)
        // Of two that are opened for one caller who is left, the other may yet succeed.
        var wide = machine(limit: 2)
        _ = wide.acquire()
        _ = wide.acquire()
        wide.stoppedWaiting(2)
        let one = wide.dialFailed()
        #expect(one == (nil, false))
        let other = wide.dialFailed()
        #expect(other == (1, false))
    }

    @Test("who finds its connection dead comes before those who wait")
    func replaced() {
        var pool = machine(limit: 1)
        lease(&pool)
        _ = pool.acquire()
        let next = pool.replaced()
        #expect(next?.ticket == 3 && next?.dials == true)
        let front = pool.dialFailed()
        #expect(front == (3, true))
        let behind = pool.dialFailed()
        #expect(behind == (2, false))
    }

    @Test("a closed pool refuses, empties itself and is drained when the last session has ended")
    func closing() {
        var pool = machine(limit: 3)
        for _ in 0..<2 { lease(&pool) }
        _ = pool.acquire()
        _ = pool.release(1, opened: start, now: start)
        _ = pool.release(1, opened: start, now: start)
        #expect(pool.idle.count == 1 && pool.leased == 1 && pool.dialling == 1)
        pool.discarded()
        let (idle, waiting) = pool.close()
        #expect(idle == [1])
        #expect(waiting.isEmpty)
        guard case .refuse(.closed) = pool.acquire() else {
            return #expect(Bool(false), "not refused")
        }
        let afterOne = pool.sessionEnded()
        #expect(!afterOne)
        #expect(!pool.isDrained)
        let afterTwo = pool.sessionEnded()
        #expect(!afterTwo)
        // What is being opened is closed when it comes.
        #expect(pool.isDrained)
        pool.dialSucceeded()
        guard case .close(2) = pool.release(2, opened: start, now: start) else {
            return #expect(Bool(false), "not closed")
        }
        let afterThree = pool.sessionEnded()
        #expect(!afterThree && pool.isDrained)
    }

    @Test("places are neither lost nor made, whatever happens", arguments: 1...20)
    func conservation(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var pool = machine(limit: 3, waitLimit: 5)
        var (leases, dials) = (0, 0)
        var waiting: [Int] = []
        func granted(_ ticket: Int) {
            #expect(waiting.first == ticket, "seed \(seed)")
            waiting.removeAll { $0 == ticket }
        }
        func handBack() {
            switch pool.release(0, opened: start, now: start) {
            case .keep: leases -= 1
            case .grant(let ticket, _): granted(ticket)
            case .close: #expect(Bool(false), "seed \(seed)")
            }
        }
        for _ in 0..<2000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1:
                switch pool.acquire() {
                case .lend: leases += 1
                case .wait(let ticket, let begins):
                    waiting.append(ticket)
                    if begins { dials += 1 }
                case .refuse: #expect(waiting.count - dials == 5, "seed \(seed)")
                }
            case 2 where leases > 0: handBack()
            case 3 where leases > 0:
                leases -= 1
                pool.discarded()
            case 4 where pool.closing > 0: if pool.sessionEnded() { dials += 1 }
            case 5 where dials > 0:
                dials -= 1
                leases += 1
                pool.dialSucceeded()
                handBack()
            case 6 where dials > 0:
                dials -= 1
                let (caller, begins) = pool.dialFailed()
                if let caller { granted(caller) }
                if begins { dials += 1 }
            case 7 where leases > 0:
                leases -= 1
                guard let (ticket, begins) = pool.replaced() else { continue }
                waiting.insert(ticket, at: 0)
                if begins { dials += 1 }
            default:
                guard let ticket = waiting.randomElement(using: &random) else { continue }
                pool.stoppedWaiting(ticket)
                waiting.removeAll { $0 == ticket }
            }
            #expect(pool.leased == leases && pool.dialling == dials, "seed \(seed)")
            #expect(pool.waitingCount == max(0, waiting.count - dials), "seed \(seed)")
            let taken = pool.leased + pool.dialling + pool.closing + pool.idle.count
            #expect(taken <= 3, "seed \(seed)")
            // Nobody waits while a place is free for whom nothing is being opened.
            let isServed = waiting.count <= dials
            #expect(isServed || (taken == 3 && pool.idle.isEmpty), "seed \(seed)")
        }
    }
}

@Suite("Backoff")
struct BackoffTests {
    @Test("pauses double up to the limit, shortened by at most half")
    func doubles() {
        var random = SplitMix64(seed: 1)
        let backoff = Backoff(first: .milliseconds(50), limit: .seconds(10))
        for (failures, full) in [(1, 50), (2, 100), (4, 400), (9, 10_000), (100, 10_000)] {
            let pause = backoff.pause(afterFailures: failures, using: &random)
            #expect(pause <= .milliseconds(full))
            #expect(pause >= .milliseconds(full) / 2)
        }
    }
}
