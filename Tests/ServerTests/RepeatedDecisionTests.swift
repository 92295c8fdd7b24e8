import CareEpisode
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

/// Denials without end: what the access log has of them.
@Suite("Repeated decisions")
struct RepeatedDecisionTests {
    private let start = ContinuousClock.now

    /// Decisions that a test takes one after the other.
    private final class Counted {
        private var repeated = RepeatedDecisions()
        private let ledger: LedgerDescription

        init(_ ledger: LedgerDescription) { self.ledger = ledger }

        var nextDue: ContinuousClock.Instant? { repeated.nextDue }

        /// Whether a decision is written by itself, and then it is.
        func isFirst(_ decision: AccessDecision, at now: ContinuousClock.Instant) -> Bool {
            if counts(decision) { return false }
            repeated.wrote(decision, nil, in: ledger, at: now)
            return true
        }

        func counts(_ decision: AccessDecision, _ failure: String? = nil) -> Bool {
            repeated.counts(decision, failure, in: ledger)
        }

        func due(at now: ContinuousClock.Instant, all: Bool = false) -> [RepeatedDecisions.Entry] {
            repeated.due(at: now, all: all)
        }

        func takeBack(_ entry: RepeatedDecisions.Entry, at now: ContinuousClock.Instant) {
            repeated.takeBack(entry, at: now)
        }
    }

    private func decision(
        _ subject: String = "n-7",
        _ operation: String = "getCensus",
        episode: EpisodeID? = nil
    ) -> AccessDecision {
        AccessDecision(
            subject: subject,
            roles: ["auditor"],
            operation: operation,
            isAllowed: false,
            episodeID: episode,
            requestID: "r"
        )
    }

    private func withLedger(_ body: (LedgerDescription) throws -> Void) async throws {
        try await LedgerFixture.withDatabase { database in
            try body(try await database.ledger(named: .default))
        }
    }

    @Test("The first is written at once, the others are counted and told once a minute")
    func counted() async throws {
        try await withLedger { ledger in
            let repeated = Counted(ledger)
            #expect(repeated.nextDue == nil)
            #expect(repeated.isFirst(decision(), at: start))
            for second in 1...59 {
                let at = start + .seconds(second)
                #expect(!repeated.isFirst(decision(), at: at))
                #expect(repeated.due(at: at).isEmpty)
            }
            // Others are not counted with it.
            #expect(repeated.isFirst(decision("n-8"), at: start))
            #expect(repeated.isFirst(decision("n-7", "listEvents"), at: start))
            #expect(repeated.nextDue == start + .seconds(60))
            let told = repeated.due(at: start + .seconds(60)).map(\.decision)
            #expect(told.map(\.detail) == ["repeated 59 times"])
            #expect(told.map(\.subject) == ["n-7"] && told.map(\.isAllowed) == [false])
            // The next minute begins with that entry, and after a quiet one the next is a first.
            #expect(!repeated.isFirst(decision(), at: start + .seconds(61)))
            #expect(repeated.due(at: start + .seconds(119)).isEmpty)
            #expect(repeated.due(at: start + .seconds(120)).count == 1)
            #expect(repeated.due(at: start + .seconds(180)).isEmpty)
            #expect(repeated.isFirst(decision(), at: start + .seconds(181)))
        }
    }

    @Test("The episodes that were asked for are named, as many as have room")
    func episodes() async throws {
        try await withLedger { ledger in
            let repeated = Counted(ledger)
            let all = (0..<100).map { _ in EpisodeID.fresh }
            for episode in all + all {
                _ = repeated.isFirst(decision(episode: episode), at: start)
            }
            let told = try #require(repeated.due(at: start, all: true).first?.decision)
            let named = all[1...16].map(\.description).joined(separator: " ")
            #expect(told.detail == "repeated 199 times; of episodes \(named) and others")
            #expect(told.episodeID == nil)
            _ = repeated.isFirst(decision(episode: all[0]), at: start)
            let one = try #require(repeated.due(at: start, all: true).first?.decision)
            #expect(one.detail == "repeated 1 times" && one.episodeID == all[0])
        }
    }

