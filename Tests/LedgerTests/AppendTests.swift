import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("Append")
struct AppendTests {
    @Test("An event is recorded with the next position and version, and the receipt tells them")
    func receipts() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let (first, second) = (EpisodeID.fresh, EpisodeID.fresh)
            let one = try await sequencer.appended(request(first, SampleEvent.admitted()))
            let two = try await sequencer.appended(
                request(second, SampleEvent.admitted(), SampleEvent.session())
            )
            let three = try await sequencer.appended(request(first, SampleEvent.session()))
            let receipts = one + two + three
            #expect(receipts.map(\.position.rawValue) == [1, 2, 3, 4])
            #expect(receipts.map(\.version.rawValue) == [1, 1, 2, 2])
            #expect(receipts.map(\.duplicate) == [false, false, false, false])
            let rows = try await audit(database, sequencer.ledger)
            #expect(rows.map(\.eventID) == receipts.map(\.eventID))
            #expect(rows.map(\.recordedAt) == receipts.map(\.recordedAt.microseconds))
            #expect(rows.map(\.leafHash) == receipts.map(\.leafHash))
        }
    }

    @Test("Header and payload are the canonical bytes, whatever the writer's spelling")
    func canonicalBytes() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let (episode, draft) = try EventParser.parseLine(
                Array(
                    #"""
                    { "data": {"program": "iop", "level_of_care":"intensive_outpatient",
                        "client_id": "C\u002d1", "planned_hours_per_week": 9.50},
                      "type": "admitted", "author": {"role": "nurse", "id": "n\/1"},
                      "occurred_at": "2025-01-06T10:00:00.1234567+01:00",
                      "source_recorded_at": "2025-01-07t00:00:00z",
                      "correlation_id": "0192F0C1-7A00-7000-8000-0000000000AA",
                      "causation_id": "0192F0C1-7A00-7000-8000-0000000000BB",
                      "event_id": "0192F0C1-7A00-7000-8000-00000000A001",
                      "episode_id": "0192F0C1-7A00-7000-8000-00000000E001" }
                    """#.utf8
                )
            )
            var asked = request(episode, draft)
            asked.recordedBy = "cli:Jürgen \"J\""
            try await sequencer.appended(asked)
            let row = try #require(try await audit(database, sequencer.ledger).first)
            #expect(
                row.headerText
                    == #"{"author":{"id":"n/1","role":"nurse"},"#
                    + #""causation_id":"0192f0c1-7a00-7000-8000-0000000000bb","#
                    + #""correlation_id":"0192f0c1-7a00-7000-8000-0000000000aa","#
                    + #""episode_id":"0192f0c1-7a00-7000-8000-00000000e001","#
                    + #""event_id":"0192f0c1-7a00-7000-8000-00000000a001","ledger":"default","#
                    + #""occurred_at":"2025-01-06T09:00:00.123456Z","#
                    + #""recorded_by":"cli:Jürgen \"J\"","schema_version":1,"#
                    + #""source_recorded_at":"2025-01-07T00:00:00.000000Z","type":"admitted"}"#
            )
            #expect(
                row.payloadText
                    == #"{"client_id":"C-1","level_of_care":"intensive_outpatient","#
                    + #""planned_hours_per_week":9.5,"program":"iop"}"#
            )
            #expect(row.knownAt == 1_736_208_000_000_000)
            #expect(row.occurredAt == 1_736_154_000_123_456)
        }
    }

    @Test("What is handed over in memory equals what is read from the table")
    func handedOver() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            var imported = SampleEvent.session()
            imported.sourceRecordedAt = SampleEvent.admissionTime
            try await sequencer.appended(request(episode, SampleEvent.admitted(), imported))
            try await sequencer.appended(request(episode, SampleEvent.completed()))
            let reader = EventReader(database, ledger: sequencer.ledger)
            let page = try await reader.page(after: .zero)
            #expect(page.events.count == 3)
            #expect(sequencer.feed.events(after: .zero, limit: 10) == page.events)
        }
    }

    @Test("The recorded time is the database server's clock and never decreases")
    func recordedTime() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let before = try await serverClock(database)
            try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            let after = try await serverClock(database)
            let recorded = try await storedRows(database, sequencer.ledger)[0].recordedAt
            #expect(recorded >= before && recorded <= after)
            // The server's clock is set back by a day: the ledger's stands still meanwhile.
            let tomorrow = after + 86_400_000_000
            try await asSuperuser(database, "update ledger_head set recorded_at = \(tomorrow)")
            let receipt = try await sequencer.appended(request(.fresh, SampleEvent.admitted()))[0]
            #expect(receipt.recordedAt.microseconds == tomorrow)
        }
    }

    @Test("A list is recorded whole or not at all")
    func allOrNothing() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            let outcome = try await sequencer.append(
                request(
                    episode,
                    SampleEvent.admitted(),
                    SampleEvent.session(),
                    SampleEvent.admitted()
                )
            )
            #expect(
                outcome.refusal
                    == ["/2/type must not be admitted: the episode has its admission"]
            )
            #expect(try await storedRows(database, sequencer.ledger).isEmpty)
        }
    }

    @Test("A list of 256 events is recorded in its order")
    func longList() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let sessions = (1..<256).map { SampleEvent.session(day: Int64($0 % 50)) }
            let list = AppendRequest(
                episodeID: .fresh,
                events: [SampleEvent.admitted()] + sessions,
                recordedBy: "cli:test",
                isList: true
            )
            let receipts = try await sequencer.appended(list)
            #expect(receipts.map(\.version.rawValue) == Array(1...256))
            let rows = try await audit(database, sequencer.ledger)
            #expect(rows.map(\.eventID) == list.events.map(\.eventID))
        }
    }

    // MARK: - Expected version

    @Test("An expected version that is not the episode's is a conflict that names the episode's")
    func conflict() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            let early = try await sequencer.append(
                request(episode, SampleEvent.admitted(), expected: Version(1))
            )
            #expect(early.conflict == .zero)
            try await sequencer.appended(request(episode, SampleEvent.admitted(), expected: .zero))
            try await sequencer.appended(
                request(episode, SampleEvent.session(), SampleEvent.session(), expected: Version(1))
            )
            for stale in [Version(1), Version(2), Version(4)] {
                let outcome = try await sequencer.append(
                    request(episode, SampleEvent.session(), expected: stale)
                )
                #expect(outcome.conflict == Version(3))
            }
            try await sequencer.appended(
                request(episode, SampleEvent.session(), expected: Version(3))
            )
            #expect(try await audit(database, sequencer.ledger).count == 4)
        }
    }

    @Test("A new episode that another process has begun meanwhile is a conflict")
    func newEpisodeConflict() async throws {
        try await withTwoProcesses { first, second in
            let episode = EpisodeID.fresh
            #expect(
                try await first.append(request(episode, SampleEvent.session())).refusal != nil
            )
            try await second.appended(request(episode, SampleEvent.admitted()))
            let outcome = try await first.append(
                request(episode, SampleEvent.session(), expected: .zero)
            )
            #expect(outcome.conflict == Version(1))
        }
    }

    // MARK: - Time

    @Test("An event may lie 5 minutes ahead of the ledger's clock, a medication 366 days")
    func future() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let episode = EpisodeID.fresh
            try await sequencer.appended(request(episode, SampleEvent.admitted()))
            let now = Instant(microseconds: try await serverClock(database))
            func session(_ seconds: Int64) -> AppendRequest {
                var draft = SampleEvent.session()
                draft.occurredAt = now.advanced(bySeconds: seconds)
                return request(episode, draft)
            }
            func medication(_ seconds: Int64) -> AppendRequest {
                request(
                    episode,
                    SampleEvent.medicationStopped(at: now.advanced(bySeconds: seconds))
                )
            }
            let day: Int64 = 86_400
            try await sequencer.appended(session(299))
            try await sequencer.appended(medication(366 * day - 1))
            #expect(
                try await sequencer.append(session(330)).refusal
                    == ["/occurred_at must be at most 5 minutes after the ledger's clock"]
            )
            #expect(
                try await sequencer.append(medication(366 * day + 30)).refusal
                    == ["/occurred_at must be at most 366 days after the ledger's clock"]
            )
            #expect(try await audit(database, sequencer.ledger).count == 3)
        }
    }

    @Test("A source time after the ledger's clock is refused, one before it is the knowledge time")
    func sourceTime() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let now = try await serverClock(database)
            var draft = SampleEvent.admitted()
            draft.sourceRecordedAt = Instant(microseconds: now + 30_000_000)
            #expect(
                try await sequencer.append(request(.fresh, draft)).refusal
                    == ["/source_recorded_at must not be later than the ledger's clock"]
            )
            draft.sourceRecordedAt = Instant(microseconds: now)
            try await sequencer.appended(request(.fresh, draft))
            let row = try #require(try await audit(database, sequencer.ledger).first)
            #expect(row.knownAt == now && row.recordedAt > now)
        }
    }

    // MARK: - Life cycle, on the newest state

    @Test("What another process recorded is seen before a request is refused or accepted")
    func freshState() async throws {
        try await withTwoProcesses { first, second in
            let episode = EpisodeID.fresh
            let end = SampleEvent.completed()
            try await first.appended(request(episode, SampleEvent.admitted()))
            try await second.appended(request(episode, end))
            // The first process remembers an open episode, and must not.
            #expect(
                try await first.append(request(episode, SampleEvent.programChanged(day: 61)))
                    .refusal == [
                        "/occurred_at must be before the end of the episode; "
                            + "retract the end to reopen it"
                    ]
            )
            // A fact of any time is accepted, also after the end.
            try await first.appended(request(episode, SampleEvent.session(day: 61)))
            try await first.appended(request(episode, SampleEvent.retracted(target: end.eventID)))
            // The second remembers that it ended, and must not.
            try await second.appended(request(episode, SampleEvent.programChanged(day: 61)))
            try await second.appended(request(episode, SampleEvent.completed(day: 62)))
            #expect(
                try await first.append(request(episode, SampleEvent.completed(day: 63))).refusal
                    == ["/type must not be an end: the episode has ended; retract that end first"]
            )
            // A target that only the other process knows.
            let session = SampleEvent.session()
            try await second.appended(request(episode, session))
            let correction = SampleEvent.corrected(target: session.eventID, minutes: 45)
            try await first.appended(request(episode, correction))
        }
    }

    @Test("Two processes that take turns on one episode never refuse each other")
    func takingTurns() async throws {
        try await withTwoProcesses { first, second in
            let episode = EpisodeID.fresh
            try await first.appended(request(episode, SampleEvent.admitted()))
            for turn in 2..<40 {
                let receipts = try await (turn % 2 == 0 ? second : first)
                    .appended(request(episode, SampleEvent.session()))
                #expect(receipts.map(\.version.rawValue) == [Int64(turn)])
            }
        }
    }

    /// Lends two sequencers of one ledger, which know of each other only through the database.
    private func withTwoProcesses(
        _ body: @escaping @Sendable (Sequencer, Sequencer) async throws -> Void
    ) async throws {
        try await LedgerFixture.withSequencer { database, first in
            try await LedgerFixture.withDatabase(database.configuration) { other in
                try await Sequencer.with(other, ledger: first.ledger) { second in
                    try await body(first, second)
                }
            }
            _ = try await audit(database, first.ledger)
        }
    }

    private func serverClock(_ database: LedgerDatabase) async throws -> Int64 {
        let rows = try await database.reader.query("select clock_timestamp() as now")
        return try rows[0].get("now", as: Instant.self).microseconds
    }
}
