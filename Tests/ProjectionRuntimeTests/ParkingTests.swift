import CareEpisode
import Postgres
import ProjectionTestSupport
import Projections
import TestSupport
import Testing

@testable import Ledger
@testable import ProjectionRuntime

@Suite("Episodes whose fold fails", .serialized)
struct ParkingTests {
    private func status(_ fixture: ProjectionFixture) async throws -> ProjectionStatus {
        let all = try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
        return try #require(all.first { $0.name == "entries" })
    }

    /// Two batches of events of the same episodes, the first of them folded.
    private func withEpisodes(
        _ seed: UInt64,
        _ body: (
            _ fixture: ProjectionFixture, _ projection: EntryCount, _ later: [RandomEvent]
        ) async throws -> Void
    ) async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: seed)
            let projection = EntryCount()
            try await fixture.append(histories.events(60, episodes: 5))
            try await fixture.catchUp(projection)
            try await body(fixture, projection, histories.events(60, episodes: 5))
        }
    }

    @Test("A parked episode keeps its last good rows, the others go on, and status says why")
    func parks() async throws {
        try await withEpisodes(71) { fixture, projection, later in
            let good = try await fixture.counts()
            let episode = try #require(later.map(\.episodeID).first { good[$0] != nil })
            projection.poison[episode] = EntryCount.Poisoned(parkingReason: "too many")
            try await fixture.append(later)
            try await fixture.catchUp(projection)

            let counts = try await fixture.counts()
            #expect(counts[episode] == good[episode])
            let expected = try await fixture.expectedCounts(through: Position(120))
            #expect(counts.filter { $0.key != episode } == expected.filter { $0.key != episode })
            #expect(counts[episode] != expected[episode])

            let status = try await status(fixture)
            #expect(status.position == Position(120) && status.lag == 0)
            #expect(status.parked.map(\.episodeID) == [episode])
            #expect(status.parked.map(\.reason) == ["too many"])
            #expect(status.parked.map(\.position) == [Position(120)])
            #expect(status.parked.map(\.isRetryAsked) == [false])
        }
    }

    @Test("Its rows are those of its history up to where the fold fails, after a rebuild as well")
    func longestReadable() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 70)
            var projection = EntryCount()
            projection.most = 4
            try await fixture.append(histories.events(90, episodes: 5))
            // In one batch: there never were any rows before.
            try await fixture.catchUp(projection)
            let expected = try await fixture.expectedCounts(through: Position(90))
            let tooLong = Set(expected.filter { $0.value > 4 }.keys)
            #expect(!tooLong.isEmpty)
            let counts = try await fixture.counts()
            #expect(counts == expected.mapValues { min($0, 4) })
            #expect(Set(try await status(fixture).parked.map(\.episodeID)).isSuperset(of: tooLong))
            let report = try await fixture.rebuild(projection).run()
            #expect(report.differing == 0)
            #expect(try await fixture.counts(2) == counts)
        }
    }

    @Test("Answers name the parked episodes")
    func answers() async throws {
        try await withEpisodes(72) { fixture, projection, later in
            let episode = try #require(later.first).episodeID
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            #expect(try await model.withTables { $2.parked } == [])
            projection.poison[episode] = EntryCount.Telltale()
            try await fixture.append(later)
            try await fixture.catchUp(projection)
            #expect(try await model.withTables { $2.parked } == [episode])
            let folded = try await model.folded(knownAt: nil, knownBy: .source)
            #expect(folded.1.parked == [episode])
            #expect(!folded.0.contains { $0.episode == episode } && !folded.0.isEmpty)
        }
    }

    @Test("The reason holds no health information, whatever the error says")
    func reason() async throws {
        try await withEpisodes(73) { fixture, projection, later in
            let episode = try #require(later.first).episodeID
            projection.poison[episode] = EntryCount.Telltale()
            try await fixture.append(later)
            try await fixture.catchUp(projection)
            #expect(try await status(fixture).parked.map(\.reason) == ["Telltale"])
            projection.poison[episode] = Refusal(errors: [
                FieldError(pointer: "/dose", code: "too_long", detail: "takes disulfiram")
            ])
            let marked = try await ProjectionStatus.retryParked(
                fixture.database,
                ledger: fixture.ledger,
                name: "entries",
                episode: episode
            )
            #expect(marked == 1)
            try await fixture.retry(projection)
            #expect(
                try await status(fixture).parked.map(\.reason) == ["unreadable: /dose too_long"]
            )
        }
    }

    @Test("retry only marks an episode; the lease holder folds it again and clears it")
    func retries() async throws {
        try await withEpisodes(74) { fixture, projection, later in
            let episodes = Array(Set(later.map(\.episodeID)).sorted().prefix(2))
            for episode in episodes {
                projection.poison[episode] = EntryCount.Poisoned(parkingReason: "first")
            }
            try await fixture.append(later)
            try await fixture.catchUp(projection)
            let parked = try await fixture.counts()

            let marked = try await ProjectionStatus.retryParked(
                fixture.database,
                ledger: fixture.ledger,
                name: nil,
                episode: nil
            )
            #expect(marked == 2)
            #expect(try await fixture.counts() == parked, "marking writes no rows")
            #expect(try await status(fixture).parked.map(\.isRetryAsked) == [true, true])

            // One can be folded now, the other still cannot.
            projection.poison[episodes[0]] = nil
            projection.poison[episodes[1]] = EntryCount.Poisoned(parkingReason: "second")
            try await fixture.retry(projection)
            let expected = try await fixture.expectedCounts(through: Position(120))
            #expect(try await fixture.counts()[episodes[0]] == expected[episodes[0]])
            #expect(try await fixture.counts()[episodes[1]] == parked[episodes[1]])
            let status = try await status(fixture)
            #expect(status.parked.map(\.episodeID) == [episodes[1]])
            #expect(status.parked.map(\.reason) == ["second"])
            #expect(status.parked.map(\.isRetryAsked) == [false])
            #expect(status.position == Position(120))
        }
    }

    @Test("An episode that can be folded again after its next event is no longer parked")
    func nextEvent() async throws {
        try await withEpisodes(75) { fixture, projection, later in
            let episode = try #require(later.last).episodeID
            projection.poison[episode] = EntryCount.Poisoned(parkingReason: "for a while")
            try await fixture.append(later.dropLast())
            try await fixture.catchUp(projection)
            #expect(try await status(fixture).parked.map(\.episodeID) == [episode])
            projection.poison[episode] = nil
            try await fixture.append(later.suffix(1))
            try await fixture.catchUp(projection)
            #expect(try await status(fixture).parked.isEmpty)
            #expect(
                try await fixture.counts()
                    == (try await fixture.expectedCounts(through: Position(120)))
            )
        }
    }

    @Test("A worker that loses its lease while it retries leaves the mark")
    func retryLost() async throws {
        try await withEpisodes(76) { fixture, projection, later in
            let episode = try #require(later.first).episodeID
            projection.poison[episode] = EntryCount.Poisoned(parkingReason: "first")
            try await fixture.append(later)
            try await fixture.catchUp(projection)
            _ = try await ProjectionStatus.retryParked(
                fixture.database,
                ledger: fixture.ledger,
                name: "entries",
                episode: nil
            )
            projection.poison[episode] = nil
            let registry = fixture.registry(projection)
            let lease = try #require(try await registry.acquire())
            #expect(try await registry.askedRetries(generation: lease.generation) == [episode])
            _ = try await fixture.registry(projection, holder: "other").seize()
            var batch = FoldedBatch(
                projection,
                ledger: fixture.ledger.id,
                generation: lease.generation
            )
            batch.add(
                episode,
                EpisodeHistory(
                    try await fixture.reader.histories(of: [episode], through: lease.position)[
                        episode
                    ] ?? []
                )
            )
            let folded = batch
            #expect(folded.folded == [episode])
            _ = try await error(ProjectionError.self) {
                try await fixture.database.projector.withTransaction { connection in
                    try await registry.advance(lease, to: lease.position, connection)
                    try await registry.write(
                        folded,
                        generation: lease.generation,
                        through: lease.position,
                        connection
                    )
                }
            }
            #expect(try await status(fixture).parked.map(\.isRetryAsked) == [true])
        }
    }

    @Test("A rebuild parks what it cannot fold, and does not call it a difference")
    func rebuild() async throws {
        try await withEpisodes(77) { fixture, projection, later in
            let good = try await fixture.counts()
            let episode = try #require(later.map(\.episodeID).first { good[$0] != nil })
            projection.poison[episode] = EntryCount.Poisoned(parkingReason: "first")
            let report = try await fixture.rebuild(projection).run()
            #expect(report.parked == 1 && report.differing == 0)
            #expect(try await status(fixture).parked.map(\.episodeID) == [episode])
            #expect(try await fixture.counts(2)[episode] == nil)
            #expect(
                try await fixture.counts(2) == good.filter { $0.key != episode }
            )
        }
    }
}

extension ProjectionFixture {
    /// Lets a worker run until nothing is marked to be folded again.
    func retry(_ projection: EntryCount) async throws {
        let worker = worker(projection)
        async let running: Void = worker.run(feed: LiveFeed())
        try await eventually("nothing is asked for") {
            try await ProjectionStatus.all(database, ledger: ledger)
                .allSatisfy { $0.parked.allSatisfy { !$0.isRetryAsked } }
        }
        worker.stop()
        try await running
    }

    /// What the counting read model must hold at a position, where nothing is poisoned.
    func expectedCounts(through position: Position) async throws -> [EpisodeID: Int64] {
        let scan = EpisodeScan(database, ledger: ledger, through: position)
        var counts: [EpisodeID: Int64] = [:]
        try await scan.read(EpisodeRange(from: nil, to: nil)) { episode, events in
            let entries = try EffectiveHistory(events).entries.count
            if entries > 0 { counts[episode] = Int64(entries) }
        }
        return counts
    }
}
