import CareEpisode
import Ledger
import ProjectionTestSupport
import TestSupport
import Testing

@testable import ProjectionRuntime

@Suite("Events are read once for all read models")
struct SharedBatchesTests {
    private struct Other: Error {
        let text: String
    }

    private static func batch(_ next: SharedBatches.Next) throws -> EventBatch {
        guard case .batch(let batch) = next else { throw Other(text: "\(next)") }
        return batch
    }

    @Test("Those that are as far as one another get the same batch, and walk its histories once")
    func shared() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 61)
            try await fixture.append(histories.events(60, episodes: 5))
            let batches = SharedBatches(fixture.database, ledger: fixture.ledger)
            let found = try await withThrowingTaskGroup(of: EventBatch.self) { group in
                for _ in 0..<4 {
                    group.addTask { try Self.batch(await batches.next(after: .zero, limit: 1_000)) }
                }
                return try await group.reduce(into: [EventBatch]()) { $0.append($1) }
            }
            #expect(found.allSatisfy { $0.after == .zero && $0.through == Position(60) })
            let episode = try #require(found[0].episodes.first)
            for batch in found { #expect(batch[episode] === found[0][episode]) }
            let read = try await fixture.reader.histories(of: [episode], through: Position(60))
            #expect(found[0][episode].events == read[episode])
            // A part is worked out for the first one.
            var made = 0
            for batch in found {
                let part: [Int?] = batch[episode].once {
                    made += 1
                    return [nil, made]
                }
                #expect(part == [nil, 1])
            }
            #expect(made == 1)
        }
    }

    @Test(
        "One that comes later gets what is kept; one that is far behind reads alone, up to the others"
    )
    func behind() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 62)
            try await fixture.append(histories.events(40, episodes: 4))
            let batches = SharedBatches(fixture.database, ledger: fixture.ledger)
            for _ in 0..<2 { await batches.join() }
            var position = Position.zero
            for _ in 0..<4 {
                let batch = try Self.batch(await batches.next(after: position, limit: 10))
                await batches.done(batch)
                position = batch.through
            }
            #expect(position == Position(40))
            guard case .nothing = try await batches.next(after: position, limit: 10) else {
                throw Other(text: "there is nothing more")
            }
            // Kept are all of them, since they are few, until both have them.
            #expect(
                try Self.batch(await batches.next(after: .zero, limit: 10)).through == Position(10)
            )
            #expect(
                try Self.batch(await batches.next(after: Position(20), limit: 10)).through
                    == Position(30)
            )
            let last = try Self.batch(await batches.next(after: Position(30), limit: 10))
            await batches.done(last)
            guard case .alone = try await batches.next(after: Position(30), limit: 10) else {
                throw Other(text: "what both have is not kept")
            }
            for (after, limit, through) in [(Int64(3), Int64(10), Int64(13)), (33, 100, 40)] {
                guard
                    case .alone(let end) = try await batches.next(
                        after: Position(after),
                        limit: limit
                    )
                else { throw Other(text: "nobody else is at \(after)") }
                #expect(end == Position(through))
            }
            // Whoever finds that the database is another one has everything read again.
            await batches.reset()
            #expect(
                try Self.batch(await batches.next(after: Position(3), limit: 10)).after
                    == Position(3)
            )
        }
    }

    @Test("Who stands beyond the ledger's end is told so: the database is another one")
    func wentBack() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 64)
            try await fixture.append(histories.events(8, episodes: 2))
            let batches = SharedBatches(fixture.database, ledger: fixture.ledger)
            guard case .wentBack = try await batches.next(after: Position(9), limit: 10) else {
                throw Other(text: "there is no position 9")
            }
            let registry = fixture.registry(EntryCount())
            try await registry.register()
            var lease = try #require(try await registry.acquire())
            lease.position = Position(3)
            var rows = GenerationWriter(registry, fixture.reader, lease: lease)
            // What does not begin where the rows stand is not taken.
            lease.position = Position(9)
            var ahead = GenerationWriter(registry, fixture.reader, lease: lease)
            await #expect(throws: ProjectionError.self) {
                _ = try await ahead.advance(with: batches) { false }
            }
            await #expect(throws: ProjectionError.self, "the rows stand at 0") {
                _ = try await rows.advance(with: batches) { false }
            }
        }
    }

    @Test("Histories that go on are complete, whatever was read in between")
    func complete() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 63)
            try await fixture.append(histories.events(90, episodes: 6))
            var reader = BatchReader(fixture.reader)
            for (after, through) in [(0, 30), (30, 40), (40, 41), (10, 20), (41, 60), (60, 90)] {
                let batch = try await reader.read(
                    after: Position(Int64(after)),
                    through: Position(Int64(through))
                )
                let read = try await fixture.reader.histories(
                    of: batch.episodes,
                    through: Position(Int64(through))
                )
                for episode in batch.episodes { #expect(batch[episode].events == read[episode]) }
            }
        }
    }

    @Test("A table takes what it lacks; where a row is gone, all are written")
    func difference() {
        func further(_ rows: [UInt128], _ before: [UInt128]) -> [Int]? {
            if case .further(let indices) = RowDifference(rows, from: before) { return indices }
            return nil
        }
        #expect(further([1, 2, 3], [1, 2]) == [2])
        #expect(further([1, 2, 3], [1, 3]) == [1])
        #expect(further([1, 2], [1, 2]) == [])
        #expect(further([], []) == [])
        #expect(further([5, 5], [5]) == [1])
        #expect(further([1, 2], [1, 3]) == nil)
        #expect(further([1], [1, 1]) == nil)
        #expect(further([], [1]) == nil)
        // In another order: what differs is not looked for further.
        #expect(further([2, 1], [1, 2]) == nil)
    }
}
