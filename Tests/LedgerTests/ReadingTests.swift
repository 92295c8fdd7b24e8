import CareEpisode
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ledger

@Suite("Reading")
struct ReadingTests {
    @Test("Pages by position return every event once, in order, and say where the next begins")
    func pages() async throws {
        try await withFilled(events: 1_234) { database, reader in
            let rows = try await storedRows(database, reader.ledger)
            for limit in [1_000_000, 1_000, 333, 100] {
                var seen: [RecordedEvent] = []
                var after = Position.zero
                while true {
                    let page = try await reader.page(after: after, limit: limit)
                    #expect(page.head == Position(1_234))
                    #expect(page.events.count <= min(limit, EventReader.pageLimit))
                    seen += page.events
                    if page.nextAfter == page.head { break }
                    try #require(page.nextAfter > after)
                    after = page.nextAfter
                }
                #expect(seen.map(\.history.position.rawValue) == Array(1...1_234))
                #expect(seen.map(\.history.eventID) == rows.map(\.eventID))
                #expect(seen.map(\.history.version.rawValue) == rows.map(\.version))
                #expect(seen.map(\.episodeID) == rows.map(\.episodeID))
                #expect(seen.map(\.history.payload) == rows.map(\.payload))
                #expect(seen.map(\.history.occurredAt.microseconds) == rows.map(\.occurredAt))
                #expect(seen.map(\.history.knownAt.microseconds) == rows.map(\.knownAt))
            }
        }
    }

