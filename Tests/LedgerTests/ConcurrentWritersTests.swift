import CareEpisode
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ledger

/// Many writers, two sequencers that stand for two processes, and followers of every kind.
@Suite("Concurrent writers", .serialized)
struct ConcurrentWritersTests {
    @Test(
        "64 writers in two processes: gapless, nothing lost, nothing twice, nothing refused is there",
        arguments: [UInt64(1), 2]
    )
    func manyWriters(_ seed: UInt64) async throws {
        let story = Story(seed: seed, writers: 64, requestsEach: 30, episodes: 200)
        try await tell(story, terminating: false)
    }

    @Test(
        "The same while the writers' sessions are terminated at random",
        arguments: [UInt64(3), 4]
    )
    func terminatedWriters(_ seed: UInt64) async throws {
        let story = Story(seed: seed, writers: 64, requestsEach: 20, episodes: 200)
        try await tell(story, terminating: true)
    }

    private static let writerName = "el-writer"

    private func tell(_ story: Story, terminating: Bool) async throws {
        try await LedgerFixture.withDatabase { followersDatabase in
            let ledger = try await followersDatabase.ledger(named: .default)
            var configuration = followersDatabase.configuration
            configuration.applicationName = Self.writerName
            try await LedgerFixture.withDatabase(configuration) { first in
                try await LedgerFixture.withDatabase(configuration) { second in
                    try await Sequencer.with(first, ledger: ledger) { one in
                        try await Sequencer.with(second, ledger: ledger) { two in
                            try await follow(followersDatabase, ledger, [one, two]) {
                                try await write(
                                    story,
                                    [one, two],
                                    terminating ? followersDatabase : nil
                                )
                            }
                        }
                    }
                }
            }
            try await check(story, followersDatabase, ledger)
        }
    }

    // MARK: - Writing

    private func write(
        _ story: Story,
        _ sequencers: [Sequencer],
        _ terminatingIn: LedgerDatabase?
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let terminator = terminatingIn.map { database in
                Task { try await terminate(database, story) }
            }
            defer { terminator?.cancel() }
            for writer in 0..<story.writers {
                group.addTask { try await story.write(as: writer, sequencers) }
            }
            try await group.waitForAll()
            terminator?.cancel()
            if let terminated = try await terminator?.value { #expect(terminated > 20) }
        }
    }

    /// Ends one of the writers' sessions again and again, a busy one if there is any, and says how
    /// many.
    ///
    /// Each time the writers may get a few requests done first: faster than that, no session would
    /// live long enough to do anything.
    private func terminate(_ database: LedgerDatabase, _ story: Story) async throws -> Int {
        var terminated = 0
        let superuser = PostgresPool(database.configuration, limit: 1)
        while !Task.isCancelled {
            let rows = try? await superuser.query(
                """
                select pg_terminate_backend(pid)
                from (
                    select pid from pg_stat_activity
                    where datname = current_database() and application_name = \(Self.writerName)
                    order by state = 'active' desc, random()
                    limit 1
                ) victim
                """
            )
            terminated += rows?.count ?? 0
            let told = story.toldCount
            while story.toldCount < told + 4 && !Task.isCancelled { await Task.yield() }
        }
        await superuser.close()
        return terminated
    }

    // MARK: - Following

