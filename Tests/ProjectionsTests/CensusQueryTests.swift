import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("The census from its tables", .serialized)
struct CensusQueryTests {
    /// A ledger with random episodes, all in the tables.
    private func withCensus(
        seed: UInt64,
        timeZone: String = "America/New_York",
        _ body: (ProjectionFixture, CensusQuery) async throws -> Void
    ) async throws {
        try await ProjectionFixture.with(timeZone: timeZone) { fixture in
            let projection = try CensusProjection(fixture.ledger)
            var histories = RandomHistories(seed: seed, calendar: projection.calendar, days: 40)
            try await fixture.append(histories.events(400, episodes: 16))
            let worker = ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            try await body(
                fixture,
                try CensusQuery(fixture.database, ledger: fixture.ledger)
            )
        }
    }

    private func models(
        _ fixture: ProjectionFixture,
        knownAt: Instant? = nil,
        effectiveAt: Instant? = nil
    ) async throws -> [EpisodeCensus] {
        let model = ReadModel(
            try CensusProjection(fixture.ledger),
            fixture.database,
            ledger: fixture.ledger
        )
        return try await model.folded(
            knownAt: knownAt,
            knownBy: .source,
            effectiveAt: effectiveAt
        ).0
    }

    private func expectEqual(_ one: CensusOfDate, _ other: CensusOfDate, _ comment: Comment) {
        #expect(one.day.date == other.day.date, comment)
        #expect(one.day.groups == other.day.groups, comment)
        #expect(one.episodes.map(\.episodeID) == other.episodes.map(\.episodeID), comment)
        #expect(one.episodes.map(\.clientID) == other.episodes.map(\.clientID), comment)
        #expect(one.episodes.map(\.stay) == other.episodes.map(\.stay), comment)
        #expect(one.episodes.map(\.dayOfStay) == other.episodes.map(\.dayOfStay), comment)
        #expect(
            one.episodes.map(\.hoursLast7Days) == other.episodes.map(\.hoursLast7Days),
            comment
        )
        #expect(one.episodes.map(\.flags) == other.episodes.map(\.flags), comment)
    }

    @Test(
        "The tables answer for a past date as a fold up to just before its 24:00 does",
        arguments: [(41, "America/New_York"), (42, "Europe/Berlin"), (43, "Africa/Cairo")]
            as [(UInt64, String)]
    )
    func pastDates(_ seed: UInt64, _ zone: String) async throws {
        try await withCensus(seed: seed, timeZone: zone) { fixture, query in
            let whole = try await models(fixture)
            var doubtful = 0
            var total = 0
            let first = date("2024-02-10")
            for day in stride(from: 0, to: 100, by: 3) {
                let day = first.adding(days: day)
                let effectiveAt = justBefore(query.calendar.startOfDay(day.adding(days: 1)))
                doubtful += whole.filter { $0.needsFold(at: effectiveAt) }.count
                let (answer, _) = try await query.date(day, effectiveAt: effectiveAt)
                let fold = CensusOfDate(
                    day,
                    try await models(fixture, effectiveAt: effectiveAt),
                    effectiveAt: effectiveAt,
                    program: nil,
                    calendar: query.calendar
                )
                expectEqual(answer, fold, "seed \(seed) \(day)")
                total += answer.episodes.count
            }
            #expect(total > 0 && doubtful > 0, "duplicates lie across the cut")
        }
    }

    @Test("The tables hold exactly what the fold says of every episode")
    func rowsAreModels() async throws {
        try await withCensus(seed: 44) { fixture, query in
            let folded = try await models(fixture)
            let (stored, basis) = try await query.episodes(effectiveAt: Instant(microseconds: .max))
            #expect(!folded.isEmpty)
            #expect(
                stored.episodes.sorted { $0.episodeID < $1.episodeID } == folded
            )
            #expect(stored.overlapping == EpisodeList.overlapping(folded))
            #expect(basis.position == (try await fixture.head()))
            #expect(basis.lag == 0 && basis.parked.isEmpty)
        }
    }

    @Test("A period's days are the dates' answers")
    func period() async throws {
        try await withCensus(seed: 45) { _, query in
            let first = date("2024-03-01")
            let last = first.adding(days: 20)
            func end(_ day: CalendarDate) -> Instant {
                justBefore(query.calendar.startOfDay(day.adding(days: 1)))
            }
            for program in [nil] + RandomHistories.programs.map(Optional.some) {
                let (tally, _) = try await query.period(
                    from: first,
                    to: last,
                    effectiveAt: end(last),
                    program: program
                )
                #expect(tally.days.count == 21)
                for day in tally.days {
                    let (answer, _) = try await query.date(
                        day.date,
                        effectiveAt: end(day.date),
                        program: program
                    )
                    #expect(answer.day.groups == day.groups, "\(day.date)")
                }
            }
        }
    }

    @Test("What was known at the newest event's time or later is everything, and known_at is null")
    func knownNow() async throws {
        try await withCensus(seed: 46) { fixture, query in
            let recordedAt = try #require(try await fixture.reader.head().recordedAt)
            let day = date("2024-03-15")
            let effectiveAt = justBefore(query.calendar.startOfDay(day.adding(days: 1)))
            let (tables, _) = try await query.date(day, effectiveAt: effectiveAt)
            for by in [KnowledgeClock.source, .ledger] {
                let (known, basis) = try await query.date(
                    day,
                    effectiveAt: effectiveAt,
                    knowledge: .init(at: recordedAt, by: by)
                )
                expectEqual(tables, known, "\(by)")
                #expect(basis.knownAt == nil)
            }
            let (_, basis) = try await query.date(
                day,
                effectiveAt: effectiveAt,
                knowledge: .init(at: justBefore(recordedAt), by: .ledger)
            )
            #expect(basis.knownAt == justBefore(recordedAt))
        }
    }

    @Test("Episodes are found by client, state and program, as they stood at a time")
    func episodes() async throws {
        try await withCensus(seed: 47) { _, query in
            let effectiveAt = query.calendar.startOfDay(date("2024-03-20"))
            let all = try await query.episodes(effectiveAt: effectiveAt).0.episodes
            let client = try #require(all.first?.clientID)
            let (ofClient, _) = try await query.episodes(
                .init(clientID: client),
                effectiveAt: effectiveAt
            )
            #expect(ofClient.episodes == all.filter { $0.clientID == client })
            let (open, _) = try await query.episodes(.init(isOpen: true), effectiveAt: effectiveAt)
            let (ended, _) = try await query.episodes(
                .init(isOpen: false),
                effectiveAt: effectiveAt
            )
            #expect(open.episodes == all.filter { $0.end == nil } && !open.episodes.isEmpty)
            #expect(ended.episodes == all.filter { $0.end != nil } && !ended.episodes.isEmpty)
            let (program, _) = try await query.episodes(
                .init(program: "php"),
                effectiveAt: effectiveAt
            )
            #expect(
                program.episodes
                    == all.filter { $0.stays.contains { $0.program == "php" } }
            )
            #expect(all.allSatisfy { $0.admittedAt <= effectiveAt })
        }
    }

    @Test("A parked episode with a doubtful session is answered from its last good rows")
    func parkedAndDoubtful() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var story = try Story()
            story.admit("03-01")
            story.attend("s-1", "03-02")
            story.attend("s-1", minutes: 90, "03-10")
            let drafts = story.drafts
            try await fixture.append(
                drafts.map { RandomEvent(episodeID: Story.episode, draft: $0) }
            )
            let worker = ProjectionWorker(
                try CensusProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            // An event that no fold of this program can read.
            try await fixture.superuser(
                EventTable.insertNext(
                    after: 3,
                    type: "completed",
                    payload: #"{"last_contact_at":7}"#,
                    occurredAt: "\(instant("03-03").microseconds)"
                )
            )
            try await worker.catchUp(to: Position(4))
            let query = try CensusQuery(fixture.database, ledger: fixture.ledger)
            let (answer, basis) = try await query.date(
                date("2024-03-05"),
                effectiveAt: justBefore(instant("03-06"))
            )
            #expect(basis.parked == [Story.episode])
            #expect(basis.position == Position(4))
            #expect(answer.episodes.map(\.episodeID) == [Story.episode])
        }
    }

    @Test(
        "A damaged session parks its episode, whose hours stay those before it",
        arguments: [
            (EventType.sessionAttended, #"{"kind":"group","minutes":"60","session_id":"s-2"}"#),
            (EventType.sessionAttended, #"{"kind":"group","session_id":"s-2"}"#),
            (EventType.familySessionHeld, #"{"minutes":60,"session_id":"s-2"}"#),
            (EventType.sessionMissed, #"{"kind":"group","session_id":"s-2"}"#),
        ]
    )
    func damagedSession(_ type: EventType, _ payload: String) async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var story = try Story()
            story.admit("03-01")
            story.attend("s-1", minutes: 90, "03-02")
            let drafts = story.drafts
            try await fixture.append(
                drafts.map { RandomEvent(episodeID: Story.episode, draft: $0) }
            )
            try await fixture.superuser(
                """
                insert into event
                select ledger_id, 3, 3, \(instant("03-03").microseconds), recorded_at, known_at,
                    episode_id, gen_random_uuid(), '\(type.rawValue)', nonce, commitment, leaf_hash,
                    header, '\(payload)'::bytea
                from event
                where position = 2
                """
            )
            try await fixture.superuser("update ledger_head set position = 3 where position = 2")
            let worker = ProjectionWorker(
                try CensusProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: Position(3))
            let query = try CensusQuery(fixture.database, ledger: fixture.ledger)
            let (answer, basis) = try await query.date(
                date("2024-03-05"),
                effectiveAt: justBefore(instant("03-06"))
            )
            #expect(basis.parked == [Story.episode])
            #expect(answer.episodes.map(\.hoursLast7Days) == [1.5])
        }
    }

    @Test(
        "A reason in the tables that this program does not know is an error that names its column",
        arguments: ["start_reason", "end_reason"]
    )
    func unknownReason(_ column: String) async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var story = try Story()
            story.admit("03-01")
            story.complete("03-10")
            let drafts = story.drafts
            try await fixture.append(
                drafts.map { RandomEvent(episodeID: Story.episode, draft: $0) }
            )
            let worker = ProjectionWorker(
                try CensusProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            let query = try CensusQuery(fixture.database, ledger: fixture.ledger)
            let at = justBefore(instant("03-06"))
            #expect(try await query.date(date("2024-03-05"), effectiveAt: at).0.day.total == 1)
            try await fixture.superuser(
                "update read_model.census_stay set \(column) = 'entry_corrected'"
            )
            let unknown = try await error(ProjectionRowError.self) {
                _ = try await query.date(date("2024-03-05"), effectiveAt: at)
            }
            #expect("\(unknown)".contains(column))
        }
    }
}

extension Story {
    /// The story as drafts, to be appended.
    var drafts: [EventDraft] {
        events.compactMap { event in
            (try? EventData.decode(event.type, schemaVersion: 1, payload: event.payload)).map {
                EventDraft(
                    eventID: event.eventID,
                    occurredAt: event.occurredAt,
                    author: Author(id: "a", role: .other),
                    data: $0
                )
            }
        }
    }
}
