import CareEpisode
import Foundation
import Postgres
import ProjectionTestSupport
import Simulator
import TestSupport
import Testing

@testable import Ledger
@testable import ProjectionRuntime
@testable import Projections

@Suite("Every read model", .serialized)
struct ReadModelsTests {
    @Test("Rebuilt it has the rows that its worker wrote", arguments: [201, 202, 203] as [UInt64])
    func rebuildEqualsIncremental(_ seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            let calendar = try LocalCalendar(timeZone: fixture.ledger.timeZone)
            var histories = RandomHistories(seed: seed, calendar: calendar, medications: true)
            for _ in 0..<8 {
                try await fixture.append(histories.events(100, episodes: 25))
                for projection in try ReadModels.all(fixture.ledger) {
                    try await fixture.keepUp(projection, batchLimit: 30)
                }
            }
            for projection in try ReadModels.all(fixture.ledger) {
                let report = try await fixture.rebuilt(projection)
                #expect(report.differing == 0, "\(projection.name), seed \(seed)")
                #expect(report.episodes > 20 && report.parked == 0)
                for table in projection.tables {
                    let rows = try await fixture.rows(table.name, generation: 1)
                    #expect(!rows.isEmpty, "\(table.name)")
                    #expect(
                        rows == (try await fixture.rows(table.name, generation: 2)),
                        "\(table.name), seed \(seed)"
                    )
                }
            }
        }
    }

    @Test("Texts as long as an append accepts are taken in, and found by their whole length")
    func longTexts() async throws {
        try await ProjectionFixture.with { fixture in
            var random = SeededRandom(seed: 208)
            func text(_ end: String) -> String {
                // Four bytes a character, of which nothing can be compressed.
                let long = (0..<4_095).compactMap { _ in
                    UnicodeScalar(UInt32.random(in: 0x2_0000...0x2_A6DF, using: &random))
                }
                return String(String.UnicodeScalarView(long)) + end
            }
            let (client, program, session) = (text("c"), text("p"), text("s"))
            let admitted = Admitted(
                clientID: client,
                program: program,
                levelOfCare: .intensiveOutpatient
            )
            let start = SampleEvent.admissionTime
            func event(_ data: EventData, _ seconds: Int64) -> EventDraft {
                EventDraft(
                    eventID: .random(using: &random),
                    occurredAt: start.advanced(bySeconds: seconds),
                    author: Author(id: "random", role: .other),
                    data: data
                )
            }
            let attended = SessionAttended(sessionID: session, kind: .group, minutes: 60)
            let episode = EpisodeID.random(using: &random)
            try await fixture.append(
                [event(.admitted(admitted), 0), event(.sessionAttended(attended), 3_600)]
                    .map { RandomEvent(episodeID: episode, draft: $0) }
            )
            for projection in try ReadModels.all(fixture.ledger) {
                try await fixture.keepUp(projection)
            }
            let context = try await LedgerContext(fixture.database, fixture.ledger)
            func sessions(_ arguments: [String: String]) async throws -> Int {
                let question = try SessionsQuestion.read(
                    Arguments(arguments.mapValues { [$0] }),
                    at: context.moment
                )
                return try await question.answer(context).value.sessions.count
            }
            #expect(try await sessions(["session_id": session]) == 1)
            #expect(try await sessions(["session_id": String(session.dropLast())]) == 0)
            let query = try MedicationReviewQuery(fixture.database, ledger: fixture.ledger)
            let now = context.moment.now
            #expect(try await query.program(program, effectiveAt: now).episodes.count == 1)
            #expect(try await query.client(client, effectiveAt: now).episodes.count == 1)
        }
    }

    @Test("A poisoned episode is parked, and the others go on")
    func poisoned() async throws {
        try await ProjectionFixture.with { fixture in
            let calendar = try LocalCalendar(timeZone: fixture.ledger.timeZone)
            var histories = RandomHistories(seed: 204, calendar: calendar, medications: true)
            try await fixture.append(histories.events(300, episodes: 15))
            let projections = try ReadModels.all(fixture.ledger)
            for projection in projections { try await fixture.keepUp(projection) }
            let expected = try await fixture.tableDigests(projections)
            let victim = try await fixture.poison()
            let others = histories.events(50, episodes: 30).filter { $0.episodeID != victim }
            try await fixture.append(others)
            for projection in projections { try await fixture.keepUp(projection) }
            #expect(try await fixture.tableDigests(projections) != expected, "the others go on")
            let states = try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
            #expect(states.map(\.name).sorted() == ReadModels.names.sorted())
            for state in states {
                #expect(state.parked.map(\.episodeID) == [victim], "\(state.name)")
                #expect(state.lag == 0)
            }
        }
    }

    @Test("As known at a recorded time it is what the ledger's tables were then")
    func knownByTheLedger() async throws {
        try await ProjectionFixture.with { fixture in
            let calendar = try LocalCalendar(timeZone: fixture.ledger.timeZone)
            var histories = RandomHistories(seed: 205, calendar: calendar, medications: true)
            let chunks = (0..<6).map { _ in
                histories.events(120, episodes: 25)
            }
            try await fixture.expectPastKnowledge(chunks, by: .ledger)
        }
    }

    /// `EPISODE_LEDGER_LONG=1` asks 5,000 episodes at 50 times.
    @Test("As known at any time it is that of a ledger which was fed only what was known then")
    func knownBySource() async throws {
        let isLong = ProcessInfo.processInfo.environment["EPISODE_LEDGER_LONG"] == "1"
        let (episodes, times) = isLong ? (5_000, 50) : (120, 6)
        var events: [RandomEvent] = []
        try Simulation(episodes: episodes, seed: 206).lines { line in
            let (episodeID, draft) = try EventParser.parseLine(line)
            events.append(RandomEvent(episodeID: episodeID, draft: draft))
        }
        // The lines are in the order of knowledge time: what was known at a time is a beginning.
        var generator = SeededRandom(seed: 207)
        var cuts = (1..<times).map { _ in Int.random(in: 1..<events.count, using: &generator) }
        cuts = cuts.map { cut in
            let known = events[cut - 1].draft.sourceRecordedAt
            return events[cut...].firstIndex { $0.draft.sourceRecordedAt != known } ?? events.count
        }
        let bounds = Array(Set(cuts + [0, events.count])).sorted()
        let chunks = zip(bounds, bounds.dropFirst()).map { Array(events[$0..<$1]) }
        #expect(chunks.count > times / 2)
        try await ProjectionFixture.with { fixture in
            try await fixture.expectPastKnowledge(chunks, by: .source)
        }
    }
}

