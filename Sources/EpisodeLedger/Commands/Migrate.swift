import ArgumentParser
import CareEpisode
import Ledger
import Migrations

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to the schema of this program.",
        usage: "episode-ledger migrate [<options>]",
        discussion: """
            Applies pending migrations in order, each in its own transaction under a lock, puts in \
            place the functions and views that are older than this program's, and prints them. Safe to run from any number of processes at once. Connect as the owner of \
            the database with CREATEROLE, or with the five roles made and granted by an administrator.
            """
    )

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        try await Session.run(options, migrates: true) { session in
            try await Session.withMigrator(session.database.configuration) { migrator in
                var (applied, inPlace): ([AnswerJSON], [AnswerJSON]) = ([], [])
                try await migrator.migrate { change in
                    let line: String
                    switch change {
                    case .migration(let one):
                        applied.append([
                            "number": .integer(Int64(one.number)), "name": .string(one.name),
                        ])
                        line = "applied \(one.number) \(one.name)"
                    case .object(let one):
                        inPlace.append([
                            "name": .string(one.name), "revision": .integer(Int64(one.revision)),
                        ])
                        line = "put in place \(one.name), revision \(one.revision)"
                    }
                    if session.format == .text { Console.print(line) }
                }
                session.format.print([
                    "applied": .array(applied),
                    "put_in_place": .array(inPlace),
                    "schema_version": .integer(Int64(Migration.all.count)),
                ]) {
                    ["The schema is at version \(Migration.all.count)."]
                }
                try await Session.warn(of: migrator)
            }
        }
    }
}
