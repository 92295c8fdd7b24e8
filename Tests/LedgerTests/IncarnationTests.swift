import CareEpisode
import Postgres
import TestSupport
import Testing
import TransparencyLog

@testable import Ledger

@Suite("Incarnations")
struct IncarnationTests {
    @Test("A position is of the incarnation in which what stands there was recorded")
    func positions() {
        let none = Incarnations(kept: [])
        #expect(none.current == 1 && none.incarnation(of: Position(7)) == 1)
        // Ten were kept of the first history, and five of the second: so of the first, too.
        let twice = Incarnations(kept: [Position(10), Position(5)])
        #expect(twice.current == 3)
        #expect([1, 5, 6, 11].map { twice.incarnation(of: Position($0)) } == [1, 1, 3, 3])
        let other = Incarnations(kept: [Position(5), Position(10)])
        #expect([5, 6, 10, 11].map { other.incarnation(of: Position($0)) } == [1, 2, 2, 3])
    }

    @Test("Of a cursor's history goes on what every restore after it has kept")
    func shared() {
        let incarnations = Incarnations(kept: [Position(5), Position(10)])
        func shared(_ text: String) -> Int64? {
            Cursor(text).map { incarnations.shared(with: $0).rawValue }
        }
        #expect(shared("3") == 3 && shared("8") == 5 && shared("12") == 5)
        #expect(shared("2.8") == 8 && shared("2.12") == 10 && shared("3.12") == 12)
    }

    @Test("A cursor ahead of the head is refused, by a page and by a follower")
    func ahead() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            #expect(try await reader.page(after: Cursor(Position(1))).events.isEmpty)
            for text in ["2", "1000000", "2.1"] {
                let cursor = try #require(Cursor(text))
                let error = await #expect(throws: CursorError.self) {
                    try await reader.page(after: cursor)
                }
                #expect(error?.reason == .ahead && error?.goOnAfter == .beginning)
                #expect(error?.head == Position(1))
                await #expect(throws: CursorError.self) { try await reader.check(cursor) }
                var follower = EventFollower(reader, feed: sequencer.feed, after: cursor)
                await #expect(throws: CursorError.self) { try await follower.next() }
            }
            // Inside, positions are taken as they are.
            #expect(try await reader.page(after: Position(5)).events.isEmpty)
        }
    }

    @Test("A follower under whom a restore is declared ends, though events come all the time")
    func declared() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            let reader = EventReader(database, ledger: sequencer.ledger)
            let id = sequencer.ledger.id.rawValue
            var follower = EventFollower(
                reader,
                feed: sequencer.feed,
                after: .beginning,
                pollInterval: .milliseconds(20)
            )
            try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            #expect(try await follower.next().count == 1)
            #expect(follower.cursor.description == "1")
            let logs: [(Int32, String?)] = [(1, nil), (2, "none that can be read")]
            try await PostgresConnection.withConnection(database.configuration) { owner in
                for (number, declaration) in logs {
                    _ = try await owner.query(
                        """
                        insert into seal_log (ledger_id, incarnation, origin, declaration)
                        values (\(id), \(number), \("test/\(number)"), \(declaration))
                        """
                    )
                }
            }
            let error = await #expect(throws: CursorError.self) {
                while true {
                    try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
                    _ = try await follower.next()
                }
            }
            #expect(error?.reason == .restored && error?.incarnation == 2)
            // Of a declaration that cannot be read nothing is taken for kept.
            #expect(error?.kept == .zero && error?.goOnAfter == .beginning)
            var next = EventFollower(reader, feed: sequencer.feed, after: .beginning)
            _ = try await next.next()
            #expect(next.cursor.description.hasPrefix("2."))
        }
    }
}