extension ProjectionFixture {
    /// Feeds a ledger chunk by chunk, and asks at the end what it had known after each of them.
    ///
    /// - Parameter clock: on which the chunks follow one another.
    fileprivate func expectPastKnowledge(
        _ chunks: [[RandomEvent]],
        by clock: KnowledgeClock
    ) async throws {
        let projections = try ReadModels.all(ledger)
        var states: [(known: Knowledge, tables: [String])] = []
        for chunk in chunks {
            for start in stride(from: 0, to: chunk.count, by: 1_000) {
                try await append(chunk[start..<min(start + 1_000, chunk.count)])
            }
            for projection in projections { try await keepUp(projection) }
            let recordedAt = try await reader.head().recordedAt
            let source = chunk.last?.draft.sourceRecordedAt
            let time = try #require(clock == .ledger ? recordedAt : source)
            states.append((Knowledge(at: time, by: clock), try await tableDigests(projections)))
        }
        for state in states {
            let answers = try await foldDigests(projections, known: state.known)
            #expect(answers == state.tables, "known at \(state.known.at)")
        }
        let now = try await foldDigests(projections, known: nil)
        #expect(now == states.last?.tables)
        #expect(Set(states.map(\.tables)).count == states.count, "every chunk changed something")
    }

    func keepUp<Projection: EpisodeProjection>(
        _ projection: Projection,
        batchLimit: Int = EventReader.pageLimit
    ) async throws {
        let worker = ProjectionWorker(
            projection,
            database,
            ledger: ledger,
            holder: "test",
            batchLimit: batchLimit
        )
        try await worker.catchUp(to: try await head())
    }