    @Test("A filter leaves out what does not match, and the page still says how far it looked")
    func filters() async throws {
        try await withFilled(events: 200) { database, reader in
            let admissions = try await reader.page(
                after: Position(10),
                types: [.admitted],
                limit: 100
            )
            #expect(admissions.events.map(\.history.position.rawValue) == Array(11...20))
            #expect(admissions.nextAfter == Position(110))
            let episode = try #require(admissions.events.first).episodeID
            let both = try await reader.page(
                after: .zero,
                types: [.sessionAttended],
                episode: episode
            )
            #expect(
                both.events.map(\.history.position.rawValue)
                    == Array(stride(from: 31, to: 200, by: 20))
            )
            #expect(both.nextAfter == Position(200))
            let none = try await reader.page(after: .zero, types: [.completed], limit: 50)
            #expect(none.events.isEmpty && none.nextAfter == Position(50))
            let noTypes = try await reader.page(after: .zero, types: [], limit: 50)
            #expect(noTypes.events.isEmpty && noTypes.nextAfter == Position(50))
        }
    }

    @Test("A page ends at the position asked for, and begins where positions begin")
    func bounds() async throws {
        try await withFilled(events: 50) { _, reader in
            let until = try await reader.page(after: Position(5), until: Position(8))
            #expect(until.events.map(\.history.position.rawValue) == [6, 7, 8])
            #expect(until.nextAfter == Position(8) && until.head == Position(50))
            for after in [Position(50), Position(51), Position(.max)] {
                let beyond = try await reader.page(after: after)
                #expect(beyond.events.isEmpty && beyond.nextAfter == after)
                #expect(beyond.head == Position(50))
            }
            let before = try await reader.page(after: Position(-7), limit: 5)
            #expect(before.events.map(\.history.position.rawValue) == [1, 2, 3, 4, 5])
            let smallest = try await reader.page(after: Position(.min), limit: 1)
            #expect(smallest.nextAfter == Position(1))
            let backwards = try await reader.page(after: Position(9), until: Position(3))
            #expect(backwards.events.isEmpty && backwards.nextAfter == Position(9))
        }
    }

    @Test("An empty ledger has an empty page and a head at zero")
    func empty() async throws {
        try await withFilled(events: 0) { _, reader in
            #expect(try await reader.head() == LedgerHead(position: .zero, recordedAt: nil))
            let page = try await reader.page(after: .zero)
            #expect(page.events.isEmpty && page.nextAfter == .zero && page.head == .zero)
            #expect(try await reader.events(of: .fresh).isEmpty)
            #expect(try await reader.histories(of: [.fresh], through: .zero).isEmpty)
        }
    }

    @Test("A missing row is an alarm that names its position, whatever the filter")
    func missingRow() async throws {
        try await withFilled(events: 100) { database, reader in
            for position in [1, 57, 100] {
                try await asSuperuser(
                    database,
                    """
                    alter table event disable trigger all;
                    create table kept as select * from event where position = \(position);
                    delete from event where position = \(position);
                    alter table event enable always trigger event_is_immutable;
                    """
                )
                func names(_ body: () async throws -> Void) async {
                    do {
                        try await body()
                        Issue.record("nothing was thrown")
                    } catch LedgerError.missingEvent(let missing) {
                        #expect(missing == Position(Int64(position)))
                    } catch {
                        Issue.record(error)
                    }
                }
                await names { _ = try await reader.page(after: .zero) }
                await names { _ = try await reader.page(after: .zero, types: [.completed]) }
                await names { _ = try await reader.page(after: Position(Int64(position - 1))) }
                await names { _ = try await reader.page(after: .zero, episode: .fresh) }
                await names { _ = try await reader.episodes(after: .zero, through: Position(100)) }
                // What lies elsewhere can still be read.
                let after = try await reader.page(after: Position(Int64(position)))
                #expect(after.events.count == 100 - position)
                try await asSuperuser(
                    database,
                    "\(EventTable.insert(from: "kept")); drop table kept"
                )
                #expect(try await reader.page(after: .zero).events.count == 100)
            }
        }
    }

    @Test("An episode's events come by version, beyond one page, and up to a position")
    func episode() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            let (long, other) = (EpisodeID.fresh, EpisodeID.fresh)
            try await sequencer.appended(request(long, SampleEvent.admitted()))
            try await sequencer.appended(request(other, SampleEvent.admitted()))
            for _ in 0..<5 {
                try await sequencer.appended(
                    AppendRequest(
                        episodeID: long,
                        events: (0..<201).map { _ in SampleEvent.session() },
                        recordedBy: "cli:test"
                    )
                )
            }
            let events = try await reader.events(of: long)
            #expect(events.map(\.history.version.rawValue) == Array(1...1_006))
            #expect(events.allSatisfy { $0.episodeID == long })
            let early = try await reader.events(of: long, through: Position(5))
            #expect(early.map(\.history.position.rawValue) == [1, 3, 4, 5])
            let histories = try await reader.histories(
                of: [long, other, .fresh],
                through: Position(1_000)
            )
            #expect(Set(histories.keys) == [long, other])
            #expect(histories[long]?.map(\.version.rawValue) == Array(1...999))
            #expect(histories[long] == events.prefix(999).map(\.history))
            let span = try await reader.episodes(after: .zero, through: Position(4))
            #expect(span.episodes == [long, other])
            #expect(span.events.map(\.event.position.rawValue) == [1, 2, 3, 4])
        }
    }

    // MARK: - Scan

    @Test(
        "A scan gives every episode once with its whole history, however many ranges it takes",
        arguments: [0, 1, 10, 990, 4_000],
        [Int64(8_000), 100, 7]
    )
    func scan(_ events: Int, _ rangeEvents: Int64) async throws {
        try await withFilled(events: events) { database, reader in
            for through in Set([Int64(events), Int64(events / 2)]) {
                let scan = EpisodeScan(
                    database,
                    ledger: reader.ledger,
                    through: Position(through),
                    rangeEvents: rangeEvents
                )
                let found = Mutex<[EpisodeID: [HistoryEvent]]>([:])
                let ranges = Mutex(0)
                try await scan.forEachRange(parallelism: 3) { range in
                    ranges.withLock { $0 += 1 }
                    try await scan.read(range) { episode, history in
                        found.withLock { found in
                            if found[episode] != nil { Issue.record("\(episode) came twice") }
                            found[episode] = history
                        }
                    }
                }
                let all = try await storedRows(database, reader.ledger)
                let episodes = Array(Set(all.prefix(Int(through)).map(\.episodeID)))
                let wanted = try await reader.histories(of: episodes, through: Position(through))
                #expect(found.withLock { $0 } == wanted)
                if through >= 10 * rangeEvents { #expect(ranges.withLock { $0 } > 4) }
                if through < 2 * rangeEvents { #expect(ranges.withLock { $0 } == 1) }
            }
        }
    }

    @Test("A scan of a ledger with one long episode gives it once")
    func scanOneEpisode() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            try await sequencer.appended(request(episode, SampleEvent.admitted()))
            try await sequencer.appended(
                AppendRequest(
                    episodeID: episode,
                    events: (0..<99).map { _ in SampleEvent.session() },
                    recordedBy: "cli:test"
                )
            )
            let scan = EpisodeScan(
                database,
                ledger: sequencer.ledger,
                through: Position(100),
                rangeEvents: 10
            )
            let counts = Mutex<[Int]>([])
            try await scan.forEachRange { range in
                try await scan.read(range) { _, history in
                    counts.withLock { $0.append(history.count) }
                }
            }
            #expect(counts.withLock { $0 } == [100])
        }
    }

    @Test("A scan that fails in its body ends with that error")
    func scanFails() async throws {
        try await withFilled(events: 500) { database, reader in
            let scan = EpisodeScan(
                database,
                ledger: reader.ledger,
                through: Position(500),
                rangeEvents: 50
            )
            await #expect(throws: NeverHappened.self) {
                try await scan.forEachRange { range in
                    try await scan.read(range) { _, _ in
                        throw NeverHappened(description: "on purpose")
                    }
                }
            }
            // The connection of the copy that was cut off is not lent again as it was.
            let page = try await reader.page(after: .zero)
            #expect(page.events.count == 500)
        }
    }

    private func withFilled(
        events: Int,
        _ body: (LedgerDatabase, EventReader) async throws -> Void
    ) async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            if events > 0 { try await fill(database, ledger, events: events) }
            try await body(database, EventReader(database, ledger: ledger))
        }
    }
}