    @Test("At the limit nothing is held any more, and everything is written by itself")
    func limit() async throws {
        try await withLedger { ledger in
            let repeated = Counted(ledger)
            for number in 0..<RepeatedDecisions.limit {
                #expect(repeated.isFirst(decision("\(number)"), at: start))
            }
            for _ in 0..<3 { #expect(repeated.isFirst(decision("more"), at: start)) }
            #expect(!repeated.isFirst(decision("7"), at: start))
            // What was not repeated makes room.
            let later = start + .seconds(60)
            #expect(repeated.isFirst(decision("more"), at: later))
            #expect(!repeated.isFirst(decision("more"), at: later))
            #expect(repeated.due(at: later, all: true).count == 2)
        }
    }

    @Test("What could not be written is told later, with what comes meanwhile")
    func takenBack() async throws {
        try await withLedger { ledger in
            let repeated = Counted(ledger)
            // Until the first is on disk, none is counted in its place.
            #expect(!repeated.counts(decision()) && !repeated.counts(decision()))
            #expect(repeated.isFirst(decision(), at: start))
            #expect(!repeated.isFirst(decision(), at: start))
            let due = try #require(repeated.due(at: start, all: true).first)
            repeated.takeBack(due, at: start)
            // Nor after that until one is written again.
            #expect(!repeated.counts(decision()))
            #expect(repeated.isFirst(decision(), at: start))
            #expect(!repeated.isFirst(decision(), at: start))
            let told = repeated.due(at: start, all: true).map(\.decision.detail)
            #expect(told == ["repeated 2 times"])
        }
    }

    @Test("What was answered well is not counted with what was refused; the last one is told")
    func outcomes() async throws {
        try await withLedger { ledger in
            let repeated = Counted(ledger)
            #expect(repeated.isFirst(decision(), at: start))
            #expect(!repeated.counts(decision(), "bad-request"))
            var last = decision()
            last.detail = "after=7; 3 entries"
            #expect(repeated.counts(last))
            let told = repeated.due(at: start, all: true).map(\.decision.detail)
            #expect(told == ["repeated 1 times; the last one: after=7; 3 entries"])
        }
    }

    @Test("Thousands of denials make a handful of entries, and none is lost when the process ends")
    func hostile() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let number = 3_000
            try await ServiceFixture.with(configuration, runsWorkers: false) { fixture in
                let foreign = try await fixture.token(.auditor, ledgers: ["elsewhere"])
                let denied = try await fixture.token(.clinician)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<20 {
                        group.addTask {
                            for _ in 0..<(number / 20) {
                                let token = lane < 10 ? foreign : denied
                                let path = lane < 10 ? "census" : "events"
                                let answer = try await fixture.get(path, token: token)
                                #expect(answer.status == 403)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(await fixture.service.lateDenials.flush(atMost: .seconds(120)) == 0)
                let rows = try await fixture.database.reader.query("select from access_log")
                #expect(rows.count >= 2 && rows.count < 60)
            }
            try await LedgerFixture.withDatabase(configuration) { database in
                let rows = try await database.reader.query(
                    """
                    select coalesce(sum(coalesce(
                        substring(detail from 'repeated ([0-9]+) times')::bigint, 1
                    )), 0)::bigint as told
                    from access_log
                    where not allowed
                    """
                )
                #expect(try rows.first?.get("told", as: Int64.self) == Int64(number))
            }
        }
    }

    @Test("While the process goes on, repeats are told when it is time")
    func told() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let log = AccessLog(
                database,
                timeout: .seconds(120),
                repeatsAfter: .milliseconds(200)
            )
            let running = Task { await log.run() }
            defer { running.cancel() }
            for _ in 0..<4 { try await log.recordOnce(decision(), in: ledger) }
            try await eventually("they are told") {
                let rows = try await database.reader.query(
                    "select detail from access_log where detail is not null order by entry"
                )
                return try rows.map { try $0.get("detail", as: String.self) } == [
                    "repeated 3 times"
                ]
            }
        }
    }
}
