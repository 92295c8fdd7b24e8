import CareEpisode
import Ledger
import ProjectionRuntime
import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite("What pages are made of, worked out once")
struct PageWorkTests {
    /// An answer up to a position.
    private struct Number: PageAnswer {
        let value: Int
        var position = Position(rawValue: 1)
    }

    private static let late: Duration = .milliseconds(20)

    private static func key(_ page: String) -> PageWork.Key {
        PageWork.Key(
            ledger: LedgerName("demo") ?? .default,
            page: page,
            values: ["known_at": ["2025-11-30"]]
        )
    }

    /// Something that goes on until it is told to end.
    private final class Gate: Sendable {
        private let (stream, told) = AsyncStream.makeStream(of: Void.self)
        let begun = Mutex(0)
        let cancelled = Mutex(0)

        func open() { told.finish() }

        func pass(_ value: Int) async throws -> Number {
            begun.withLock { $0 += 1 }
            for await _ in stream {}
            if Task.isCancelled { cancelled.withLock { $0 += 1 } }
            try Task.checkCancellation()
            return Number(value: value)
        }
    }

    private func withWork(
        patience: Duration = .seconds(3_600),
        _ body: @escaping @Sendable (PageWork) async throws -> Void
    ) async throws {
        let work = PageWork(patience: patience)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await work.run() }
            try await body(work)
            group.cancelAll()
        }
    }

    @Test("Who asks the same waits for the same work, and who comes later gets what it gave")
    func once() async throws {
        try await withWork { work in
            let gate = Gate()
            let values = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...20 {
                    group.addTask {
                        try await work.value(Self.key("census"), .past, by: .now + .seconds(60)) {
                            try await gate.pass(number)
                        }.value
                    }
                }
                try await eventually("the work has begun") { gate.begun.withLock { $0 } == 1 }
                gate.open()
                return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            }
            #expect(values.count == 1, "one answer for all")
            let again = try await work.value(Self.key("census"), .past, by: .now) {
                Number(value: 100)
            }
            #expect(values == [again.value])
            #expect(gate.begun.withLock { $0 } == 1)
        }
    }

    @Test("A late answer goes on being worked out, and says how far it is")
    func lateness() async throws {
        try await withWork { work in
            let gate = Gate()
            func ask() async throws -> Number {
                try await work.value(Self.key("census"), .past, by: .now + Self.late) {
                    try await gate.pass(7)
                }
            }
            for _ in 0..<2 {
                let error = try await #require(throws: LateAnswer.self) { _ = try await ask() }
                #expect(error.seconds != nil)
                #expect(error.events == 0)
            }
            gate.open()
            try await eventually("the answer is there") { (try? await ask().value) == 7 }
            #expect(gate.begun.withLock { $0 } == 1, "worked out once")
        }
    }

    @Test("Of one ledger four answers about the past are worked out at a time; others wait")
    func limit() async throws {
        try await withWork { work in
            let gate = Gate()
            func ask(_ page: Int, _ age: PageWork.Age) async throws -> Int {
                try await work.value(Self.key("page \(page)"), age, by: .now + Self.late) {
                    try await gate.pass(page)
                }.value
            }
            for page in 1...4 {
                let error = await #expect(throws: LateAnswer.self) {
                    _ = try await ask(page, .past)
                }
                #expect(error?.seconds != nil)
            }
            let waiting = await #expect(throws: LateAnswer.self) { _ = try await ask(5, .past) }
            #expect(waiting?.seconds == nil, "it has not begun")
            // Of now others are counted.
            let now = await #expect(throws: LateAnswer.self) {
                _ = try await ask(6, .now(head: .zero))
            }
            #expect(now?.seconds != nil)
            gate.open()
            try await eventually("the fifth has its turn") { (try? await ask(5, .past)) == 5 }
        }
    }

    @Test("Work that nobody asks for any more ends, and is begun again when somebody does")
    func abandoned() async throws {
        try await withWork(patience: .milliseconds(50)) { work in
            let gate = Gate()
            await #expect(throws: LateAnswer.self) {
                _ = try await work.value(Self.key("census"), .past, by: .now + Self.late) {
                    try await gate.pass(1)
                }
            }
            try await eventually("the work is cancelled") { gate.cancelled.withLock { $0 } == 1 }
            try await eventually("another begins") {
                let found = try? await work.value(
                    Self.key("census"),
                    .past,
                    by: .now + .seconds(60)
                ) { Number(value: 2) }
                return found?.value == 2
            }
        }
    }

    @Test("What went wrong is told to all who wait, and is not kept")
    func failures() async throws {
        struct Broken: Error {}
        try await withWork { work in
            await #expect(throws: Broken.self) {
                let _: Number = try await work.value(
                    Self.key("census"),
                    .past,
                    by: .now + .seconds(60)
                ) { throw Broken() }
            }
            let good = try await work.value(Self.key("census"), .past, by: .now + .seconds(60)) {
                Number(value: 3)
            }
            #expect(good.value == 3)
        }
    }

    @Test("Of now, an answer is good until something is recorded, and on a board a little longer")
    func now() async throws {
        try await withWork { work in
            func ask(_ age: PageWork.Age, _ value: Int) async throws -> Int {
                try await work.value(Self.key("census"), age, by: .now + .seconds(60)) {
                    Number(value: value, position: Position(rawValue: Int64(value)))
                }.value
            }
            func head(_ position: Int64) -> Position { Position(rawValue: position) }
            #expect(try await ask(.now(head: head(1)), 1) == 1)
            #expect(try await ask(.now(head: head(1)), 2) == 1, "nothing was recorded")
            #expect(try await ask(.exact(head: head(1)), 2) == 1, "nothing was recorded")
            #expect(try await ask(.exact(head: head(2)), 2) == 2, "never what is older")
            #expect(try await ask(.exact(head: head(1)), 1) == 2)
            let board = try await ask(.about(now: head(3)), 3)
            #expect(board == 2, "shown at once, and worked out anew")
            try await eventually("the board is new") {
                try await ask(.about(now: head(3)), 4) >= 3
            }
        }
    }
}