    /// Runs a body while followers of every kind follow, and checks what they saw.
    private func follow(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ sequencers: [Sequencer],
        _ body: () async throws -> Void
    ) async throws {
        let reader = EventReader(database, ledger: ledger)
        let feeds = LiveFeeds()
        let announced = feeds.feed(of: ledger.id)
        let sessions: Set<EventType> = [.sessionAttended]
        let followers: [Following] = [
            Following(reader, sequencers[0].feed, poll: .seconds(1)),
            Following(reader, sequencers[1].feed, poll: .seconds(1), limit: 3),
            Following(reader, announced, poll: .seconds(2)),
            Following(reader, LiveFeed(), poll: .milliseconds(20)),
            Following(reader, sequencers[0].feed, poll: .seconds(1), types: sessions),
            Following(reader, announced, poll: .seconds(1), types: sessions, limit: 50),
        ]
        let listener = HeadListener(database.configuration, feeds: feeds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run() }
            for follower in followers { group.addTask { try await follower.run() } }
            try await body()
            let rows = try await storedRows(database, ledger)
            for follower in followers {
                let wanted = rows.filter { row in
                    follower.types.map { $0.contains { $0.rawValue == row.type } } ?? true
                }
                try await eventually("a follower has seen everything") {
                    follower.seen.withLock { $0.count } >= wanted.count
                }
                let seen = follower.seen.withLock { $0 }
                #expect(seen.map(\.history.position.rawValue) == wanted.map(\.position))
                #expect(seen.map(\.history.eventID) == wanted.map(\.eventID))
                #expect(seen.map(\.history.version.rawValue) == wanted.map(\.version))
                #expect(seen.map(\.history.recordedAt.microseconds) == wanted.map(\.recordedAt))
                #expect(seen.map(\.history.payload) == wanted.map(\.payload))
                #expect(seen.map(\.header) == wanted.map(\.header))
                #expect(seen.map(\.leafHash) == wanted.map(\.leafHash))
            }
            group.cancelAll()
        }
    }

    /// A follower and what it has seen.
    private final class Following: Sendable {
        let seen = Mutex<[RecordedEvent]>([])
        let types: Set<EventType>?
        private let reader: EventReader
        private let feed: LiveFeed
        private let poll: Duration
        private let limit: Int

        init(
            _ reader: EventReader,
            _ feed: LiveFeed,
            poll: Duration,
            types: Set<EventType>? = nil,
            limit: Int = 500
        ) {
            self.reader = reader
            self.feed = feed
            self.poll = poll
            self.types = types
            self.limit = limit
        }

        func run() async throws {
            var follower = EventFollower(
                reader,
                feed: feed,
                after: .beginning,
                types: types,
                pollInterval: poll
            )
            while !Task.isCancelled {
                do {
                    let events = try await follower.next(limit: limit)
                    seen.withLock { $0 += events }
                } catch  where Task.isCancelled {
                    return
                }
            }
        }
    }

    // MARK: - Checking

    private func check(
        _ story: Story,
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws {
        let rows = try await audit(database, ledger)
        let told = story.told.withLock { $0 }
        // Every acknowledged event is there, once, as it was told; and nothing else is.
        #expect(rows.count == told.receipts.count, "seed \(story.seed)")
        for row in rows {
            let receipt = try #require(told.receipts[row.eventID], "seed \(story.seed)")
            #expect(receipt.position.rawValue == row.position)
            #expect(receipt.version.rawValue == row.version)
            #expect(receipt.recordedAt.microseconds == row.recordedAt)
            #expect(receipt.leafHash == row.leafHash)
            #expect(!told.declined.contains(row.eventID))
        }
        // A story in which something never happens proves nothing about it.
        for outcome in ["appended", "duplicate", "refused", "conflict", "reused", "partly"] {
            #expect(told.outcomes[outcome, default: 0] > 0, "no request was \(outcome)")
        }
    }
}

/// What writers send, and what they were told.
private final class Story: Sendable {
    let seed: UInt64
    let writers: Int
    let requestsEach: Int
    let episodes: [EpisodeID]
    let told = Mutex(Told())

    struct Told {
        var receipts: [EventID: AppendReceipt] = [:]
        /// Ids of events that must never be recorded.
        var declined: Set<EventID> = []
        /// Requests that were appended, for repeats.
        var appended: [AppendRequest] = []
        var versions: [EpisodeID: Version] = [:]
        var outcomes: [String: Int] = [:]
    }

    /// How many requests have been told their outcome.
    var toldCount: Int { told.withLock { $0.outcomes.values.reduce(0, +) } }

    private enum Kind: CaseIterable {
        case plain, list, conditional, repeated, reused, partly, twice, refused, wrongVersion
    }

