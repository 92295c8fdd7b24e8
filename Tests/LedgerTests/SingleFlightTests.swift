import Synchronization
import TestSupport
import Testing

@testable import Ledger

@Suite("What several ask for at the same time")
struct SingleFlightTests {
    private struct Refused: Error {}

    private final class Calls: Sendable {
        private let number = Mutex(0)

        func next() -> Int {
            number.withLock { number in
                number += 1
                return number
            }
        }
    }

    @Test("They get it by one call, and whoever comes after it begins another")
    func one() async throws {
        let (flight, calls) = (SingleFlight<Int, Int>(), Calls())
        let (gate, door) = AsyncStream<Void>.makeStream()
        @Sendable func ask() async -> Int? {
            try? await flight.value(1) {
                for await _ in gate { break }
                return calls.next()
            }
        }
        let all = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<20 { group.addTask { await ask() } }
            try? await eventually("all of them wait") { flight.waiting(1) == 20 }
            door.yield()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(all == [Int?](repeating: 1, count: 20))
        #expect(try await flight.value(1) { calls.next() } == 2)
        await #expect(throws: Refused.self) { try await flight.value(2) { throw Refused() } }
        #expect(try await flight.value(2) { 7 } == 7)
    }

    @Test("Whoever is cancelled goes at once, and leaves the call to the others")
    func cancelled() async throws {
        let flight = SingleFlight<Int, Int>()
        let (gate, door) = AsyncStream<Void>.makeStream()
        @Sendable func ask() async throws -> Int {
            try await flight.value(1) {
                for await _ in gate { break }
                return 5
            }
        }
        let (first, second) = (Task { try await ask() }, Task { try await ask() })
        try await eventually("both wait") { flight.waiting(1) == 2 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await ask()
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        door.yield()
        #expect(try await second.value == 5)
    }
}
