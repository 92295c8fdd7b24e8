import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("The medication review from its tables", .serialized)
struct MedicationQueryTests {
    private func worker(
        _ fixture: ProjectionFixture
    ) throws -> ProjectionWorker<MedicationReviewProjection> {
        ProjectionWorker(
            try MedicationReviewProjection(fixture.ledger),
            fixture.database,
            ledger: fixture.ledger,
            holder: "test"
        )
    }

    /// A ledger with random episodes, all in the tables.
    private func withMedications(
        seed: UInt64,
        _ body: (ProjectionFixture, MedicationReviewQuery, [RandomEvent]) async throws -> Void
    ) async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var random = RandomMedications(seed: seed)
            let events = random.events(500, episodes: 14)
            try await fixture.append(events)
            try await worker(fixture).catchUp(to: try await fixture.head())
            try await body(
                fixture,
                try MedicationReviewQuery(fixture.database, ledger: fixture.ledger),
                events
            )
        }
    }

    private func stored(
        _ fixture: ProjectionFixture,
        _ selection: MedicationRows.Selection
    ) async throws -> [EpisodeMedications] {
        let model = ReadModel(
            try MedicationReviewProjection(fixture.ledger),
            fixture.database,
            ledger: fixture.ledger
        )
        let id = fixture.ledger.id
        return try await model.withTables { connection, generation, _ in
            try await MedicationRows.medications(selection, id, generation, connection)
        }
    }

    /// Every episode with an admission, folded.
    private func folded(_ fixture: ProjectionFixture) async throws -> [EpisodeMedications] {
        let projection = try MedicationReviewProjection(fixture.ledger)
        return try await HistoryFold(fixture.database, ledger: fixture.ledger).run {
            try projection.fold($0, $1)
        }.parts
    }

    @Test(
        "The rows of an episode read back as what the fold says",
        arguments: [71, 72] as [UInt64]
    )
    func roundTrip(_ seed: UInt64) async throws {
        try await withMedications(seed: seed) { fixture, _, _ in
            let folded = try await folded(fixture)
            #expect(folded.count > 5)
            for medications in folded {
                let stored = try await stored(fixture, .episode(medications.episodeID))
                #expect(stored == [medications], "seed \(seed)")
            }
            // Every episode has something after the beginning of time.
            let all = try await stored(
                fixture,
                .program("none", effectiveAt: Instant(microseconds: 0))
            )
            #expect(all.sorted { $0.episodeID < $1.episodeID } == folded, "seed \(seed)")
        }
    }

    @Test("A worker that goes step by step and a rebuild write the same rows")
    func rebuild() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var random = RandomMedications(seed: 73)
            let events = random.events(400, episodes: 10)
            let worker = try worker(fixture)
            for chunk in stride(from: 0, to: events.count, by: 57) {
                try await fixture.append(Array(events[chunk..<min(chunk + 57, events.count)]))
                try await worker.catchUp(to: try await fixture.head())
            }
            let tables = MedicationReviewProjection.tableNames
            let before = try await rows(fixture, tables, generation: 1)
            #expect(before.allSatisfy { !$0.isEmpty })
            let report = try await ProjectionRebuild(
                try MedicationReviewProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            ).run()
            #expect(report.differing == 0)
            let after = try await rows(fixture, tables, generation: report.generation)
            #expect(before == after)
        }
    }

    private func rows(
        _ fixture: ProjectionFixture,
        _ tables: [String],
        generation: Int32
    ) async throws -> [[String]] {
        var rows: [[String]] = []
        for table in tables {
            rows.append(try await fixture.rows(table, generation: generation))
        }
        return rows
    }

    @Test("For any time, the tables answer as the fold does")
    func anyTime() async throws {
        try await withMedications(seed: 74) { fixture, query, events in
            var random = RandomMedications(seed: 75)
            let head = try #require(try await fixture.reader.head().recordedAt)
            let known = Knowledge(at: head)
            var folds = 0
            for episode in Set(events.map(\.episodeID)).sorted() {
                let rows = try await stored(fixture, .episode(episode))
                for time in (0..<6).map({ _ in random.moment() }) + [head] {
                    folds += rows.first.map { $0.needsFold(at: time) ? 1 : 0 } ?? 0
                    let tables = try? await query.episode(episode, effectiveAt: time)
                    // Known at the head is everything, but answered by folding.
                    let folded = try? await query.episode(
                        episode,
                        effectiveAt: time,
                        knowledge: known
                    )
                    #expect(tables?.review == folded?.review)
                    #expect(folded?.basis.knownAt == nil)
                }
                let now = try? await query.episode(episode, effectiveAt: head)
                #expect((now == nil) == rows.isEmpty)
            }
            #expect(folds > 20)
        }
    }

    @Test("The list is that of all who are enrolled, or of a program, the most serious first")
    func worklist() async throws {
        try await withMedications(seed: 76) { fixture, query, _ in
            var random = RandomMedications(seed: 77)
            let head = try #require(try await fixture.reader.head().recordedAt)
            let folded = try await folded(fixture)
            for time in (0..<8).map({ _ in random.moment() }) + [head] {
                var listed = 0
                var inPrograms: [EpisodeID] = []
                for program in ["iop-day", "php", "none", nil] {
                    let tables = try await query.program(program, effectiveAt: time)
                    let known = try await query.program(
                        program,
                        effectiveAt: time,
                        knowledge: Knowledge(at: head)
                    )
                    #expect(tables.episodes.map(\.episodeID) == known.episodes.map(\.episodeID))
                    #expect(tables.episodes.map(\.review) == known.episodes.map(\.review))
                    let places = tables.episodes.map {
                        [
                            $0.review.flags.map(\.seriousness).min() ?? .max,
                            -$0.review.flags.count,
                        ]
                    }
                    #expect(places == places.sorted { $0.lexicographicallyPrecedes($1) })
                    guard let program else {
                        // Everybody is in one of the programs, with the same review.
                        let all = tables.episodes.map(\.episodeID)
                        #expect(all.sorted() == inPrograms.sorted())
                        continue
                    }
                    #expect(tables.episodes.allSatisfy { $0.program == program })
                    inPrograms += tables.episodes.map(\.episodeID)
                    for episode in tables.episodes {
                        let alone = try await query.episode(episode.episodeID, effectiveAt: time)
                        #expect(alone.review == episode.review)
                    }
                    listed += tables.episodes.count
                }
                guard time == head else { continue }
                #expect(listed == folded.filter { $0.course.endedAt == nil }.count)
                #expect(listed > 3)
            }
        }
    }

    @Test("An episode that is not there, or not yet, is told from one without medications")
    func absent() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var story = try Story()
            story.admit("03-01")
            let drafts = story.drafts
            try await fixture.append(
                drafts.map { RandomEvent(episodeID: Story.episode, draft: $0) }
            )
            try await worker(fixture).catchUp(to: try await fixture.head())
            let query = try MedicationReviewQuery(fixture.database, ledger: fixture.ledger)
            let there = try await query.episode(Story.episode, effectiveAt: instant("03-01"))
            #expect(there.review.active.isEmpty && there.review.flags.isEmpty)
            // A time before the admission is answered from what was ordered before it: nothing.
            let early = justBefore(instant("03-01"))
            let notYet = try await query.episode(Story.episode, effectiveAt: early)
            #expect(notYet.review.active.isEmpty && notYet.review.timeline.isEmpty)
            let unknownYet = try await error(MedicationReviewError.self) {
                _ = try await query.episode(
                    Story.episode,
                    effectiveAt: early,
                    knowledge: Knowledge(at: early)
                )
            }
            #expect(unknownYet == .notAdmitted(Story.episode))
            for knowledge in [nil, Knowledge(at: instant("03-01"))] {
                let unknown = try await error(LedgerError.self) {
                    _ = try await query.episode(
                        EpisodeID(bits: 99),
                        effectiveAt: instant("03-02"),
                        knowledge: knowledge
                    )
                }
                guard case .unknownEpisode(EpisodeID(bits: 99)) = unknown else {
                    Issue.record("\(unknown)")
                    continue
                }
            }
        }
    }

    @Test("What was not known yet is not in the review, and the difference names the event")
    func difference() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var story = try Story()
            story.admit("03-01")
            story.adjust(.start, medication("sertraline", order: "o-1"), mg(50), "03-02")
            let late = story.adjust(
                .increase,
                medication("sertraline", order: "o-1"),
                mg(100),
                "03-03",
                known: "03-10"
            )
            let knownAt = Dictionary(
                uniqueKeysWithValues: story.events.map { ($0.eventID, $0.knownAt) }
            )
            let events = story.drafts.map { draft in
                var draft = draft
                draft.sourceRecordedAt = knownAt[draft.eventID]
                return RandomEvent(episodeID: Story.episode, draft: draft)
            }
            try await fixture.append(events)
            let query = try MedicationReviewQuery(fixture.database, ledger: fixture.ledger)
            let effectiveAt = instant("03-20")
            let then = try await query.episode(
                Story.episode,
                effectiveAt: effectiveAt,
                knowledge: Knowledge(at: instant("03-05"))
            )
            #expect(then.review.active.map(\.interval.regimen?.dose) == [50])
            #expect(then.basis.knownAt == instant("03-05"))
            let difference = try await HistoryFold(fixture.database, ledger: fixture.ledger)
                .difference(
                    of: [Story.episode],
                    from: instant("03-05"),
                    to: instant("03-11"),
                    by: .source,
                    fold: query.fold(effectiveAt: effectiveAt),
                    items: {
                        query.items(
                            $0,
                            about: .episode(Story.episode),
                            effectiveAt: effectiveAt
                        )
                    }
                )
            let start = "00000000-0000-0000-0000-0000000003ea"
            #expect(
                difference.changes.map(\.item) == [
                    "active/\(start)", "timeline/\(start)/\(start)", "timeline/\(start)/\(late)",
                    "changes/\(late)", "flags/late_entry/\(late)",
                    "flags/not_reviewed/\(late)", "flags/not_reviewed/\(start)",
                ]
            )
            #expect(difference.changes.allSatisfy { $0.because == [late] })
        }
    }

    @Test("A client's open episodes are reviewed together, whosever they were known to be then")
    func client() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var one = try Story()
            one.admit(program: "op", "03-01")
            one.adjust(.start, medication("methadone"), mg(60), "03-02")
            var two = try Story()
            let admission = two.admit("03-01")
            two.adjust(.start, medication("clonazepam"), mg(1), "03-03")
            let other = EpisodeID(bits: 8)
            try await fixture.append(
                one.known(as: Story.episode) + two.known(as: other, idsFrom: 5_000)
            )
            try await worker(fixture).catchUp(to: try await fixture.head())
            let query = try MedicationReviewQuery(fixture.database, ledger: fixture.ledger)
            let effectiveAt = instant("03-05")
            let known = Knowledge(at: instant("06-01"))

            func expectTogether(_ knowledge: Knowledge?) async throws {
                let review = try await query.episode(
                    other,
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                ).review
                #expect(review.otherOpenEpisodes == [Story.episode])
                let flag = try #require(review.flags.only(.opioidAndBenzodiazepine).first)
                #expect(flag.text.contains("methadone (episode \(Story.episode)) with clonazepam"))
                #expect(flag.lineages.count == 2)
                let list = try await query.program(
                    "iop",
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                )
                #expect(list.episodes.map(\.review) == [review])
                let everybody = try await query.program(
                    nil,
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                )
                #expect(everybody.episodes.map(\.program) == ["op", "iop"])
                #expect(everybody.episodes.last?.review == review)
                let client = try await query.client(
                    "C-1",
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                )
                #expect(client.episodes.map(\.program).sorted() == ["iop", "op"])
                #expect(client.review.active.map(\.episodeID) == [Story.episode, other])
                #expect(client.review.flags.told == ["opioid_and_benzodiazepine 2 5002"])
            }
            try await expectTogether(nil)

            // It was another client's.
            two.correct(
                admission,
                to: .admitted(
                    Admitted(clientID: "C-9", program: "iop", levelOfCare: .intensiveOutpatient)
                ),
                at: nil
            )
            try await fixture.append([two.known(as: other, idsFrom: 5_000)[2]])
            try await worker(fixture).catchUp(to: try await fixture.head())
            for knowledge in [nil, Knowledge(at: instant("12-02"))] {
                let review = try await query.episode(
                    other,
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                ).review
                #expect(review.otherOpenEpisodes == [] && review.flags.isEmpty)
                let client = try await query.client(
                    "C-9",
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                )
                #expect(client.episodes.map(\.episodeID) == [other])
            }
            // And is still the first one's in what was known before.
            try await expectTogether(known)
            #expect(
                try await query.client("C-0", effectiveAt: effectiveAt).episodes.isEmpty
            )
        }
    }

    @Test("A parked episode is answered from its last good rows, and told")
    func parked() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var story = try Story()
            story.admit("03-01")
            story.adjust(.start, medication("sertraline"), mg(50), "03-02")
            story.adjust(.start, medication("lithium"), mg(300), "03-10")
            let drafts = story.drafts
            try await fixture.append(
                drafts.map { RandomEvent(episodeID: Story.episode, draft: $0) }
            )
            try await worker(fixture).catchUp(to: try await fixture.head())
            // An event that no fold of this program can read.
            try await fixture.superuser(
                EventTable.insertNext(
                    after: 3,
                    type: "medication_adjusted",
                    payload: #"{"change":7}"#,
                    occurredAt: "\(instant("03-03").microseconds)"
                )
            )
            try await worker(fixture).catchUp(to: Position(4))
            let query = try MedicationReviewQuery(fixture.database, ledger: fixture.ledger)
            let answer = try await query.episode(Story.episode, effectiveAt: instant("03-05"))
            #expect(answer.basis.parked == [Story.episode])
            #expect(answer.review.active.map(\.interval.medication.name) == ["sertraline"])
            let list = try await query.program("iop", effectiveAt: instant("03-05"))
            #expect(list.basis.parked == [Story.episode])
            #expect(list.episodes.map(\.review.active) == [answer.review.active])
            let unreadable = try await error(MedicationReviewError.self) {
                _ = try await query.episode(
                    Story.episode,
                    effectiveAt: instant("03-05"),
                    knowledge: Knowledge(at: Instant(microseconds: .max))
                )
            }
            #expect(unreadable == .unreadable(Story.episode))
        }
    }

    @Test("The list of a program is found by its indexes")
    func plan() async throws {
        try await withMedications(seed: 78) { fixture, _, _ in
            try await fixture.superuser(
                """
                insert into read_model.medication_episode
                select ledger_id, 1, gen_random_uuid(), 'c-' || n % 9000, 'p-' || n % 40, level_of_care,
                    admitted_at, case when n % 20 > 0 then n end, n, flag, flag_at, flag_events
                from (select * from read_model.medication_episode limit 1) e,
                    generate_series(1, 20000) n
                """
            )
            try await fixture.superuser("analyze read_model.medication_episode")
            let query = MedicationRows.episodes(
                .program("p-7", effectiveAt: Instant(microseconds: 19_990)),
                fixture.ledger.id,
                1
            )
            let plan = try await fixture.database.reader.query("explain \(query)")
                .map { try $0.get(0, as: String.self) }.joined(separator: "\n")
            #expect(plan.contains("medication_episode_program_idx"), "\(plan)")
            #expect(plan.contains("medication_episode_ledger_id_generation_last_at_idx"), "\(plan)")
            let ofClient = MedicationRows.episodes(
                .clients(["c-7"], effectiveAt: Instant(microseconds: 19_990)),
                fixture.ledger.id,
                1
            )
            let joined = try await fixture.database.reader.query("explain \(ofClient)")
                .map { try $0.get(0, as: String.self) }.joined(separator: "\n")
            #expect(
                joined.contains("medication_episode_client_id_idx"),
                "\(joined)"
            )
        }
    }
}

extension Story {
    /// The events as a source records them, as those of any episode.
    ///
    /// - Parameter first: what is added to their ids' numbers.
    fileprivate func known(as episode: EpisodeID, idsFrom first: UInt128 = 0) -> [RandomEvent] {
        zip(drafts, events).map { draft, event in
            var draft = draft
            draft.eventID = EventID(bits: draft.eventID.bits + first)
            draft.sourceRecordedAt = event.knownAt
            if case .entryCorrected(var correction) = draft.data {
                correction.targetEventID = EventID(bits: correction.targetEventID.bits + first)
                draft.data = .entryCorrected(correction)
            }
            return RandomEvent(episodeID: episode, draft: draft)
        }
    }
}

extension MedicationReviewProjection {
    fileprivate static var tableNames: [String] {
        [
            MedicationEpisodeRow.table, MedicationLineageRow.table, MedicationIntervalRow.table,
            MedicationChangeRow.table,
        ].map(\.name)
    }
}
