import Ledger
import Postgres
import ProjectionRuntime
import Projections
import TestSupport

extension Forger {
    /// Changes a row of a read model, or deletes it, and may say that its episode is parked.
    mutating func readModel() async throws -> (Int64?, String) {
        var tables = try sealed.readModelTables()
        if onlyExported { tables = tables.filter { $0.contains("census_stay") } }
        while true {
            let table = pick(tables)
            let rows = try await connection.query(
                "select count(*) as count from \(raw: table) where ledger_id = \(raw: id)"
            )
            let count = try rows.first?.get("count", as: Int64.self) ?? 0
            guard count > 0 else { continue }
            let row = """
                ctid = (
                    select ctid from \(table) where ledger_id = \(id)
                    order by episode_id, ctid
                    offset \(Int64.random(in: 0..<count, using: &random)) limit 1
                )
                """
            // An export has what the events of a parked episode lead to, whatever its rows are.
            let parked = !onlyExported && random.happens(0.4)
            if parked { try await park(table, row) }
            let excuse = parked ? ", said to be parked" : ""
            if random.happens(parked ? 0.5 : 0.15) {
                try await run("delete from \(table) where \(row)")
                return (nil, "a row of \(table) deleted\(excuse)")
            }
            let (column, value) = try await columnChange(of: table)
            try await run("update \(table) set \(column) = \(value) where \(row)")
            return (nil, "\(column) of \(table)\(excuse)")
        }
    }

    /// Says of the episode of a row that it is parked.
    private func park(_ table: String, _ row: String) async throws {
        for projection in try ReadModels.all(sealed.ledger)
        where projection.tables.contains(where: { $0.qualifiedName == table }) {
            try await run(
                """
                insert into read_model_parked
                    (ledger_id, name, generation, episode_id, position, reason)
                select t.ledger_id, '\(projection.name)', t.generation, t.episode_id,
                    \(sealed.size), 'the database refuses its rows: SQLSTATE 23514 check_violation'
                from \(table) t where \(row)
                """
            )
        }
    }

    /// The columns of the stays of which an export shows nothing: of its tracks, it shows the last.
    private static let notExported = ["track", "opened_by", "schedules", "schedule_at"]

    private mutating func columnChange(of table: String) async throws -> (String, String) {
        let name = String(table.split(separator: ".")[1])
        let rows = try await connection.query(
            """
            select column_name::text as name, udt_name::text as type from information_schema.columns
            where table_schema = 'read_model' and table_name = \(name)
            and column_name <> 'ledger_id'
            and not (\(onlyExported) and column_name = any(\(Self.notExported)))
            order by ordinal_position
            """
        )
        let row = rows[Int.random(in: 0..<rows.count, using: &random)]
        let column = try row.get("name", as: String.self)
        let type = try row.get("type", as: String.self)
        let value =
            switch type {
            case "int4", "int8", "float8": "coalesce(\(column), 0) + 1000"
            case "bool": "not coalesce(\(column), false)"
            case "uuid": "gen_random_uuid()"
            case "_text": "array_append(\(column), 'x')"
            case "_int4", "_int8": "array_append(\(column), 1)"
            default: "coalesce(\(column), '') || 'x'"
            }
        return (column, value)
    }
}
