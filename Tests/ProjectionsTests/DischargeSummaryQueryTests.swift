import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Discharge summaries of a ledger", .serialized)
struct DischargeSummaryQueryTests {
    private let far = Instant(microseconds: .max)

    /// A ledger with these events, all in the table.
    private func with(
        _ events: [RandomEvent],
        _ body: (ProjectionFixture, DischargeSummaryQuery) async throws -> Void
    ) async throws {
        try await ProjectionFixture.with { fixture in
            try await fixture.append(events)
            let worker = ProjectionWorker(
                try DischargeSummaryProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            let query = try DischargeSummaryQuery(fixture.database, ledger: fixture.ledger)
            try await body(fixture, query)
        }
    }

    private func random(_ seed: UInt64) throws -> [RandomEvent] {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        var histories = RandomHistories(
            seed: seed,
            calendar: calendar,
            days: 40,
            medications: true
        )
        return histories.events(400, episodes: 16)
    }

    /// One episode's events from drafts.
    private struct Telling {
        let episode = EpisodeID(bits: 99)
        private(set) var events: [RandomEvent] = []

        @discardableResult
        mutating func add(_ data: EventData, _ time: String, known: String) -> EventID {
            let eventID = EventID(bits: UInt128(events.count + 1))
            let draft = EventDraft(
                eventID: eventID,
                occurredAt: instant(time),
                author: Author(id: "T-1", role: .therapist),
                sourceRecordedAt: instant(known),
                data: data
            )
            events.append(RandomEvent(episodeID: episode, draft: draft))
            return eventID
        }
    }

    private let admitted = EventData.admitted(
        Admitted(clientID: "C-1", program: "iop", levelOfCare: .intensiveOutpatient)
    )

    private func session(_ id: String) -> EventData {
        .sessionAttended(SessionAttended(sessionID: id, kind: .group, minutes: 60))
    }

    // MARK: The table

    @Test(
        "The table holds exactly what the fold says of every ended episode",
        arguments: [51, 52, 53] as [UInt64]
    )
    func rowsAreFolds(_ seed: UInt64) async throws {
        try await with(try random(seed)) { fixture, query in
            let model = ReadModel(
                try DischargeSummaryProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger
            )
            let folded = try await model.folded(knownAt: nil, knownBy: .source).0
            #expect(!folded.isEmpty, "seed \(seed)")
            let list = try await query.list(effectiveAt: far)
            #expect(list.basis.lag == 0)
            #expect(
                list.rows.sorted { $0.episodeID < $1.episodeID }
                    == folded.map(DischargeSummaryRow.init),
                "seed \(seed)"
            )
            for summary in folded {
                let document = try await document(of: summary.episodeID, fixture)
                #expect(
                    document == String(decoding: summary.json.bytes, as: UTF8.self),
                    "seed \(seed) \(summary.episodeID)"
                )
                let answer = try await query.episode(summary.episodeID, effectiveAt: far)
                #expect(answer.summary == summary, "seed \(seed) \(summary.episodeID)")
                #expect(answer.basis.position == list.basis.position)
            }
        }
    }

    @Test("A list is of a program and of the dates of the ends in the ledger's zone")
    func list() async throws {
        try await with(try random(54)) { _, query in
            let all = try await query.list(effectiveAt: far).rows
            let end = { (row: DischargeSummaryRow) in query.calendar.date(of: row.endedAt) }
            #expect(all.map(\.endedAt) == all.map(\.endedAt).sorted(by: >) && all.count > 2)
            let day = try #require(all.map(end).sorted().dropFirst().first)
            func list(_ selection: DischargeSummaryQuery.Selection) async throws
                -> [DischargeSummaryRow]
            {
                try await query.list(selection, effectiveAt: far).rows
            }
            let some = try await list(.init(from: day, to: day))
            #expect(!some.isEmpty && some == all.filter { end($0) == day })
            let later = try await list(.init(from: day.adding(days: 1)))
            #expect(later == all.filter { end($0) > day })
            let program = all[0].program
            #expect(
                try await list(.init(program: program)) == all.filter { $0.program == program }
            )
        }
    }

    @Test(
        "A list at any two times is what the summaries say that are folded one by one",
        arguments: [55, 56] as [UInt64]
    )
    func listsOfAnyTimes(_ seed: UInt64) async throws {
        try await with(try random(seed)) { fixture, query in
            let rows = try await query.list(effectiveAt: far).rows
            let (first, last) = (try #require(rows.last), try #require(rows.first))
            let model = ReadModel(
                try DischargeSummaryProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger
            )
            var random = SeededRandom(seed: seed)
            var (some, cut) = (0, 0)
            for round in 0..<12 {
                let span = last.endedAt.microseconds - first.endedAt.microseconds
                func time() -> Instant {
                    let offset = Int64.random(in: 0...span, using: &random)
                    return Instant(microseconds: first.endedAt.microseconds + offset)
                }
                // The end's own instant is in; and what the tables know is asked as well.
                let effectiveAt = round == 0 ? last.endedAt : time()
                let knowledge = round.isMultiple(of: 3) ? nil : Knowledge(at: time())
                let calendar = query.calendar
                let folded = try await model.histories.run(known: knowledge) {
                    try DischargeSummaryQuery.fold($0, $1, calendar, effectiveAt)
                }.parts.filter { $0.status == .final }
                let program = round.isMultiple(of: 2) ? rows[round % rows.count].program : nil
                let list = try await query.list(
                    DischargeSummaryQuery.Selection(program: program),
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                )
                #expect(list.effectiveAt == effectiveAt && list.basis.knownAt == knowledge?.at)
                #expect(list.rows.map(\.endedAt) == list.rows.map(\.endedAt).sorted(by: >))
                // The summaries come by episode id.
                let expected = folded.map(DischargeSummaryRow.init).filter {
                    program == nil || $0.program == program
                }
                #expect(
                    list.rows.sorted { $0.episodeID < $1.episodeID } == expected,
                    "seed \(seed), \(effectiveAt), known \(String(describing: knowledge))"
                )
                some += list.rows.count
                cut += rows.count - folded.count
            }
            #expect(some > 0 && cut > 0, "seed \(seed)")
        }
    }

    @Test("An open episode has no row; once its end is retracted it has none any more")
    func openEpisodes() async throws {
        var telling = Telling()
        telling.add(admitted, "03-01", known: "03-01")
        let end = telling.add(.completed(EpisodeEnd()), "03-09", known: "03-09")
        try await with(telling.events) { fixture, query in
            #expect(try await query.list(effectiveAt: far).rows.count == 1)
            let retraction = EventDraft(
                eventID: EventID(bits: 3),
                occurredAt: instant("03-10"),
                author: Author(id: "T-1", role: .therapist),
                data: .entryRetracted(EntryRetracted(targetEventID: end, reason: "r"))
            )
            try await fixture.append([
                RandomEvent(episodeID: telling.episode, draft: retraction)
            ])
            let worker = ProjectionWorker(
                try DischargeSummaryProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            #expect(try await query.list(effectiveAt: far).rows.isEmpty)
            #expect(try await document(of: telling.episode, fixture) == nil)
        }
    }

    /// The document of an ended episode as the table has it.
    private func document(of episode: EpisodeID, _ fixture: ProjectionFixture) async throws
        -> String?
    {
        let rows = try await fixture.database.reader.query(
            """
            select document
            from read_model.discharge_summary
            where ledger_id = \(fixture.ledger.id.rawValue) and episode_id = \(episode)
            """
        )
        return try rows.first?.get("document")
    }

    // MARK: One episode

    @Test("An open episode is refused, and summarized so far on request")
    func interim() async throws {
        var telling = Telling()
        telling.add(admitted, "03-01", known: "03-01")
        telling.add(session("a"), "03-04", known: "03-04")
        telling.add(.completed(EpisodeEnd()), "03-09", known: "03-09")
        try await with(telling.events) { _, query in
            let episode = telling.episode
            let time = instant("03-05")
            await #expect(throws: DischargeSummaryError.notEnded(episode)) {
                try await query.episode(episode, effectiveAt: time)
            }
            #expect(DischargeSummaryError.notEnded(episode).description.contains("--interim"))
            let interim = try await query.episode(episode, effectiveAt: time, interim: true)
            #expect(interim.summary.status == .interim && interim.changedSince == nil)
            #expect(interim.summary.courseOfCare.attended.value == 1)
            let final = try await query.episode(episode, effectiveAt: far, interim: true)
            #expect(final.summary.status == .final && final.changedSince != nil)
        }
    }

    @Test("An episode that is not known, or not yet, is told as such")
    func unknown() async throws {
        var telling = Telling()
        telling.add(admitted, "03-01", known: "03-05")
        try await with(telling.events) { _, query in
            let other = EpisodeID(bits: 1)
            await #expect {
                try await query.episode(other, effectiveAt: far)
            } throws: { error in
                guard case LedgerError.unknownEpisode(other) = error else { return false }
                return true
            }
            await #expect(throws: DischargeSummaryError.notAdmitted(telling.episode)) {
                try await query.episode(
                    telling.episode,
                    effectiveAt: far,
                    knowledge: Knowledge(at: instant("03-04"))
                )
            }
        }
    }

    @Test("What has become known since the end is told by element, with the events that did it")
    func changedSince() async throws {
        var telling = Telling()
        telling.add(admitted, "03-01", known: "03-01")
        telling.add(session("a"), "03-04", known: "03-04")
        let end = telling.add(.completed(EpisodeEnd()), "03-09", known: "03-10")
        let late = telling.add(session("b"), "03-05", known: "03-12")
        let correction = telling.add(
            .entryCorrected(
                EntryCorrected(
                    targetEventID: end,
                    reason: "r",
                    replacement: .completed(EpisodeEnd(condition: "stable"))
                )
            ),
            "03-14",
            known: "03-14"
        )
        try await with(telling.events) { _, query in
            let episode = telling.episode
            let answer = try await query.episode(episode, effectiveAt: far)
            let changed = try #require(answer.changedSince)
            #expect(changed.since == instant("03-10"), "the end's own knowledge time")
            func change(_ item: String) -> KnowledgeDifference.Change? {
                changed.changes.first { $0.item == item }
            }
            #expect(change("course_of_care/attended")?.because == [late])
            #expect(change("course_of_care/attended")?.before?.bytes == Array("1".utf8))
            #expect(change("course_of_care/attended")?.after?.bytes == Array("2".utf8))
            #expect(change("discharge/condition")?.because == [correction])
            #expect(change("amendments/late_entries/\(late)")?.because == [late])
            #expect(change("client/ended_at") == nil && change("course_of_care/weeks") == nil)

            let since = try await query.episode(
                episode,
                effectiveAt: far,
                since: instant("03-13")
            )
            #expect(since.changedSince?.changes.flatMap(\.because).contains(late) == false)
            #expect(since.changedSince?.changes.isEmpty == false)

            let then = try await query.episode(
                episode,
                effectiveAt: far,
                knowledge: Knowledge(at: instant("03-11"))
            )
            #expect(then.changedSince?.changes.isEmpty == true)
            #expect(then.summary.courseOfCare.attended.value == 1)
            #expect(then.basis.knownAt == instant("03-11"))

            await #expect(throws: DischargeSummaryError.sinceAhead) {
                try await query.episode(
                    episode,
                    effectiveAt: far,
                    knowledge: Knowledge(at: instant("03-11")),
                    since: instant("03-12")
                )
            }

            let byLedger = try await query.episode(episode, effectiveAt: far, clock: .ledger)
            #expect(byLedger.changedSince?.since == byLedger.summary.authorship.recordedAt.value)
        }
    }

    @Test("The author of the end and the principal that recorded it come from its envelope")
    func authorship() async throws {
        var telling = Telling()
        telling.add(admitted, "03-01", known: "03-01")
        telling.add(.completed(EpisodeEnd()), "03-09", known: "03-10")
        try await with(telling.events) { _, query in
            let answer = try await query.episode(telling.episode, effectiveAt: far)
            #expect(answer.summary.authorship.author.value == Author(id: "T-1", role: .therapist))
            #expect(answer.summary.authorship.recordedBy.value == "test")
            let sources = try await query.sources(of: answer)
            #expect(sources.map(\.eventID) == telling.events.map(\.draft.eventID))
            #expect(sources.map(\.knownAt) == [instant("03-01"), instant("03-10")])
        }
    }
}
