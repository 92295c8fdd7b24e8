import Postgres

/// What a database says of its schema: the migrations that were applied, and the functions and views
/// that are in place.
struct AppliedSchema {
    /// The only encoding that has every character of an event.
    static let encoding = "UTF8"

    /// Whether there is a table of what was applied.
    private(set) var hasRegister = false
    /// The database's encoding, where it lacks characters.
    private(set) var otherEncoding: String?
    private(set) var migrations: [(number: Int, checksum: String)] = []
    private(set) var objects: [String: (revision: Int, checksum: String)] = [:]

    /// Looks, by two statements at most; to look takes no privilege where there is nothing yet.
    init(_ query: (SQL) async throws -> PostgresRows) async throws {
        let present = try await query(
            """
            select to_regclass('public.schema_migration') is not null as migrations,
                to_regclass('public.schema_object') is not null as objects,
                current_setting('server_encoding') as encoding
            """
        )
        guard let present = present.first else { return }
        hasRegister = try present.get("migrations")
        let encoding = try present.get("encoding", as: String.self)
        otherEncoding = encoding == Self.encoding ? nil : encoding
        if hasRegister {
            let rows = try await query(
                "select number, checksum from public.schema_migration order by number"
            )
            migrations = try rows.map { row in
                (Int(try row.get("number", as: Int32.self)), try row.get("checksum"))
            }
        }
        if try present.get("objects") {
            let rows = try await query(
                "select name, revision, checksum from public.schema_object order by name"
            )
            for row in rows {
                objects[try row.get("name")] = (
                    Int(try row.get("revision", as: Int32.self)), try row.get("checksum")
                )
            }
        }
    }

    /// What of a program's schema is missing here: the first migration, and the objects that are not in
    /// place or of a lower revision.
    func missing(
        of known: [Migration],
        _ knownObjects: [SchemaObject]
    ) -> (migration: Migration?, objects: [SchemaObject]) {
        let next = migrations.count < known.count ? known[migrations.count] : nil
        return (next, knownObjects.filter { (objects[$0.name]?.revision ?? 0) < $0.revision })
    }

    /// Refuses what is not the schema of a program, nor an older one.
    ///
    /// - Throws: ``MigrationError`` where something is edited or newer.
    func check(_ known: [Migration], _ knownObjects: [SchemaObject]) throws {
        if migrations.isEmpty, let otherEncoding { throw MigrationError.encoding(otherEncoding) }
        for (index, applied) in migrations.enumerated() {
            guard index < known.count else {
                let newest = migrations.last?.number ?? applied.number
                throw MigrationError.newer(applied: newest, known: known.count)
            }
            guard known[index].number == applied.number, known[index].checksum == applied.checksum
            else {
                throw MigrationError.edited(number: known[index].number, name: known[index].name)
            }
        }
        for (name, applied) in objects.sorted(by: { $0.key < $1.key }) {
            let known = knownObjects.first { $0.name == name }
            guard let known, known.revision >= applied.revision else {
                throw MigrationError.newerObject(
                    name: name,
                    revision: applied.revision,
                    known: known?.revision ?? 0
                )
            }
            guard known.revision > applied.revision || known.checksum == applied.checksum else {
                throw MigrationError.editedObject(name: name, revision: applied.revision)
            }
        }
    }
}
