import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

/// What somebody can do who has the password of a role, and not that of the owner.
@Suite("What the roles' functions refuse")
struct RoleFunctionTests {
    /// Runs one statement as a role.
    ///
    /// - Returns: the SQLSTATE of its error; nil where it was done.
    private func attempt(
        _ statement: String,
        as role: String,
        _ fixture: SealingFixture
    ) async throws -> String? {
        try await PostgresConnection.withConnection(fixture.configuration) { connection in
            _ = try await connection.query("select set_config('role', \(role), false)")
            do {
                try await connection.execute(script: statement)
                return nil
            } catch let error as PostgresError {
                return error.sqlState?.rawValue ?? "none"
            }
        }
    }

    @Test("The writer's role moves no head, and writes no event and no entry past the functions")
    func writer() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(3)
            for statement in [
                "update ledger_head set recorded_at = 253402300799000000",
                "update ledger_head set position = position + 10",
                "insert into event select * from event",
                "insert into access_log (ledger_id, subject, roles, operation, allowed, request_id) "
                    + "values (1, 'somebody-else', '{}', 'getEpisode', true, 'r')",
                "select nextval('access_log_entry_seq')",
                "select setval('access_log_entry_seq', 1000)",
                "select create_ledger('mine', 'UTC')",
                "insert into checkpoint (ledger_id, size, root, note) values (1, 1, sha256('r'), 'x')",
            ] {
                #expect(
                    try await attempt(statement, as: "ledger_writer", fixture) == "42501",
                    "\(statement)"
                )
            }
            try await fixture.append(1)
            #expect(try await fixture.verify().faults == [])
        }
    }

    @Test("The projector's role writes nothing that is sealed past the functions")
    func projector() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(3)
            try await fixture.seal()
            for statement in [
                "insert into checkpoint (ledger_id, size, root, note) "
                    + "values (1, 9000000000000000000, sha256('r'), 'x')",
                "insert into tile select 1, 0, 9223372036854775807, convert_to(repeat('x', 8192), 'UTF8')",
                "insert into seal_log (ledger_id, incarnation, origin) values (1, 2, 'mine')",
                "insert into verifier_key (ledger_id, verifier_key, incarnation) values (1, 'k', 1)",
                "update verifier_key set retired_at = now()",
                "update access_verifier_key set retired_at = now()",
                "insert into access_entry select 1, 1, 1, n.n, n.n, n.n from (select sha256('n') as n) n",
                "update sealer set size = 9000000000000000000",
                "update sealer set access_size = 9",
                "insert into sealer (ledger_id, size) values (2, 5)",
                "insert into event select * from event",
                "update ledger_head set position = 0",
                "insert into access_log (ledger_id, subject, roles, operation, allowed, request_id) "
                    + "values (1, 'somebody-else', '{}', 'getEpisode', true, 'r')",
                "select write_access(1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
            ] {
                #expect(
                    try await attempt(statement, as: "ledger_projector", fixture) == "42501",
                    "\(statement)"
                )
            }
            try await fixture.append(1)
            try await fixture.seal()
            #expect(try await fixture.verify().faults == [])
        }
    }

    @Test(
        "What the functions are given has to fit what there is, also from whoever holds the lease"
    )
    func functions() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(300)
            try await fixture.seal()
            try await fixture.append(3)
            try await fixture.access(2)
            let row = try await fixture.database.projector.query(
                "select l.origin from seal_log l where l.ledger_id = \(fixture.ledger.id.rawValue)"
            )
            let origin = try row[0].get("origin", as: String.self)
            let take = "update sealer set epoch = 77, lease_until = now() + interval '1 minute';"
            func checkpoint(_ size: String, before: Int = 300, note: String? = nil) -> String {
                let text =
                    note ?? "concat('\(origin)', chr(10), \(size), chr(10), "
                    + "encode(sha256('r'), 'base64'), chr(10), chr(10), 'signature')"
                return take
                    + "select publish_checkpoint(1, 'events', 77, \(before), \(size), sha256('r'), \(text))"
            }
            func tile(_ level: String, _ number: String) -> String {
                take
                    + "select publish_tiles(1, 'events', 77, array[\(level)::integer], array[\(number)::bigint], "
                    + "array[convert_to(repeat('x', 8192), 'UTF8')])"
            }
            func number(_ number: Int, _ entry: Int) -> String {
                take + "select number_access_entries(1, 77, array[\(number)::bigint], "
                    + "array[\(entry)::bigint], array[sha256('n')], array[sha256('c')], array[sha256('l')])"
            }
            for statement in [
                // Beyond the head, behind what is sealed, or not what the note says.
                checkpoint("9000000000000000000"), checkpoint("304"), checkpoint("300"),
                checkpoint("301", note: "'x'"), checkpoint("null"),
                checkpoint("301", note: "concat('\(origin)', chr(10), 302, chr(10))"),
                checkpoint("302", note: "null"),
                // Beyond the head, sealed already, or no tile.
                tile("0", "1"), tile("0", "0"), tile("0", "9223372036854775807"), tile("0", "-1"),
                tile("-1", "0"), tile("1", "0"), tile("8", "0"), tile("null", "0"),
                tile("2147483647", "0"),
                // Not the next number, or of no entry; and one that leaves an entry out.
                number(2, 1), number(0, 1), number(1, 99), number(1, 0), number(1, 2),
                take
                    + "select change_verifier_keys(1, 'events', 77, null, verifier_key) from verifier_key",
                take + "select begin_seal_log(1, 'events', 77, 3, 'mine', 'declared', 'key')",
                take + "select begin_seal_log(1, 'events', 77, 1, 'mine', null, 'key')",
                take + "select begin_seal_log(1, 'events', 77, 2, 'mine', null, 'key')",
                take + "select begin_seal_log(1, 'neither', 77, 2, 'mine', 'declared', 'key')",
                take + "select publish_tiles(1, 'neither', 77, '{}', '{}', '{}')",
                take + "select change_verifier_keys(1, null, 77, 'key', null)",
            ] {
                #expect(
                    try await attempt(
                        "begin;\(statement);commit",
                        as: "ledger_projector",
                        fixture
                    ) == "EL002",
                    "\(statement)"
                )
            }
            // Whoever does not hold the lease writes nothing, and is told so.
            let rows = try await fixture.database.projector.query(
                """
                select publish_checkpoint(
                        1, 'events', -5, 300, 301, sha256('r'),
                        concat(
                            \(origin)::text, chr(10), 301, chr(10), encode(sha256('r'), 'base64'),
                            chr(10)
                        )
                    ) is null
                    and not publish_tiles(1, 'events', -5, '{}', '{}', '{}')
                    and not number_access_entries(1, -5, '{}', '{}', '{}', '{}', '{}')
                    and not begin_seal_log(1, 'events', -5, 2, 'mine', 'declared', 'key')
                    and not change_verifier_keys(1, 'events', -5, 'key', null) as refused
                """
            )
            #expect(try rows[0].get("refused", as: Bool.self))
            try await fixture.seal()
            try await fixture.sealAccessLog()
            #expect(try await fixture.verify().faults == [])
        }
    }

    @Test("A tile that somebody else has written is told as damage, and nothing is signed over it")
    func foreignTile() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(300)
            try await fixture.seal()
            try await fixture.append(300)
            let state = try await attempt(
                "begin; update sealer set epoch = 77, lease_until = now() + interval '1 minute';"
                    + "select publish_tiles(1, 'events', 77, array[0], array[1::bigint],"
                    + " array[convert_to(repeat('x', 8192), 'UTF8')]);"
                    + "update sealer set lease_until = null; commit",
                as: "ledger_projector",
                fixture
            )
            #expect(state == nil)
            let error = await #expect(throws: SealError.self) { try await fixture.seal() }
            guard case .damaged = error else {
                Issue.record("\(String(describing: error)) is told")
                return
            }
            #expect(try await !fixture.verify().faults.isEmpty)
        }
    }

    @Test(
        "Versions have no gap and nothing is known after it is recorded, whatever a writer sends"
    )
    func versions() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(3)
            let row = try await fixture.database.reader.query(
                "select episode_id::text as episode, max(version) as version from event group by 1"
            )[0]
            let episode = try row.get("episode", as: String.self)
            let newest = try row.get("version", as: Int64.self)
            let other = "00000000-0000-0000-0000-00000000e001"
            func append(
                _ episode: String,
                _ versions: [String],
                of requests: [Int]? = nil,
                known: String = "null"
            ) -> String {
                let requests = requests ?? versions.map { _ in 1 }
                let count = versions.count
                func all(_ value: String) -> String {
                    Array(repeating: value, count: count).joined(separator: ",")
                }
                return """
                    with made as (
                        select * from append_batch_2(
                            1, array[\(requests.map(String.init).joined(separator: ","))], array[\(all("'\(episode)'::uuid"))],
                            array[\(versions.map { "\($0)::bigint" }.joined(separator: ","))],
                            array[\(all("gen_random_uuid()"))], array[\(all("'admitted'"))],
                            array[\(all("1::bigint"))], array[\(all("\(known)::bigint"))],
                            array[\(all("sha256('n')"))], array[\(all("sha256('c')"))],
                            array[\(all("'{}'::bytea"))], array[\(all("'{}'::bytea"))],
                            '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', LOOKS
                        )
                    )
                    select 1 / (coalesce(cardinality(leaf_hash), 0) = 0)::integer from made
                    """
            }
            for statement in [
                append(other, ["500"]), append(other, ["9223372036854775807"]),
                append(other, ["0"]), append(other, ["-9223372036854775808"]),
                append(other, ["null"]),
                append(other, ["1", "77"]), append(other, ["1", "3"]),
                append(other, ["2", "1", "4"]), append(other, ["2", "1"]),
                append(other, ["1", "1"]), append(other, ["1", "3", "2"]),
                append(other, ["2", "1"], of: [2, 1]),
                append(other, ["1", "3", "2"], of: [1, 2, 1]),
                append(other, ["2", "1"], of: [1, 2]),
                append(episode, ["\(newest)"]), append(episode, ["\(newest + 2)"]),
                append(episode, ["9223372036854775807"]),
                append(other, ["1"], known: "9223372036854775807"),
                append(other, ["1"], known: "253402300799000000"),
                // Arrays that are counted from something else than 1.
                append(other, ["1", "2"])
                    .replacing("array[1::bigint,2::bigint]", with: "'[0:2]={1,5,6}'::bigint[]"),
                append(other, ["1", "2"])
                    .replacing("array[1::bigint,2::bigint]", with: "'[2:3]={1,2}'::bigint[]"),
                append(other, ["1", "2"]).replacing("array[1,2]", with: "'[0:1]={1,2}'::integer[]")
                    .replacing("array[1::bigint,2::bigint]", with: "'[0:1]={1,2}'::bigint[]"),
            ] {
                for looks in ["false", "true"] {
                    // Refused with an error, or one by one: nothing is appended.
                    let state = try await attempt(
                        statement.replacing("LOOKS", with: looks),
                        as: "ledger_writer",
                        fixture
                    )
                    #expect(state != "22012", "\(looks): \(statement)")
                }
            }
            #expect(try await fixture.head().rawValue == 3)
            let text = "convert_to(repeat('x', 5000), 'UTF8')"
            #expect(
                try await attempt(
                    "select write_access(1, array[\(text)], array['r'], array['o'], array[true],"
                        + " array[null::uuid], array[''::bytea], array[''::bytea], array[''::bytea])",
                    as: "ledger_writer",
                    fixture
                ) == "22001"
            )
            #expect(try await fixture.verify().faults == [])
        }
    }

    @Test(
        "A repeated id in a batch of new ones is found, and what is left is appended in order"
    )
    func repeatedInBatch() async throws {
        try await LedgerFixture.withDatabase { database in
            func call(_ ids: [Int], _ bases: [Int]) -> SQL {
                let episodes = ids.map { "'00000000-0000-0000-0000-0000000e\($0 + 1000)'::uuid" }
                    .joined(separator: ",")
                let events = ids.map { "'00000000-0000-0000-0000-0000000a\($0 + 1000)'::uuid" }
                    .joined(separator: ",")
                let count = ids.count
                func all(_ value: String) -> String {
                    Array(repeating: value, count: count).joined(separator: ",")
                }
                let numbers = (1...count).map(String.init).joined(separator: ",")
                let version = bases.map { "\($0 + 1)::bigint" }.joined(separator: ",")
                let text: String = """
                    select first_position, cardinality(leaf_hash) as appended,
                        array_to_string(refused, ',') || ':' || coalesce(array_to_string(outcome, ','), '')
                            as refused
                    from append_batch_2(
                        1, array[\(numbers)], array[\(episodes)],
                        array[\(version)], array[\(events)], array[\(all("'admitted'"))],
                        array[\(all("1::bigint"))], array[\(all("null::bigint"))],
                        array[\(all("sha256('n')"))], array[\(all("sha256('c')"))],
                        array[\(all("'{}'::bytea"))], array[\(all("'{}'::bytea"))],
                        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', true
                    )
                    """
                return SQL(text)
            }
            func result(_ sql: SQL) async throws -> String {
                let row = try await database.appender.query(sql)[0]
                let appended = try row.get("appended", as: Int32?.self) ?? 0
                return "\(try row.get("first_position", as: Int64.self)) \(appended) "
                    + (try row.get("refused", as: String.self))
            }
            #expect(try await result(call([1, 2], [0, 0])) == "1 2 :")
            // The episode of 2 stands at 1 already: its request is looked at, and is there.
            #expect(try await result(call([3, 2, 4], [0, 0, 0])) == "3 2 2:present")
            // The id of 1 for another episode's first event: where nobody looks, only the key knows.
            let other = call([5, 6], [0, 0]).text.replacing(
                "0000000a1006",
                with: "0000000a1001"
            )
            let error = await #expect(throws: PostgresError.self) {
                _ = try await result(SQL(other.replacing("true\n", with: "false\n")))
            }
            #expect(error?.sqlState == .uniqueViolation)
            #expect(try await result(SQL(other)) == "5 1 2:present")
            // All of them are there: nothing is appended, and no position is used.
            #expect(try await result(call([1, 3], [1, 1])) == "6 0 1,2:present,present")
            #expect(try await result(call([7], [1])) == "6 0 1:again")
            let rows = try await database.reader.query(
                """
                select count(*) as events, max(position) as head,
                    (select h.position from ledger_head h where h.ledger_id = 1) as told
                from event where ledger_id = 1
                """
            )
            #expect(try rows[0].get("events", as: Int64.self) == 5)
            #expect(try rows[0].get("head", as: Int64.self) == 5)
            #expect(try rows[0].get("told", as: Int64.self) == 5)
        }
    }
}
