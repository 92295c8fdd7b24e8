import CareEpisode
import Ledger
import Postgres
import ProjectionTestSupport
import Projections
import TestSupport
import Testing

@testable import ProjectionRuntime

@Suite("What a read model answers", .serialized)
struct ReadModelTests {
    @Test(
        "What was known at K is what a ledger says that was told no more than that",
        arguments: [111, 112] as [UInt64]
    )
    func knownAt(_ seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            var generator = SeededRandom(seed: seed)
            var histories = try fixture.histories(seed: seed)
            for _ in 0..<8 {
                try await fixture.append(histories.events(30, episodes: 10))
            }
            let projection = try fixture.census
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            let times = try await fixture.database.reader.query(
                "select known_at, recorded_at from event"
            )
            var sizes: Set<Int> = []
            for number in 1...8 {
                for by in [KnowledgeClock.source, .ledger] {
                    let column = by == .source ? "known_at" : "recorded_at"
                    let row = times[Int.random(in: times.indices, using: &generator)]
                    let known = Instant(
                        microseconds: try row.get(column, as: Int64.self)
                            + generator.pick([-1, 0, 1])
                    )
                    let other = try await fixture.other("copy-\(by)-\(number)")
                    try await fixture.copy(
                        to: other,
                        where: "\(column) <= \(known.microseconds)"
                    )
                    let copy = ReadModel(projection, other.database, ledger: other.ledger)
                    let effectiveAt =
                        generator.happens(0.5)
                        ? nil
                        : Instant(microseconds: try row.get("known_at", as: Int64.self))
                    let (then, basis) = try await model.folded(
                        knownAt: known,
                        knownBy: by,
                        effectiveAt: effectiveAt
                    )
                    let (all, _) = try await copy.folded(
                        knownAt: nil,
                        knownBy: by,
                        effectiveAt: effectiveAt
                    )
                    #expect(told(then, by) == told(all, by), "seed \(seed), \(by) \(known)")
                    #expect(basis.position == Position(240) && basis.knownBy == by)
                    sizes.insert(then.count)
                }
            }
            #expect(sizes.count > 3, "what is known grows")
        }
    }

    /// Where everything is known, the source's clock tells when an end became known. By the
    /// ledger's clock it was later, and other misses after it are outside the episode.
    private func told(_ models: [EpisodeCensus], _ clock: KnowledgeClock) -> [EpisodeCensus] {
        guard clock == .ledger else { return models }
        return models.map { model in
            var model = model
            model.flags.removeAll { $0.flag == .outsideEpisode }
            if let end = model.end { model.sessions.removeAll { $0.start > end.at } }
            return model
        }
    }

    @Test("What is known now is what the tables hold")
    func knownNow() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 113)
            try await fixture.append(histories.events(240, episodes: 14))
            let projection = try fixture.census
            try await fixture.catchUp(projection)
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            let recordedAt = try #require(try await fixture.reader.head().recordedAt)
            let stored = try await fixture.storedCensus().models
            #expect(!stored.isEmpty)
            for time in [nil, recordedAt, recordedAt.advanced(bySeconds: 86_400)] {
                for by in [KnowledgeClock.source, .ledger] {
                    let (models, basis) = try await model.folded(knownAt: time, knownBy: by)
                    #expect(models == stored)
                    #expect(basis.knownAt == nil && basis.lag == 0)
                }
            }
        }
    }

    @Test("A source whose clock was ahead hides nothing that is recorded")
    func sourceAhead() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 114)
            try await fixture.append(histories.events(40, episodes: 4))
            // The newest event says that it was known a second after it was recorded.
            try await fixture.superuser(
                "alter table event disable trigger event_is_immutable"
            )
            try await fixture.superuser("update event set known_at = recorded_at + 1000000")
            let model = ReadModel(try fixture.census, fixture.database, ledger: fixture.ledger)
            let recordedAt = try #require(try await fixture.reader.head().recordedAt)
            let all = try await model.folded(knownAt: nil, knownBy: .source).0
            #expect(try await model.folded(knownAt: recordedAt, knownBy: .source).0 == all)
            #expect(!all.isEmpty)
        }
    }

    @Test("An answer says what it reflects and how far that is behind")
    func lag() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 115)
            try await fixture.append(histories.events(30, episodes: 4))
            let model = ReadModel(EntryCount(), fixture.database, ledger: fixture.ledger)
            try await fixture.worker(EntryCount()).catchUp(to: Position(12))
            let basis = try await model.withTables { $2 }
            #expect(basis.position == Position(12) && basis.head == Position(30))
            #expect(basis.lag == 18 && basis.knownAt == nil)
            let status = try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
            #expect(status.map(\.lag) == [18] && status.map(\.leaseHolder) == [nil])
        }
    }

    @Test("All of an answer is read from one snapshot")
    func snapshot() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 116)
            try await fixture.append(histories.events(30, episodes: 4))
            try await fixture.catchUp(EntryCount())
            let model = ReadModel(EntryCount(), fixture.database, ledger: fixture.ledger)
            let later = histories.events(30, episodes: 4)
            try await model.withTables { connection, generation, basis in
                #expect(basis.position == Position(30))
                try await fixture.append(later)
                _ = try await fixture.rebuild(EntryCount()).run()
                // What answers here is old now, and goes; who began to read sees all of it.
                let removed = try await fixture.registry(EntryCount()).removeOldRows()
                #expect(removed > 0)
                let sum = try await connection.query(
                    """
                    select coalesce(sum(entries), 0)::int8 as entries
                    from read_model.entry_count
                    where ledger_id = \(fixture.ledger.id.rawValue) and generation = \(generation)
                    """
                )[0].get("entries", as: Int64.self)
                let expected = try await fixture.expectedCounts(through: Position(30))
                #expect(sum == expected.values.reduce(0, +))
            }
        }
    }
}

extension ProjectionFixture {
    /// Fills another ledger with some of this one's events, in their order.
    func copy(to other: ProjectionFixture, where condition: String) async throws {
        let (from, to) = (ledger.id.rawValue, other.ledger.id.rawValue)
        try await superuser(
            EventTable.insert(
                [
                    "ledger_id": "\(to)", "position": "row_number() over (order by position)",
                    "version": "row_number() over (partition by episode_id order by version)",
                ],
                from: "event where ledger_id = \(from) and \(condition)"
            )
        )
        try await superuser(
            """
            update ledger_head
            set position = (select count(*) from event where ledger_id = \(to)),
                recorded_at = (
                    select coalesce(max(recorded_at), 0) from event where ledger_id = \(to)
                )
            where ledger_id = \(to)
            """
        )
    }
}
