import Glibc
import Testing

@testable import Postgres

@Suite("Socket reactor")
struct ReactorTests {
    private func withSocketPair(_ body: (SocketReactor, CInt, CInt) async throws -> Void)
        async throws
    {
        var sockets: [CInt] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
        let reactor = SocketReactor.shared
        #expect(reactor.add(sockets[0]))
        defer {
            reactor.forget(sockets[0])
            close(sockets[0])
            close(sockets[1])
        }
        try await body(reactor, sockets[0], sockets[1])
    }

    @Test("a socket that can be read wakes its waiter, and stays quiet when nobody waits")
    func readable() async throws {
        try await withSocketPair { reactor, mine, theirs in
            for _ in 0..<100 {
                #expect(write(theirs, "x", 1) == 1)
                let outcome = await reactor.wait(for: .readable, on: mine, until: nil)
                guard case .ready(.readable) = outcome else {
                    return #expect(Bool(false), "\(outcome)")
                }
                var byte: UInt8 = 0
                #expect(read(mine, &byte, 1) == 1)
            }
        }
    }

    @Test("the end of the stream counts as readable")
    func endOfStream() async throws {
        try await withSocketPair { reactor, mine, theirs in
            shutdown(theirs, Int32(SHUT_RDWR))
            let outcome = await reactor.wait(for: .readable, on: mine, until: nil)
            guard case .ready(let readiness) = outcome else {
                return #expect(Bool(false), "\(outcome)")
            }
            #expect(readiness.contains(.readable))
        }
    }

    @Test("a deadline ends a wait, also one that has passed already")
    func deadline() async throws {
        try await withSocketPair { reactor, mine, _ in
            for milliseconds in [-1000, 0, 20] {
                let end = ContinuousClock.now.advanced(by: .milliseconds(milliseconds))
                let outcome = await reactor.wait(for: .readable, on: mine, until: end)
                guard case .timedOut = outcome else { return #expect(Bool(false), "\(outcome)") }
                #expect(ContinuousClock.now >= end)
            }
        }
    }

    @Test("cancelling the task ends a wait, unless it is not to be cancelled")
    func cancellation() async throws {
        try await withSocketPair { reactor, mine, theirs in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    let outcome = await reactor.wait(for: .readable, on: mine, until: nil)
                    guard case .cancelled = outcome else {
                        return #expect(Bool(false), "\(outcome)")
                    }
                    let end = ContinuousClock.now.advanced(by: .milliseconds(20))
                    let stubborn = await reactor.wait(
                        for: .readable,
                        on: mine,
                        until: end,
                        cancellable: false
                    )
                    guard case .timedOut = stubborn else {
                        return #expect(Bool(false), "\(stubborn)")
                    }
                }
                group.cancelAll()
            }
        }
    }

    @Test("of value, deadline and cancellation the first wins and the others are told")
    func oneShot() async throws {
        let reactor = SocketReactor.shared
        let early = OneShot<Int>()
        #expect(early.settle(.value(1)))
        #expect(!early.settle(.value(2)))
        guard case .value(1) = await early.wait(until: nil, reactor: reactor) else {
            return #expect(Bool(false), "not the first value")
        }
        let late = OneShot<Int>()
        guard case .timedOut = await late.wait(until: .now, reactor: reactor) else {
            return #expect(Bool(false), "no time-out")
        }
        #expect(!late.settle(.value(3)))
        for _ in 0..<200 {
            let raced = OneShot<Int>()
            let taken = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    if case .value = await raced.wait(until: nil, reactor: reactor) { return true }
                    return false
                }
                group.cancelAll()
                let accepted = raced.settle(.value(4))
                return await group.next() == accepted
            }
            #expect(taken, "a value was lost or delivered twice")
        }
    }
}
