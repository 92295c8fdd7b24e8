import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("Outcomes within a batch")
struct BatchOutcomeTests {
    @Test("Each request of a batch gets its own outcome")
    func ownOutcomes() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let ledger = sequencer.ledger
            let (old, new, unborn) = (EpisodeID.fresh, EpisodeID.fresh, EpisodeID.fresh)
            let admission = SampleEvent.admitted()
            try await sequencer.appended(request(old, admission))
            let twice = SampleEvent.session()
            let outcomes = try await appendTogether(
                [
                    request(new, SampleEvent.admitted()),
                    request(unborn, SampleEvent.session()),
                    request(old, SampleEvent.session(), expected: Version(7)),
                    request(old, admission),
                    request(old, SampleEvent.session(), expected: Version(1)),
                    request(new, twice, twice),
                    request(old, SampleEvent.session(admission.eventID)),
                    request(new, SampleEvent.session(), expected: Version(1)),
                    request(new, SampleEvent.session(), admission),
                    request(new, SampleEvent.session(), expected: Version(2)),
                ],
                database,
                ledger
            ).map { try $0.get() }
            #expect(outcomes[0].appended?.map(\.version.rawValue) == [1])
            #expect(outcomes[1].refusal != nil)
            #expect(outcomes[2].conflict == Version(1))
            #expect(outcomes[3].duplicate?.map(\.position.rawValue) == [1])
            #expect(outcomes[4].appended?.map(\.version.rawValue) == [2])
            #expect(outcomes[5].isPartlyRecorded)
            #expect(outcomes[6].reused == admission.eventID)
            #expect(outcomes[7].appended?.map(\.version.rawValue) == [2])
            #expect(outcomes[8].isPartlyRecorded)
            #expect(outcomes[9].appended?.map(\.version.rawValue) == [3])
            #expect(try await audit(database, ledger).count == 5)
        }
    }

    @Test("Repeats of one request in one batch: the first is appended, the others are duplicates")
    func repeatsWithinBatch() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let asked = request(.fresh, SampleEvent.admitted(), SampleEvent.session())
            let outcomes = try await appendTogether(
                Array(repeating: asked, count: 5),
                database,
                sequencer.ledger
            ).map { try $0.get() }
            let first = try #require(outcomes[0].appended)
            for outcome in outcomes.dropFirst() {
                #expect(outcome.duplicate?.map(\.position) == first.map(\.position))
            }
            #expect(try await audit(database, sequencer.ledger).count == 2)
        }
    }

    @Test("An id that an earlier request of the batch uses elsewhere is reused")
    func reusedWithinBatch() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let admission = SampleEvent.admitted()
            let outcomes = try await appendTogether(
                [request(.fresh, admission), request(.fresh, admission)],
                database,
                sequencer.ledger
            ).map { try $0.get() }
            #expect(outcomes[0].appended != nil)
            #expect(outcomes[1].reused == admission.eventID)
        }
    }

    @Test("Refusals between appends of one episode never make it contended")
    func manyRefusals() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            try await sequencer.appended(request(episode, SampleEvent.admitted()))
            let count = 3 * BatchWorker.attemptLimit
            let requests = (0..<count).flatMap { _ in
                [request(episode, SampleEvent.session()), request(episode, SampleEvent.admitted())]
            }
            let outcomes = try await appendTogether(requests, database, sequencer.ledger)
            for (index, outcome) in outcomes.enumerated() {
                let outcome = try outcome.get()
                #expect(index % 2 == 0 ? outcome.appended != nil : outcome.refusal != nil)
            }
            let rows = try await audit(database, sequencer.ledger)
            #expect(rows.count == 1 + count)
        }
    }

    // MARK: - What the database refuses

    @Test("An event that the database refuses fails alone, and the rest of its batch is recorded")
    func bisects() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            try await forbidDay(13, database)
            let episodes = (0..<7).map { _ in EpisodeID.fresh }
            var requests = episodes.map { request($0, SampleEvent.admitted()) }
            requests += episodes.map { request($0, SampleEvent.session()) }
            requests.insert(request(episodes[2], SampleEvent.session(day: 13)), at: 8)
            requests.insert(request(episodes[6], SampleEvent.session(day: 13)), at: 15)
            let outcomes = try await appendTogether(requests, database, sequencer.ledger)
            for (index, outcome) in outcomes.enumerated() {
                if [8, 15].contains(index) {
                    #expect(outcome.failure as? AppendError == .database(sqlState: "23514"))
                } else {
                    #expect(try outcome.get().appended != nil)
                }
            }
            let rows = try await audit(database, sequencer.ledger)
            #expect(rows.count == 14)
            #expect(sequencer.feed.head == .zero)  // another sequencer's
        }
    }

    @Test(
        "Requests decided again after the database refused a part of their batch keep their order"
    )
    func bisectKeepsOrder() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            try await forbidDay(13, database)
            let (episode, other, plug) = (EpisodeID.fresh, EpisodeID.fresh, EpisodeID.fresh)
            try await sequencer.appended(request(episode, SampleEvent.admitted()))
            try await sequencer.appended(request(other, SampleEvent.admitted()))
            // Another process changes the episode: what this one remembers is old.
            _ = try await appendTogether(
                [request(episode, SampleEvent.session())],
                database,
                sequencer.ledger
            )
            let sessions = [SampleEvent.session(), SampleEvent.session()]
            let tickets = try await withHeadLocked(database, sequencer.ledger) {
                let first = try sequencer.submit(request(plug, SampleEvent.admitted()))
                try await untilWaiting(database)
                // All that come now make up one batch.
                return [
                    first,
                    try sequencer.submit(request(episode, sessions[0])),
                    try sequencer.submit(request(other, SampleEvent.session(day: 13))),
                    try sequencer.submit(request(episode, sessions[1])),
                ]
            }
            let outcomes = await outcomes(of: tickets)
            #expect(try outcomes[1].get().appended?.map(\.version.rawValue) == [3])
            #expect(outcomes[2].failure as? AppendError == .database(sqlState: "23514"))
            #expect(try outcomes[3].get().appended?.map(\.version.rawValue) == [4])
            _ = try await audit(database, sequencer.ledger)
        }
    }

    @Test("An episode that cannot be read fails alone")
    func unreadableEpisode() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let (bad, good) = (EpisodeID.fresh, EpisodeID.fresh)
            let admission = SampleEvent.admitted()
            try await sequencer.appended(request(bad, admission))
            // As a newer program would leave it.
            try await asSuperuser(
                database,
                """
                alter table event disable trigger all;
                update event set type = 'type_of_the_future';
                alter table event enable always trigger event_is_immutable;
                """
            )
            let outcomes = try await appendTogether(
                [
                    request(good, SampleEvent.admitted()),
                    request(bad, SampleEvent.session()),
                    request(good, SampleEvent.session()),
                    request(.fresh, admission),
                    request(.fresh, SampleEvent.session()),
                ],
                database,
                sequencer.ledger
            )
            #expect(try outcomes[0].get().appended != nil)
            #expect(throws: LedgerError.self) { try outcomes[1].get() }
            #expect(try outcomes[2].get().appended != nil)
            #expect(throws: LedgerError.self) { try outcomes[3].get() }
            #expect(try outcomes[4].get().refusal != nil)
        }
    }

    private func forbidDay(_ day: Int64, _ database: LedgerDatabase) async throws {
        let time = SampleEvent.admissionTime.advanced(bySeconds: day * 86_400).microseconds
        try await asSuperuser(
            database,
            "alter table event add constraint forbidden_day check (occurred_at <> \(time))"
        )
    }
}
