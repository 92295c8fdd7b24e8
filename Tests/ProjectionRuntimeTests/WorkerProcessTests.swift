import CareEpisode
import Ledger
import ProjectionTestSupport
import Projections
import TestSupport
import Testing

@testable import ProjectionRuntime

@Suite("A worker process that is killed", .serialized)
struct WorkerProcessTests {
    @Test("Killed with kill -9 twenty times anywhere, it leaves the same rows", arguments: [81])
    func killed(_ seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            var generator = SeededRandom(seed: seed)
            var histories = try fixture.histories(seed: seed)
            let projection = try fixture.census
            try await fixture.registry(projection).register()
            var inTheMiddle = 0
            for round in 1...20 {
                try await fixture.append(histories.events(60, episodes: 12))
                let head = try await fixture.head().rawValue
                let before = try await fixture.checkpoint("census")?.position.rawValue ?? 0
                let goal = Position(Int64.random(in: before..<head, using: &generator))
                // The time that its predecessor's lease still had is over.
                try await fixture.expireLeases()
                let process = try WorkerProcess(
                    fixture,
                    name: "round \(round)",
                    batchLimit: generator.pick([1, 2, 5])
                )
                try await eventually("the process has come to \(goal), seed \(seed)") {
                    let checkpoint = try await fixture.checkpoint("census")
                    return checkpoint?.holder == process.name
                        && checkpoint.map { $0.position >= goal } ?? false
                }
                try await process.kill(fixture)
                let stored = try await fixture.storedCensus()
                if stored.basis.position.rawValue < head { inTheMiddle += 1 }
                #expect(
                    stored.models
                        == (try await fixture.expectedCensus(through: stored.basis.position)),
                    "seed \(seed), round \(round), at \(stored.basis.position)"
                )
            }
            #expect(inTheMiddle > 5, "it was killed in the middle of its work")
            try await fixture.expireLeases()
            try await fixture.catchUp(projection)
            let report = try await fixture.rebuild(projection).run()
            #expect(report.differing == 0)
            #expect(try await fixture.censusRows(1) == (try await fixture.censusRows(2)))
        }
    }
}
