import CareEpisode
import Glibc
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Readiness: the probe does what requests need")
struct ReadinessTests {
    private static func ready(
        _ fixture: ServiceFixture
    ) async throws -> (status: Int, text: String) {
        let answer = try await fixture.request("GET", "/readyz", token: nil)
        if answer.status != 200 { #expect(answer.headers["retry-after"] != nil) }
        return (answer.status, answer.text)
    }

    @Test("A database that became read-only: requests and probe are 503 until it can be written")
    func readOnly() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await LedgerFixture.withDatabase(on: cluster) { database in
                let timeout: Duration = .seconds(4)
                try await ServiceFixture.with(database.configuration, timeout: timeout) { fixture in
                    let token = try await fixture.token(.service, .clinician, .administrator)
                    func append() async throws -> Int {
                        try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
                            .status
                    }
                    #expect(try await append() == 201)
                    #expect(try await Self.ready(fixture).status == 200)
                    _ = try await cluster.sql("alter system set default_transaction_read_only = on")
                    _ = try await cluster.sql("select pg_reload_conf()")
                    try await eventually("the probe says so") {
                        let (status, text) = try await Self.ready(fixture)
                        return status == 503 && text.contains("read-only")
                    }
                    for path in ["census", "events", "sessions"] {
                        let answer = try await fixture.get(path, token: token)
                        #expect(answer.status == 503, "\(path): \(answer.text)")
                        #expect(answer.headers["retry-after"] != nil)
                    }
                    #expect(try await append() == 503)
                    _ = try await cluster.sql("alter system reset default_transaction_read_only")
                    _ = try await cluster.sql("select pg_reload_conf()")
                    try await eventually("it goes on") {
                        let isReady = try await Self.ready(fixture).status == 200
                        let appended = try await append()
                        return isReady && appended == 201
                    }
                }
            }
        }
    }

    @Test("Decisions that cannot be kept: the probe says so until they can")
    func accessLog() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.clinician)
            #expect(try await fixture.get("census", token: token).status == 200)
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            _ = try await pool.query("revoke execute on function write_access from ledger_writer")
            #expect(try await fixture.get("census", token: token).status >= 500)
            let (status, text) = try await Self.ready(fixture)
            #expect(status == 503 && text.contains(#""access log""#), "\(text)")
            _ = try await pool.query("grant execute on function write_access to ledger_writer")
            // Nobody has to ask for anything first: who balances load sends nothing until then.
            #expect(try await Self.ready(fixture).status == 200)
            let kept = try await pool.query("select count(*) as n from access_log")
            #expect(try kept[0].get("n", as: Int64.self) == 1, "what was tried is taken back")
            await pool.close()
        }
    }

    @Test("So says an append that finds no room, although nobody reads")
    func appends() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.service)
            func asOwner(_ script: String) async throws {
                try await PostgresConnection.withConnection(fixture.database.configuration) {
                    try await $0.execute(script: script)
                }
            }
            try await asOwner(
                """
                create function be_full() returns trigger language plpgsql as $$
                begin
                    raise exception 'no space' using errcode = '53100';
                end
                $$;
                create trigger is_full before insert on access_log
                    for each row execute function be_full();
                """
            )
            let refused = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            #expect(refused.status == 503, "\(refused.text)")
            let (status, text) = try await Self.ready(fixture)
            #expect(status == 503 && text.contains(#""access log""#), "\(text)")
            try await asOwner("drop trigger is_full on access_log")
            #expect(try await Self.ready(fixture).status == 200)
            let taken = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            #expect(taken.status == 201)
        }
    }

    @Test("A checkpoint log or a key that is not in place: the probe says so until it is back")
    func log() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            func isSealed() async throws -> Bool {
                let rows = try await pool.query(
                    """
                    select coalesce(max(c.size), 0) = max(h.position) as is_sealed
                    from ledger_head h left join checkpoint c using (ledger_id)
                    """
                )
                return try rows[0].get("is_sealed")
            }
            func append() async throws {
                let answer = try await fixture.post(
                    .fresh,
                    [SampleEvent.admitted()],
                    token: token
                )
                #expect(answer.status == 201)
            }
            try await append()
            try await eventually("everything is sealed") { try await isSealed() }
            #expect(try await Self.ready(fixture).status == 200)
            // Whoever seals has read the key: without the log it has to begin anew.
            let log = "\(fixture.folder)/default.checkpoints"
            let key = "\(fixture.folder)/default.key"
            for file in [log, key] { #expect(rename(file, "\(file).away") == 0) }
            try await append()
            for file in [log, key] {
                try await eventually("the probe says that it is not in place") {
                    let (status, text) = try await Self.ready(fixture)
                    return status == 503 && text.contains("seal of default")
                }
                let metrics = try await fixture.request("GET", "/metrics", token: nil)
                #expect(metrics.text.contains(#"episode_ledger_seal_trouble{ledger="default"} 1"#))
                #expect(try await isSealed() == false)
                #expect(rename("\(file).away", file) == 0)
            }
            try await eventually("the probe is content, and everything is sealed") {
                let sealed = try await isSealed()
                return try await Self.ready(fixture).status == 200 && sealed
            }
            await pool.close()
        }
    }

    @Test("A key that nobody can read: the probe says so")
    func unreadableKey() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            _ = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            try await eventually("it is sealed") {
                try await pool.query("select from checkpoint").isEmpty == false
            }
            #expect(try await Self.ready(fixture).status == 200)
            // Whoever seals reads keys when it begins.
            _ = try await pool.query(
                """
                with registered as (
                    insert into verifier_key (ledger_id, verifier_key, incarnation)
                    select ledger_id, 'none', 1 from ledger_head
                )
                update sealer set lease_holder = 'gone', epoch = epoch + 1,
                    lease_until = clock_timestamp()
                """
            )
            _ = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            try await eventually("the probe says that nothing is signed") {
                let (status, text) = try await Self.ready(fixture)
                return status == 503 && text.contains("nothing is signed any more")
            }
            let metrics = try await fixture.request("GET", "/metrics", token: nil)
            #expect(metrics.text.contains(#"episode_ledger_seal_trouble{ledger="default"} 1"#))
            await pool.close()
        }
    }

    @Test("A checkpoint beyond the head: the probe says so")
    func beyond() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            #expect(try await Self.ready(fixture).status == 200)
            _ = try await pool.query(
                """
                insert into checkpoint (ledger_id, size, root, note)
                select ledger_id, 7, decode(repeat('00', 32), 'hex'), 'of another history'
                from ledger_head
                """
            )
            let (status, text) = try await Self.ready(fixture)
            #expect(status == 503 && text.contains("covers more events than there are"), "\(text)")
            #expect(text.contains(#""seal of default""#))
            // Where others may not see the metrics, nobody learns which ledgers there are.
            let readiness = await Readiness(fixture.service, naming: false)
            let unnamed = String(decoding: readiness.json.bytes, as: UTF8.self)
            #expect(unnamed.contains(#""seal":"a checkpoint"#) && !unnamed.contains("default"))
            await pool.close()
        }
    }

    @Test("A head that lies ahead of the clock is told, and makes no later time a past one")
    func headAhead() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            let episode = EpisodeID.fresh
            _ = try await fixture.post(episode, [SampleEvent.admitted()], token: token)
            // As if the clock had been 400 days ahead for a moment.
            _ = try await pool.query(
                "update ledger_head set recorded_at = recorded_at + 400 * 86400 * 1000000::bigint"
            )
            let today =
                (Instant.now.microseconds - SampleEvent.admissionTime.microseconds) / 86_400_000_000
            for _ in 0..<3 {
                let session = try await fixture.post(
                    episode,
                    [SampleEvent.session(day: today + 200)],
                    token: token
                )
                #expect(session.status == 422, "\(session.text)")
                let sound = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
                #expect(sound.status == 201, "\(sound.text)")
            }
            let metrics = try await fixture.request("GET", "/metrics", token: nil).text
            let line = try #require(
                metrics.split(separator: "\n").first {
                    $0.hasPrefix("episode_ledger_head_ahead_seconds{ledger=\"default\"}")
                }
            )
            let seconds = try #require(line.split(separator: " ").last.flatMap { Double($0) })
            #expect((399.0 * 86_400...400.0 * 86_400).contains(seconds))
            await pool.close()
        }
    }
}