    init(seed: UInt64, writers: Int, requestsEach: Int, episodes: Int) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        self.writers = writers
        self.requestsEach = requestsEach
        self.episodes = (0..<episodes).map { _ in EpisodeID.random(using: &random) }
    }

    /// One writer's part: admissions of its own episodes first, then everything at random.
    func write(as writer: Int, _ sequencers: [Sequencer]) async throws {
        var random = SeededRandom(seed: seed &* 1_000 &+ UInt64(writer))
        for index in stride(from: writer, to: episodes.count, by: writers) {
            let admission = request(episodes[index], SampleEvent.admitted(.random(using: &random)))
            let receipts = try await send(admission, sequencers, &random)
            guard case .appended = receipts else {
                Issue.record("an admission was not appended: \(receipts), seed \(seed)")
                continue
            }
        }
        for _ in 0..<requestsEach {
            try await sendOne(sequencers, &random)
        }
    }

    private func session(_ random: inout SeededRandom) -> EventDraft {
        SampleEvent.session(
            .random(using: &random),
            day: Int64.random(in: 0..<50, using: &random)
        )
    }

    private func sendOne(_ sequencers: [Sequencer], _ random: inout SeededRandom) async throws {
        // Few episodes are busy, so that writers meet there.
        let crowd = random.happens(0.5) ? 5 : episodes.count
        let episode = episodes[Int.random(in: 0..<crowd, using: &random)]
        let (known, before) = told.withLock { told in
            (told.versions[episode], told.appended.randomElement(using: &random))
        }
        guard let known, let before else {
            // The writer of this admission has not come to it yet.
            return
        }
        let fresh = session(&random)
        let kind = Kind.allCases.randomElement(using: &random)!
        switch kind {
        case .plain:
            let outcome = try await send(request(episode, fresh), sequencers, &random)
            expect(outcome.appended != nil, kind, outcome)
        case .list:
            let list = request(episode, fresh, session(&random), session(&random))
            let outcome = try await send(list, sequencers, &random)
            expect(outcome.appended?.count == 3, kind, outcome)
            let versions = outcome.appended?.map(\.version.rawValue) ?? []
            let positions = outcome.appended?.map(\.position.rawValue) ?? []
            expect(versions == versions.first.map { Array($0..<$0 + 3) }, kind, outcome)
            expect(positions == positions.first.map { Array($0..<$0 + 3) }, kind, outcome)
        case .conditional:
            let asked = request(episode, fresh, expected: known)
            switch try await send(asked, sequencers, &random) {
            case .appended(let receipts):
                #expect(receipts.first?.version == known.next, "seed \(seed)")
            case .conflict(let current):
                #expect(current > known, "seed \(seed)")
            case let outcome: expect(false, kind, outcome)
            }
        case .repeated:
            let outcome = try await send(before, sequencers, &random)
            expect(outcome.duplicate?.count == before.events.count, kind, outcome)
            for receipt in outcome.duplicate ?? [] {
                let first = told.withLock { $0.receipts[receipt.eventID] }
                #expect(first?.position == receipt.position, "seed \(seed)")
                #expect(first?.leafHash == receipt.leafHash, "seed \(seed)")
            }
        case .reused:
            let id = before.events[0].eventID
            let other = SampleEvent.session(id, day: 3, minutes: 719)
            let outcome = try await send(request(episode, other), sequencers, &random)
            expect(outcome.reused == id, kind, outcome)
        case .partly:
            let asked = request(before.episodeID, before.events[0], fresh)
            let outcome = try await send(asked, sequencers, &random)
            expect(outcome.isPartlyRecorded, kind, outcome)
        case .twice:
            let outcome = try await send(request(episode, fresh, fresh), sequencers, &random)
            expect(outcome.isPartlyRecorded, kind, outcome)
        case .refused:
            let again = SampleEvent.admitted(fresh.eventID)
            let asked =
                random.happens(0.5)
                ? request(episode, session(&random), again)
                : request(.random(using: &random), fresh)
            let outcome = try await send(asked, sequencers, &random)
            expect(outcome.refusal != nil, kind, outcome)
        case .wrongVersion:
            let asked = request(episode, fresh, expected: .zero)
            let outcome = try await send(asked, sequencers, &random)
            expect(outcome.conflict.map { $0 >= known } == true, kind, outcome)
        }
    }

    private func expect(_ holds: Bool, _ kind: Kind, _ outcome: AppendOutcome) {
        #expect(holds, "\(kind): \(outcome), seed \(seed)")
    }

    /// Sends a request, repeats it where the outcome is not known, and keeps what was told.
    private func send(
        _ request: AppendRequest,
        _ sequencers: [Sequencer],
        _ random: inout SeededRandom
    ) async throws -> AppendOutcome {
        var isRepeat = false
        while true {
            let sequencer = sequencers.randomElement(using: &random)!
            do {
                let outcome = try await sequencer.append(request)
                keep(outcome, of: request)
                // After an unknown outcome the repeat may find the first one recorded.
                if isRepeat, let receipts = outcome.duplicate { return .appended(receipts) }
                return outcome
            } catch AppendError.outcomeUnknown {
                isRepeat = true
            } catch AppendError.contended, AppendError.unavailable {
                continue
            }
        }
    }

    private func keep(_ outcome: AppendOutcome, of request: AppendRequest) {
        told.withLock { told in
            switch outcome {
            case .appended(let receipts):
                told.outcomes["appended", default: 0] += 1
                for receipt in receipts {
                    #expect(told.receipts[receipt.eventID] == nil, "acknowledged twice")
                    #expect(!receipt.duplicate)
                    told.receipts[receipt.eventID] = receipt
                }
                told.appended.append(request)
                let version = receipts.last?.version ?? .zero
                told.versions[request.episodeID] = max(
                    version,
                    told.versions[request.episodeID] ?? .zero
                )
            case .duplicate(let receipts):
                told.outcomes["duplicate", default: 0] += 1
                for receipt in receipts where told.receipts[receipt.eventID] == nil {
                    told.receipts[receipt.eventID] = receipt
                }
            case .refused:
                told.outcomes["refused", default: 0] += 1
                decline(request, &told)
            case .conflict:
                told.outcomes["conflict", default: 0] += 1
                decline(request, &told)
            case .eventIDReused: told.outcomes["reused", default: 0] += 1
            case .partlyRecorded: told.outcomes["partly", default: 0] += 1
            }
        }
    }

    private func decline(_ request: AppendRequest, _ told: inout Told) {
        told.declined.formUnion(request.events.map(\.eventID))
    }
}