    fileprivate func rebuilt<Projection: EpisodeProjection>(
        _ projection: Projection
    ) async throws -> (episodes: Int, parked: Int, differing: Int?) {
        let report = try await ProjectionRebuild(
            projection,
            database,
            ledger: ledger,
            holder: "rebuild"
        ).run()
        return (report.episodes, report.parked, report.differing)
    }

    /// An end whose payload is none, for the first episode that is open.
    func poison() async throws -> EpisodeID {
        let insertion = EventTable.insert(
            [
                "position": "head_position", "event_id": "gen_random_uuid()",
                "version":
                    "(select max(version) + 1 from event e where e.episode_id = v.episode_id)",
                "type": "'completed'", "payload": #"'{"last_contact_at":7}'::bytea"#,
            ],
            from: "victim v, head"
        )
        let rows = try await superuser(
            """
            with victim as (
                select e.* from event e
                where e.type = 'admitted' and not exists (
                    select from event o
                    where o.episode_id = e.episode_id
                    and o.type in ('completed', 'discharged', 'entry_retracted')
                )
                order by e.position limit 1
            ), head as (
                update ledger_head set position = position + 1
                where ledger_id = (select ledger_id from victim)
                returning position as head_position
            )
            \(insertion)
            returning episode_id
            """
        )
        return try #require(rows.first).get("episode_id", as: EpisodeID.self)
    }

    // MARK: - Rows

    /// One digest for each table of each read model, of its rows in the live generation.
    fileprivate func tableDigests(_ projections: [any EpisodeProjection]) async throws -> [String] {
        var digests: [String] = []
        for projection in projections {
            for table in projection.tables where !table.isInsertOnly {
                let rows = try await database.reader.query(
                    Self.digest(of: table.qualifiedName, ledger)
                )
                digests.append(try table.name + rows.first!.get("digest", as: String.self))
            }
        }
        return digests
    }

    /// The same of rows that are folded as they were known at a time.
    fileprivate func foldDigests(
        _ projections: [any EpisodeProjection],
        known: Knowledge?
    ) async throws -> [String] {
        var digests: [String] = []
        for projection in projections {
            digests += try await foldDigests(projection, known)
        }
        return digests
    }

    private func foldDigests<Projection: EpisodeProjection>(
        _ projection: Projection,
        _ known: Knowledge?
    ) async throws -> [String] {
        let (models, basis) = try await ReadModel(projection, database, ledger: ledger)
            .folded(knownAt: known?.at, knownBy: known?.by ?? .source)
        #expect(basis.parked.isEmpty)
        var rows = EncodedRows(projection.tables, ledger: ledger.id, generation: 1)
        for model in models { projection.encode(model, into: &rows) }
        let encoded = rows
        let configuration = try PostgresConfiguration(url: url)
        return try await PostgresConnection.withConnection(configuration) { connection in
            var digests: [String] = []
            // Rows that are only added to do not tell what was known.
            for (index, table) in projection.tables.enumerated() where !table.isInsertOnly {
                let bytes = encoded.bytes(index)
                let name = table.qualifiedName
                _ = try await connection.query("create temp table folded (like \(raw: name))")
                _ = try await connection.copyIn(
                    """
                    copy folded (\(raw: table.columnNames))
                    from stdin (format binary)
                    """
                ) { try await $0.write(bytes) }
                let rows = try await connection.query(Self.digest(of: "folded", ledger))
                digests.append(try table.name + rows.first!.get("digest", as: String.self))
                _ = try await connection.query("drop table folded")
            }
            return digests
        }
    }

    /// Without the times at which something became known: tables tell them by the source's clock, a
    /// fold by the clock that is asked of.
    private static func digest(of table: String, _ ledger: LedgerDescription) -> SQL {
        """
        select count(*)::text || ' ' || coalesce(
                md5(
                    string_agg(
                        md5((to_jsonb(t) - 'known_at' - 'end_known_at')::text), ''
                        order by md5((to_jsonb(t) - 'known_at' - 'end_known_at')::text)
                    )
                ), ''
            ) as digest
        from \(raw: table) t
        where ledger_id = \(ledger.id.rawValue)
        """
    }
}
