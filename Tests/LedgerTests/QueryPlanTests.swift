import CareEpisode
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Ledger

/// The plans of the very statements that the code runs: the server sends each as a notice.
@Suite("Query plans")
struct QueryPlanTests {
    @Test("Appending reads the record by its keys only, for new events and for repeats")
    func append() async throws {
        let plans = try await plans { database, ledger in
            let episode = try #require(EpisodeID("a3d5a1e6-7c3f-4b8f-9a53-0d4c5c1b2a10"))
            let asked = request(episode, SampleEvent.admitted())
            // More often than it takes until plans are made without looking at the parameters.
            for _ in 0..<8 {
                let more = request(episode, SampleEvent.session())
                for outcome in try await appendTogether([asked, more], database, ledger) {
                    _ = try outcome.get()
                }
                for outcome in try await appendTogether([asked], database, ledger) {
                    #expect(try outcome.get().duplicate != nil)
                }
            }
        }
        // Those inside the function are among them.
        #expect(plans.contains { $0.contains("insert into public.event") })
        expectIndexes(
            plans,
            ["event_ledger_id_event_id_key", "event_ledger_id_episode_id_version_key"]
        )
    }

    @Test("A page is read by position, from the beginning and near the head")
    func page() async throws {
        let plans = try await plans { database, ledger in
            let reader = EventReader(database, ledger: ledger)
            for _ in 0..<8 {
                for after in [0, 10_000, 19_990] {
                    _ = try await reader.page(after: Position(Int64(after)), limit: 500)
                    _ = try await reader.page(after: Position(Int64(after)), types: [.admitted])
                }
                _ = try await reader.page(after: .zero, episode: .fresh)
                _ = try await reader.episodes(after: Position(500), through: Position(1_500))
            }
        }
        expectIndexes(plans, ["event_pkey"])
    }

    @Test("An episode's history is read by episode")
    func episode() async throws {
        let plans = try await plans { database, ledger in
            let reader = EventReader(database, ledger: ledger)
            let some = try await reader.page(after: .zero, limit: 50).events.map(\.episodeID)
            for _ in 0..<8 {
                _ = try await reader.events(of: some[0])
                _ = try await reader.histories(of: some, through: Position(15_000))
            }
        }
        expectIndexes(
            plans.filter { $0.contains("episode_id =") },
            ["event_ledger_id_episode_id_version_key"]
        )
    }

    @Test("A scan samples by position and reads its ranges by episode")
    func scan() async throws {
        let plans = try await plans { database, ledger in
            let scan = EpisodeScan(
                database,
                ledger: ledger,
                through: Position(20_000),
                rangeEvents: 500
            )
            try await scan.forEachRange { try await scan.read($0) { _, _ in } }
        }
        expectIndexes(plans, ["event_pkey", "event_ledger_id_episode_id_version_key"])
    }

