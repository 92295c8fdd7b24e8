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
        #expect(plans.contains { $0.contains("insert into event") })
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
            var configuration = plain.configuration
            for (name, value) in [
                ("auto_explain.log_min_duration", "0"), ("auto_explain.log_level", "notice"),
                ("auto_explain.log_nested_statements", "on"), ("enable_seqscan", "on"),
            ] {
                configuration.set(name, to: value)
            }
            configuration = try explaining(configuration)
            configuration.noticeHandler = { notice in
                collected.withLock { $0.append(notice.message) }
            }
            try await LedgerFixture.withDatabase(configuration) { database in
                try await body(database, ledger)
            }
            return collected.withLock { $0 }.filter {
                $0.contains("plan:") && ($0.contains("event_") || $0.contains("Scan on event"))
            }
        }
    }

    private func explaining(_ configuration: PostgresConfiguration) throws -> PostgresConfiguration
    {
        let database = configuration.database ?? ""
        let url = try TestCluster.shared.url(database: database)
        var result = try PostgresConfiguration(
            url: url + "&options=-c%20session_preload_libraries%3Dauto_explain"
        )
        result.settings = configuration.settings
        return result
    }
}
