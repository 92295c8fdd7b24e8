import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

/// An entry of an index has 2,704 bytes at most: no text that anybody may choose freely is indexed whole,
/// and the statements that look for one find it by its beginning.
@Suite("Indexes on texts")
struct BoundedIndexTests {
    /// Texts and bytes that are indexed whole, and what bounds them.
    private static let bounded: [String: String] = [
        "public.ledger.name": "checked by the table: 63 characters",
        "public.seal_log.origin": "a log's name of 255 bytes, and a number",
        "public.verifier_key.verifier_key": "a log's name of 255 bytes, and a key",
        "public.access_seal_log.origin": "as seal_log",
        "public.access_verifier_key.verifier_key": "as verifier_key",
        "public.schema_object.name": "named by the program",
        "public.projection.name": "named by the program",
        "public.projection_generation.name": "named by the program",
        "public.projection_parked.name": "named by the program",
        "public.projection_rebuild.name": "named by the program",
        "public.read_model_state.name": "named by the program",
        "public.read_model_parked.name": "named by the program",
        "public.read_model_rebuild.name": "named by the program",
        "public.subscription.name": "parsed: 63 characters",
        "public.subscription_bucket.name": "a subscription's",
        "public.subscription_dead_letter.name": "a subscription's",
        "public.webhook.name": "a subscription's",
        "public.webhook_secret.name": "a subscription's",
        "sign_in.link.hash": "32 bytes",
        "sign_in.session.hash": "32 bytes",
        "sign_in.flow.hash": "32 bytes",
        "sign_in.logout.hash": "32 bytes",
        "sign_in.failure.address": "an IP address",
        "sign_in.flow.address": "an IP address",
    ]

    @Test("Every index on a text is on one of bounded length, or on its beginning")
    func everyIndex() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            let columns = try await pool.query(
                """
                select distinct n.nspname || '.' || t.relname || '.' || a.attname as name
                from pg_index x
                join pg_class t on t.oid = x.indrelid
                join pg_namespace n on n.oid = t.relnamespace
                join pg_attribute a on a.attrelid = t.oid and a.attnum = any (x.indkey::int2[])
                join pg_type y on y.oid = a.atttypid
                where n.nspname in ('public', 'read_model', 'sign_in')
                and (y.typlen = -1 and y.typname not in ('numeric', 'inet'))
                """
            ).map { try $0.get("name", as: String.self) }
            #expect(Set(columns) == Set(Self.bounded.keys))
            let expressions = try await pool.query(
                """
                select pg_get_indexdef(x.indexrelid) as text
                from pg_index x
                join pg_class t on t.oid = x.indrelid
                where t.relnamespace in (
                    'public'::regnamespace, 'read_model'::regnamespace, 'sign_in'::regnamespace
                )
                and x.indexprs is not null
                """
            ).map { try $0.get("text", as: String.self) }
            #expect(expressions.count == 4)
            for text in expressions { #expect(text.contains(#""left"("#), "\(text)") }
            await pool.close()
        }
    }

    @Test("A program, a client, a session and a program's stays are found by how they begin")
    func plans() async throws {
        try await ProjectionFixture.with { fixture in
            try await fill(fixture)
            let id = fixture.ledger.id
            let long = String(repeating: "programme ", count: 400)
            for (statement, index) in [
                (
                    MedicationRows.episodes(.program(long, effectiveAt: .now), id, 1),
                    "medication_episode_program_idx"
                ),
                (
                    MedicationRows.episodes(.clients([long, "c-7"], effectiveAt: .now), id, 1),
                    "medication_episode_client_id_idx"
                ),
                (
                    SessionRows.entries(SessionSelection(sessionID: long), id, 1),
                    "session_entry_session_id_idx"
                ),
                (
                    SessionRows.stays([long, "p-7"], from: .now, to: .now, id, 1),
                    "session_stay_program_idx"
                ),
            ] {
                let plan = try await fixture.database.reader.query("explain \(statement)")
                    .map { try $0.get(0, as: String.self) }.joined(separator: "\n")
                #expect(plan.contains(index), "\(plan)")
                #expect(!plan.contains("Seq Scan"), "\(plan)")
            }
        }
    }

    /// 20,000 rows in each table.
    private func fill(_ fixture: ProjectionFixture) async throws {
        let id = fixture.ledger.id.rawValue
        let first = """
            select \(id), 1, gen_random_uuid()
            """
        for statement in [
            """
            insert into read_model.medication_episode (
                ledger_id, generation, episode_id, client_id, program, level_of_care, admitted_at,
                last_at, flag, flag_at, flag_events
            )
            \(first), 'c-' || n, 'p-' || n % 2000, 'outpatient', n, n, '{}', '{}', '{}'
            from generate_series(1, 20000) n
            """,
            """
            insert into read_model.session_entry (
                ledger_id, generation, episode_id, event_id, client_id, session_id, kind, starts_at,
                outcome, counted, standing, program, level_of_care, facilitators, author
            )
            \(first), gen_random_uuid(), 'c-' || n, 's-' || n, 'group', n, 'attended', true, 'within',
                'p', 'outpatient', '{}', 'a'
            from generate_series(1, 20000) n
            """,
            """
            insert into read_model.session_stay (
                ledger_id, generation, episode_id, ordinal, client_id, program, from_at
            )
            \(first), 1, 'c-' || n, 'p-' || n % 2000, n
            from generate_series(1, 20000) n
            """,
            "analyze read_model.medication_episode", "analyze read_model.session_entry",
            "analyze read_model.session_stay",
        ] {
            try await fixture.superuser(statement)
        }
    }
}