    /// One ledger from nothing to 500,000 events, and a new one beside it.
    @Test("Appends and pages look up by the whole key, however the plan was made")
    func growth() async throws {
        try await LedgerFixture.withDatabase { plain in
            let ledger = try await plain.ledger(named: .default)
            let collected = Mutex<[String]>([])
            let configuration = try explaining(plain.configuration) { plan in
                collected.withLock { $0.append(plan) }
            }
            func expectWholeKeys(_ when: String, _ body: () async throws -> Void) async throws {
                collected.withLock { $0 = [] }
                try await body()
                let plans = collected.withLock { $0 }.filter(Self.isOfEvents)
                #expect(plans.contains { $0.contains("p_event_id") }, "append_batch_2, \(when)")
                #expect(plans.contains { $0.contains("with bound as") }, "pages, \(when)")
                for plan in plans { #expect(Self.looseScans(plan) == [], "\(when): \(plan)") }
            }
            try await LedgerFixture.withDatabase(configuration) { database in
                let reader = EventReader(database, ledger: ledger)
                // Prepared, planned and kept on the table of which nothing is known.
                try await expectWholeKeys("empty") {
                    for _ in 0..<8 { _ = try await reader.page(after: .zero) }
                    try await probe(database, ledger)
                }
                try await fill(plain, ledger, events: 500_000, analyzes: false)
                try await expectWholeKeys("grown, unknown to the planner") {
                    for _ in 0..<8 { _ = try await reader.page(after: Position(250_000)) }
                    try await probe(database, ledger)
                }
            }
            try await asSuperuser(plain, "analyze event")
            let new = try await plain.createLedger(
                named: try #require(LedgerName("north")),
                timeZone: "UTC"
            )
            for (when, ledger) in [("large", ledger), ("new beside a large one", new)] {
                try await LedgerFixture.withDatabase(configuration) { database in
                    try await expectWholeKeys(when) {
                        for _ in 0..<4 { try await useEvents(database, ledger) }
                    }
                }
            }
        }
    }

    private func useEvents(_ database: LedgerDatabase, _ ledger: LedgerDescription) async throws {
        let reader = EventReader(database, ledger: ledger)
        for outcome in try await appendTogether(
            [request(.fresh, SampleEvent.admitted()), request(.fresh, SampleEvent.admitted())],
            database,
            ledger
        ) {
            _ = try outcome.get()
        }
        let head = try await reader.head().position
        for after in [Position.zero, Position(max(0, head.rawValue - 10))] {
            _ = try await reader.page(after: after)
            _ = try await reader.page(after: after, types: [.admitted])
        }
    }

    /// Calls append_batch_2 for nothing, on the one connection that has it planned already.
    private func probe(_ database: LedgerDatabase, _ ledger: LedgerDescription) async throws {
        for _ in 0..<8 {
            _ = try await database.writer.query(
                """
                select first_position from append_batch_2(
                    \(ledger.id.rawValue), \([Int32(1)]),
                    \([EpisodeID.fresh]), \([Int64(2)]), \([EpisodeID.fresh]), \(["admitted"]),
                    \([Int64(0)]), \([Int64?.none]), \([[UInt8](repeating: 0, count: 32)]),
                    \([[UInt8](repeating: 0, count: 32)]), \([[UInt8]()]), \([[UInt8]()]),
                    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', false
                )
                """
            )
        }
    }

    private static func isOfEvents(_ plan: String) -> Bool {
        plan.contains("plan:") && (plan.contains("event_") || plan.contains("Scan on event"))
    }

    /// The scans of the record whose condition is less than the key of their index up to the column
    /// that tells events apart.
    private static func looseScans(_ plan: String) -> [String] {
        let columns = [
            "event_pkey": "position", "event_ledger_id_event_id_key": "event_id",
            "event_ledger_id_episode_id_version_key": "episode_id",
        ]
        let lines = plan.split(separator: "\n").map(String.init)
        return lines.indices.compactMap { index in
            let line = lines[index]
            guard line.contains("Scan"), line.contains(" on event e") || line.contains(" on event ")
            else { return nil }
            let condition = index + 1 < lines.count ? lines[index + 1] : ""
            let column = columns.first { line.contains(" using \($0.key) ") }?.value
            guard let column, condition.contains("Index Cond:"), condition.contains(column) else {
                return line + condition
            }
            return nil
        }
    }

    private func expectIndexes(_ plans: [String], _ indexes: [String]) {
        #expect(!plans.isEmpty)
        for plan in plans {
            #expect(!plan.contains("Seq Scan on event"), "\(plan)")
            #expect(!plan.contains("Seq Scan on public.event"), "\(plan)")
        }
        for index in indexes {
            #expect(plans.contains { $0.contains(index) }, "\(index) is not used")
        }
    }

    /// Runs a body on a database with 20,000 events of two ledgers each, and returns the plans of
    /// all its statements on the record, those inside functions included.
    private func plans(
        _ body: (LedgerDatabase, LedgerDescription) async throws -> Void
    ) async throws -> [String] {
        try await LedgerFixture.withDatabase { plain in
            let ledger = try await plain.ledger(named: .default)
            let other = try await plain.createLedger(
                named: try #require(LedgerName("north")),
                timeZone: "UTC"
            )
            try await fill(plain, ledger, events: 20_000)
            try await fill(plain, other, events: 20_000)
            let collected = Mutex<[String]>([])
            let configuration = try explaining(plain.configuration) { plan in
                collected.withLock { $0.append(plan) }
            }
            try await LedgerFixture.withDatabase(configuration) { database in
                try await body(database, ledger)
            }
            return collected.withLock { $0 }.filter(Self.isOfEvents)
        }
    }

    /// Every statement's plan comes as a notice, those inside functions included.
    private func explaining(
        _ configuration: PostgresConfiguration,
        _ onPlan: @escaping @Sendable (String) -> Void
    ) throws -> PostgresConfiguration {
        let database = configuration.database ?? ""
        let url = try TestCluster.shared.url(database: database)
        var result = try PostgresConfiguration(
            url: url + "&options=-c%20session_preload_libraries%3Dauto_explain"
        )
        result.settings = configuration.settings
        for (name, value) in [
            ("auto_explain.log_min_duration", "0"), ("auto_explain.log_level", "notice"),
            ("auto_explain.log_nested_statements", "on"), ("enable_seqscan", "on"),
        ] {
            result.set(name, to: value)
        }
        result.noticeHandler = { onPlan($0.message) }
        return result
    }
}
