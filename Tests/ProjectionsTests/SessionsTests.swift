import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Sessions: rosters, days, caseloads")
struct SessionsTests {
    private let calendar: LocalCalendar

    init() throws {
        calendar = try LocalCalendar(timeZone: "UTC")
    }

    private func episode(
        _ number: UInt128,
        _ client: String,
        program: String = "iop",
        _ tell: (inout Story) -> Void
    ) throws -> EpisodeSessions {
        var story = try Story()
        story.add(
            .admitted(
                Admitted(clientID: client, program: program, levelOfCare: .intensiveOutpatient)
            ),
            "03-01 08:00"
        )
        tell(&story)
        return try #require(
            try EpisodeSessions.fold(
                EpisodeID(bits: number),
                try EffectiveHistory(story.events),
                calendar: calendar
            )
        )
    }

    private func attended(
        _ id: String,
        by facilitators: [String] = ["F-1"],
        size: Int? = nil,
        kind: SessionKind = .group
    ) -> EventData {
        .sessionAttended(
            SessionAttended(
                sessionID: id,
                kind: kind,
                minutes: 90,
                modality: .cbt,
                groupSize: size,
                facilitators: facilitators.map { Facilitator(id: $0) },
                topic: "sleep"
            )
        )
    }

    /// A group on 4 and 11 March at 10:00 under one id, a single session, and a miss without an id.
    private var clinic: [EpisodeSessions] {
        get throws {
            [
                try episode(1, "a") { story in
                    story.add(attended("s", size: 1), "03-04 10:00")
                    story.add(attended("s", size: 2), "03-11 10:00")
                },
                try episode(2, "b") { story in
                    story.add(attended("s", by: ["F-1", "F-2"]), "03-04 10:05")
                    story.add(attended("i", by: ["F-2"], kind: .individual), "03-04 14:00")
                },
                try episode(3, "c") { story in
                    story.miss("s", .noShow, "03-04 10:00")
                    story.miss(nil, .excused, "03-05 10:00")
                },
                // Enrolled, and nowhere recorded; in another program; gone before; not there yet.
                try episode(4, "d") { _ in },
                try episode(5, "e", program: "php") { _ in },
                try episode(6, "f") { story in
                    story.add(.completed(EpisodeEnd()), "03-04 10:00")
                },
                try episode(7, "g") { story in
                    story.correct(
                        story.events[0].eventID,
                        to: .admitted(
                            Admitted(
                                clientID: "g",
                                program: "iop",
                                levelOfCare: .intensiveOutpatient
                            )
                        ),
                        at: "03-04 10:01"
                    )
                },
            ]
        }
    }

    private func list(_ selection: SessionSelection) throws -> SessionList {
        let models = try clinic
        return try SessionList(
            SessionGroups(models.flatMap(\.entries), selection, calendar),
            models.flatMap(\.stays)
        )
    }

    private func day(_ day: String) -> Range<Instant> {
        calendar.startOfDay(date(day))..<calendar.startOfDay(date(day).adding(days: 1))
    }

    @Test("An entry says who, what, when, who held it, who states it, and whether it counts")
    func entry() throws {
        let sessions = try episode(1, "a") { story in
            story.add(attended("s", size: 8), "03-04 10:00")
            story.add(
                .familySessionHeld(
                    FamilySessionHeld(
                        sessionID: "f",
                        minutes: 50,
                        participants: [FamilyParticipant(relation: .parent)],
                        clientPresent: false,
                        facilitators: [Facilitator(id: "F-9")]
                    )
                ),
                "03-05 10:00"
            )
            story.miss(nil, .cancelledByClient, "03-06 10:00")
            story.attend("before", "02-28 10:00")
        }
        let entries = sessions.entries
        #expect(entries.map(\.kind) == [.group, .group, .family, .group])
        #expect(entries.map(\.outcome) == [.attended, .attended, .familyWithoutClient, .missed])
        #expect(entries.map(\.minutes) == [60, 90, 50, nil])
        #expect(entries.map(\.reason) == [nil, nil, nil, .cancelledByClient])
        #expect(entries.map(\.isCounted) == [false, true, false, false])
        #expect(entries.map(\.standing) == [.outsideEpisode, .counted, .counted, .counted])
        #expect(entries.map(\.facilitators) == [[], ["F-1"], ["F-9"], []])
        #expect(entries.allSatisfy { $0.author == Story.author.id && $0.program == "iop" })
        let json = String(decoding: entries[1].json.bytes, as: UTF8.self)
        #expect(
            json.hasSuffix(
                #""session_id":"s","kind":"group","modality":"cbt","topic":"sleep","#
                    + #""starts_at":"2024-03-04T10:00:00.000000Z","minutes":90,"outcome":"attended","#
                    + #""reason":null,"attendance":null,"counted":true,"standing":"counted","#
                    + #""group_size":8,"program":"iop","level_of_care":"intensive_outpatient","#
                    + #""facilitators":["F-1"],"author":"T-1"}"#
            )
        )
    }

    @Test("A roster says who came, who did not, and who of those enrolled at the start is unmarked")
    func roster() throws {
        let found = try list(SessionSelection(time: day("2024-03-04"), sessionID: "s"))
        let session = try #require(found.sessions.first)
        #expect(found.sessions.count == 1)
        #expect(session.date == date("2024-03-04") && session.startsAt == instant("03-04 10:00"))
        #expect(session.entries.map(\.clientID) == ["a", "b", "c"])
        #expect(session.attended == 2 && session.missed == 1)
        #expect(session.facilitators == ["F-1", "F-2"] && session.topic == "sleep")
        // The end at 10:00 is no part of the stay; the admission at 10:01 came later.
        #expect(session.unmarked.map(\.clientID) == ["d"])
        // Two attended what was said to be a group of one.
        #expect(session.flags.map(\.flag) == [.groupSize])
        #expect(session.flags[0].eventIDs == [session.entries[0].eventID])
    }

    @Test("A series is a session on each of its dates; a miss without an id is one of its own")
    func sessions() throws {
        let all = try list(SessionSelection(program: "iop"))
        #expect(
            all.sessions.map { "\($0.date) \($0.sessionID ?? "-") \($0.unmarked.count)" } == [
                "2024-03-04 s 1", "2024-03-04 i 0", "2024-03-05 - 0", "2024-03-11 s 4",
            ]
        )
        // Two attended, as one entry says; one attended.
        #expect(all.sessions[3].flags.isEmpty)
        let other = try list(SessionSelection(program: "php"))
        #expect(other.sessions.isEmpty)
    }

    @Test("A clinician's sessions are whole, with those who missed them; an author's likewise")
    func caseload() throws {
        let first = try list(SessionSelection(facilitator: "F-1"))
        #expect(first.sessions.map(\.entries.count) == [3, 1])
        #expect(
            first.episodes.map { "\($0.clientID) \($0.attended) \($0.missed[.noShow] ?? 0)" }
                == ["a 2 0", "b 1 0", "c 0 1"]
        )
        #expect(first.episodes[0].lastAttendedAt == instant("03-11 10:00"))
        let second = try list(SessionSelection(facilitator: "F-2"))
        #expect(second.sessions.map(\.sessionID) == ["s", "i"])
        #expect(second.episodes.map(\.clientID) == ["a", "b", "c"])
        let stated = try list(SessionSelection(author: Story.author.id))
        let nobody = try list(SessionSelection(author: "nobody"))
        #expect(stated.sessions.count == 4 && nobody.sessions.isEmpty)
        // One client's sessions tell of nobody else.
        let own = try list(SessionSelection(episode: EpisodeID(bits: 2)))
        #expect(own.sessions.map(\.entries.count) == [1, 1])
        #expect(own.sessions.allSatisfy { $0.unmarked.isEmpty })
    }

    @Test("An answer has at most 20,000 lines, those who are unmarked among them")
    func limit() throws {
        let entries = (0..<SessionList.mostEntries).map { number in
            var entry = SessionEntryRow().entry
            entry.eventID = EventID(bits: UInt128(number))
            entry.episodeID = EpisodeID(bits: UInt128(number))
            entry.kind = .group
            entry.sessionID = "s"
            entry.program = "iop"
            return entry
        }
        let groups = SessionGroups(entries, SessionSelection(sessionID: "s"), calendar)
        let list = try SessionList(groups, [])
        #expect(list.sessions[0].entries.count == SessionList.mostEntries)
        let stay = EpisodeSessions.Stay(
            episodeID: EpisodeID(bits: 99_999),
            clientID: "x",
            program: "iop",
            from: Instant(microseconds: 0)
        )
        #expect(throws: SessionListError.self) { try SessionList(groups, [stay]) }
    }

    @Test("The tables answer as a fold does", arguments: [101, 102] as [UInt64])
    func tables(_ seed: UInt64) async throws {
        try await ProjectionFixture.with(timeZone: "America/New_York") { fixture in
            let projection = try SessionsProjection(fixture.ledger)
            var histories = RandomHistories(seed: seed, calendar: projection.calendar, days: 40)
            try await fixture.append(histories.events(600, episodes: 30))
            let worker = ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            let context = try await LedgerContext(fixture.database, fixture.ledger)
            func lines(_ arguments: [String: String]) async throws -> [String] {
                let question = try SessionsQuestion.read(
                    Arguments(arguments.mapValues { [$0] }),
                    at: context.moment
                )
                let list = try await question.answer(context).value
                return (list.sessions.map(\.json) + list.episodes.map(\.json))
                    .map { String(decoding: $0.bytes, as: UTF8.self) }
            }
            let period = ["from": "2024-02-01", "to": "2024-06-30"]
            var sizes: [Int] = []
            for question in [
                ["program": "php"], ["program": "iop-day"], ["author": "random"],
                ["session_id": "s-1"], ["session_id": "s-2", "program": "iop-evening"],
            ] {
                let question = question.merging(period) { $1 }
                let stored = try await lines(question)
                let now = ["effective_at": "\(context.moment.now)"]
                let folded = try await lines(question.merging(now) { $1 })
                #expect(stored == folded, "\(question)")
                sizes.append(stored.count)
            }
            #expect(sizes.allSatisfy { $0 > 3 }, "\(sizes)")
            let nobody = try await lines(["author": "nobody"])
            #expect(nobody.isEmpty)
            let stored = try await fixture.rows("session_entry")
            let folded = try await ReadModel(
                projection,
                fixture.database,
                ledger: fixture.ledger
            ).folded(knownAt: nil, knownBy: .source).0
            let entries = folded.reduce(0) { $0 + $1.entries.count }
            #expect(stored.count == entries && entries > 100)
        }
    }
}
