import Ledger
import Postgres
import ProjectionTestSupport
import Testing

@testable import ProjectionRuntime
@testable import Projections

@Suite("The columns of a read model")
struct TableColumnTests {
    @Test("Each table of the migrations has the columns that the program writes and reads")
    func catalog() async throws {
        try await ProjectionFixture.with { fixture in
            for table in try ReadModels.all(fixture.ledger).flatMap(\.tables) {
                let rows = try await fixture.database.reader.query(
                    """
                    select attname::text as name, atttypid::oid::int8 as type, attnotnull
                    from pg_attribute
                    where attrelid = \(table.qualifiedName)::regclass and attnum > 0
                    and not attisdropped
                    order by attnum
                    """
                )
                let columns = try rows.map { row in
                    ProjectionTable.Column(
                        name: try row.get("name"),
                        type: PostgresType(oid: UInt32(try row.get("type", as: Int64.self))),
                        isOptional: try !row.get("attnotnull", as: Bool.self)
                    )
                }
                #expect(columns == table.columns, "\(table.qualifiedName)")
            }
        }
    }

    @Test("Every key of the tables begins with the ledger and the generation")
    func keys() async throws {
        try await ProjectionFixture.with { fixture in
            let tables = try ReadModels.all(fixture.ledger).flatMap(\.tables)
            let rows = try await fixture.database.reader.query(
                """
                select i.indexrelid::regclass::text as name,
                    pg_get_indexdef(i.indexrelid, 1, true) || ', '
                        || pg_get_indexdef(i.indexrelid, 2, true) as columns
                from pg_index i
                where i.indrelid = any (\(tables.map(\.qualifiedName))::regclass[])
                """
            )
            #expect(rows.count > tables.count, "each has a key, some have an index besides")
            for row in rows {
                let name = try row.get("name", as: String.self)
                #expect(try row.get("columns") == "ledger_id, generation", "\(name)")
            }
        }
    }
}
