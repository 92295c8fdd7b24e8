import CareEpisode
import TestSupport
import Testing

@testable import Ledger

@Suite("Idempotency")
struct IdempotencyTests {
    @Test("A repeated request gets the first receipts and writes nothing")
    func repeats() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let asked = request(.fresh, SampleEvent.admitted(), SampleEvent.session())
            let first = try await sequencer.appended(asked)
            let again = try #require(try await sequencer.append(asked).duplicate)
            #expect(again.map(\.duplicate) == [true, true])
            #expect(again.map(\.position) == first.map(\.position))
            #expect(again.map(\.version) == first.map(\.version))
            #expect(again.map(\.recordedAt) == first.map(\.recordedAt))
            #expect(again.map(\.leafHash) == first.map(\.leafHash))
            // A process that remembers nothing says the same.
            let elsewhere = try await appendTogether([asked], database, sequencer.ledger)
            #expect(try elsewhere[0].get().duplicate == again)
            #expect(try await audit(database, sequencer.ledger).count == 2)
        }
    }

    @Test("What an older program recorded of before 1950 is still a repeat, read and gone on with")
    func recordedTooEarly() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let ledger = sequencer.ledger
            var admission = SampleEvent.admitted()
            admission.occurredAt = try #require(Instant(rfc3339: "0205-01-06T14:00:00Z"))
            let asked = request(.fresh, admission)
            // As a program without that rule would have done.
            let bytes = asked.events.map { EventBytes($0, of: asked, ledger: ledger.name) }
            let planned = PlannedAppend(
                pending: PendingAppend(ticket: AppendTicket(asked, bytes: bytes)),
                base: .zero
            )
            let call = AppendCall([planned], ledger: ledger)
            _ = try await call.run(on: database.writer, limit: .seconds(60))
            // Here and in a process that remembers nothing, alone and with others.
            let again = try await sequencer.append(asked)
            #expect(again.duplicate?.map(\.position) == [Position(1)])
            let elsewhere = try await appendTogether([asked, asked], database, ledger)
            for outcome in elsewhere { #expect(try outcome.get().duplicate?.count == 1) }
            var other = admission
            other.eventID = .fresh
            let refused = try await sequencer.append(request(.fresh, other))
            #expect(
                refused.refusal == ["/occurred_at must not be before 1950-01-01 (UTC)"],
                "\(refused)"
            )
            // The same id in another episode is a reuse, whatever its time.
            #expect(
                try await sequencer.append(request(.fresh, admission)).reused == admission.eventID
            )
            try await sequencer.appended(request(asked.episodeID, SampleEvent.session()))
            #expect(try await audit(database, ledger).count == 2)
        }
    }

    @Test("A repeat is told that its events are recorded only when a standby has them")
    func waitsForTheStandby() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await LedgerFixture.withDatabase(on: cluster) { database in
                let ledger = try await database.ledger(named: .default)
                let sequencer = Sequencer(database, ledger: ledger, timeout: .seconds(3))
                let run = Task { await sequencer.run() }
                let asked = request(.fresh, SampleEvent.admitted())
                try await sequencer.appended(asked)
                _ = try await cluster.sql("alter system set synchronous_standby_names = 'nobody'")
                _ = try await cluster.sql("select pg_reload_conf()")
                try await eventually("commits wait") {
                    try await cluster.sql("show synchronous_standby_names").contains("nobody")
                }
                // What writes nothing has nothing to wait for.
                let unknown = request(.fresh, SampleEvent.session())
                let refused = try await sequencer.submit(unknown, isTimed: true).outcome()
                #expect(refused.duplicate == nil && refused.appended == nil)
                await #expect(throws: AppendError.self) {
                    try await sequencer.submit(asked, isTimed: true).outcome()
                }
                _ = try await cluster.sql("alter system reset synchronous_standby_names")
                _ = try await cluster.sql("select pg_reload_conf()")
                try await eventually("the repeat is told") {
                    let again = try? await sequencer.submit(asked, isTimed: true).outcome()
                    return again?.duplicate?.count == 1
                }
                sequencer.stop()
                await run.value
            }
        }
    }

    @Test("Who ends the wait for a standby by hand makes no append certain")
    func endedWait() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            // A server whose sessions are told no warning, unless they ask for them.
            _ = try await cluster.sql("alter system set client_min_messages = 'error'")
            _ = try await cluster.sql("select pg_reload_conf()")
            try await LedgerFixture.withDatabase(on: cluster) { database in
                let ledger = try await database.ledger(named: .default)
                try await Sequencer.with(database, ledger: ledger) { sequencer in
                    try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
                    _ = try await cluster.sql(
                        "alter system set synchronous_standby_names = 'nobody'"
                    )
                    _ = try await cluster.sql("select pg_reload_conf()")
                    try await eventually("commits wait") {
                        try await cluster.sql("show synchronous_standby_names").contains("nobody")
                    }
                    let asked = request(.fresh, SampleEvent.admitted())
                    let told = Flag()
                    try await withThrowingTaskGroup { group in
                        group.addTask {
                            let receipts = try await sequencer.appended(asked)
                            told.set()
                            return receipts.count
                        }
                        // The first wait, and that of the same batch sent again.
                        for _ in 0..<2 {
                            try await eventually("a wait is ended") {
                                try await cluster.sql(
                                    """
                                    select count(pg_cancel_backend(pid)) from pg_stat_activity
                                    where wait_event = 'SyncRep' and query like '%append_batch%'
                                    """
                                ) != "0\n"
                            }
                        }
                        try await eventually("it waits once more") {
                            try await cluster.sql(
                                """
                                select count(*) from pg_stat_activity
                                where wait_event = 'SyncRep' and query like '%append_batch%'
                                """
                            ) != "0\n"
                        }
                        #expect(!told.isSet)
                        _ = try await cluster.sql("alter system reset synchronous_standby_names")
                        _ = try await cluster.sql("select pg_reload_conf()")
                        #expect(try await group.next() == 1)
                    }
                    #expect(try await audit(database, ledger).count == 2)
                }
            }
        }
    }

    @Test("Another spelling of times and ids is the same content")
    func otherSpelling() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            func line(_ time: String, _ id: String, _ data: String) -> [UInt8] {
                Array(
                    """
                    {"event_id":"\(id)","episode_id":"0192f0c1-7a00-7000-8000-00000000e001",
                    "type":"admitted","occurred_at":"\(time)","author":{"id":"a","role":"nurse"},
                    "data":\(data)}
                    """.utf8
                )
            }
            let first = try EventParser.parseLine(
                line(
                    "2025-01-06T09:00:00Z",
                    "0192f0c1-7a00-7000-8000-00000000a001",
                    #"{"client_id":"C","program":"ä","level_of_care":"outpatient"}"#
                )
            )
            let second = try EventParser.parseLine(
                line(
                    "2025-01-06T10:30:00.0000009+01:30",
                    "0192F0C1-7A00-7000-8000-00000000A001",
                    #"{"level_of_care":"outpatient", "program":"\u00e4", "client_id":"C"}"#
                )
            )
            let receipts = try await sequencer.appended(request(first.episodeID, first.draft))
            let outcome = try await sequencer.append(request(second.episodeID, second.draft))
            #expect(outcome.duplicate?.map(\.position) == receipts.map(\.position))
            #expect(try await audit(database, sequencer.ledger).count == 1)
        }
    }

    @Test("The principal, the correlation and the causation do not count")
    func whatDoesNotCount() async throws {
        try await LedgerFixture.withSequencer { _, sequencer in
            var asked = request(.fresh, SampleEvent.admitted())
            try await sequencer.appended(asked)
            asked.recordedBy = "somebody else"
            asked.events[0].correlationID = .fresh
            asked.events[0].causationID = .fresh
            #expect(try await sequencer.append(asked).duplicate?.count == 1)
        }
    }

    @Test("An id with other content is refused as reused, and nothing is written")
    func reused() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            let session = SampleEvent.session()
            try await sequencer.appended(request(episode, SampleEvent.admitted(), session))
            var changes: [EventDraft] = []
            func change(_ change: (inout EventDraft) -> Void) {
                var draft = session
                change(&draft)
                changes.append(draft)
            }
            change { $0.occurredAt = $0.occurredAt.advanced(bySeconds: 1) }
            change { $0.author.id = "n-2" }
            change { $0.author.role = .physician }
            change { $0.sourceRecordedAt = SampleEvent.admissionTime }
            changes.append(SampleEvent.session(session.eventID, minutes: 61))
            changes.append(SampleEvent.completed(session.eventID))
            for draft in changes {
                let outcome = try await sequencer.append(request(episode, draft))
                #expect(outcome.reused == session.eventID, "\(draft)")
                // Also where the process remembers nothing, and whatever else is wrong with it.
                let elsewhere = try await appendTogether(
                    [request(episode, draft, expected: Version(9))],
                    database,
                    sequencer.ledger
                )
                #expect(try elsewhere[0].get().reused == session.eventID, "\(draft)")
            }
            #expect(try await audit(database, sequencer.ledger).count == 2)
        }
    }

    @Test("An id of another episode is reused, for an episode that exists and one that does not")
    func otherEpisode() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let (first, second) = (EpisodeID.fresh, EpisodeID.fresh)
            let session = SampleEvent.session()
            try await sequencer.appended(request(first, SampleEvent.admitted(), session))
            try await sequencer.appended(request(second, SampleEvent.admitted()))
            #expect(
                try await sequencer.append(request(second, session)).reused == session.eventID
            )
            #expect(
                try await sequencer.append(request(.fresh, session)).reused == session.eventID
            )
            #expect(try await audit(database, sequencer.ledger).count == 3)
        }
    }

    @Test("A request of which some events are recorded is refused whole")
    func partly() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            let (admission, session) = (SampleEvent.admitted(), SampleEvent.session())
            try await sequencer.appended(request(episode, admission, session))
            for events in [
                [admission, session, SampleEvent.session()],
                [SampleEvent.session(), session],
            ] {
                let asked = AppendRequest(
                    episodeID: episode,
                    events: events,
                    recordedBy: "cli:test",
                    isList: true
                )
                #expect(try await sequencer.append(asked).isPartlyRecorded)
                let elsewhere = try await appendTogether([asked], database, sequencer.ledger)
                #expect(try elsewhere[0].get().isPartlyRecorded)
            }
            // Recorded in another episode: this process cannot know it before it asks.
            let mixed = request(.fresh, SampleEvent.admitted(), session)
            #expect(try await sequencer.append(mixed).isPartlyRecorded)
            #expect(try await audit(database, sequencer.ledger).count == 2)
        }
    }

    @Test("A request that names an id twice is refused")
    func twice() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let session = SampleEvent.session()
            let outcome = try await sequencer.append(
                request(.fresh, SampleEvent.admitted(), session, session)
            )
            #expect(outcome.isPartlyRecorded)
            #expect(try await storedRows(database, sequencer.ledger).isEmpty)
        }
    }

    @Test("A repeat is answered as such after the episode's end, with an old expected version")
    func lateRepeat() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            let admission = request(episode, SampleEvent.admitted(), expected: .zero)
            let step = SampleEvent.session(day: 59)
            try await sequencer.appended(admission)
            try await sequencer.appended(request(episode, step, expected: Version(1)))
            let end = SampleEvent.completed(day: 30)
            try await sequencer.appended(request(episode, end))
            // All three would be refused if they were new.
            for repeated in [
                admission, request(episode, step, expected: Version(1)), request(episode, end),
            ] {
                #expect(try await sequencer.append(repeated).duplicate?.count == 1)
                let elsewhere = try await appendTogether([repeated], database, sequencer.ledger)
                #expect(try elsewhere[0].get().duplicate?.count == 1)
            }
            #expect(try await audit(database, sequencer.ledger).count == 3)
        }
    }

    @Test("A repeat is answered as such after the admission was retracted")
    func retractedAdmission() async throws {
        try await LedgerFixture.withSequencer { _, sequencer in
            let episode = EpisodeID.fresh
            let admission = SampleEvent.admitted()
            try await sequencer.appended(request(episode, admission))
            try await sequencer.appended(
                request(episode, SampleEvent.retracted(target: admission.eventID))
            )
            #expect(try await sequencer.append(request(episode, admission)).duplicate != nil)
            #expect(
                try await sequencer.append(request(episode, SampleEvent.session())).refusal != nil
            )
        }
    }
}
