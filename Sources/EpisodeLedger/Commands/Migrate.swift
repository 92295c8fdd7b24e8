import ArgumentParser
import CareEpisode
import Ledger
import Migrations

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to the schema of this program.",
        usage: "episode-ledger migrate [--finish] [<options>]",
        discussion: """
            Applies pending migrations in order, each in its own transaction under a lock, puts in \
            place the functions and views that are older than this program's, and prints them. Safe to run from any number of processes at once. Connect as the owner of \
            the database with CREATEROLE, or with the five roles made and granted by an administrator.
            """
    )

    @Flag(
        help: ArgumentHelp(
            "Then take away the privileges that only older programs need.",
            discussion: """
                Once the new program runs everywhere. Refused while a session of an older one is connected.
                """
        )
    )
    var finish = false

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
                if finish { try await migrator.finish() }
                let roles = try await migrator.roleStatus()
                session.format.print([
                    "applied": .array(applied),
                    "put_in_place": .array(inPlace),
                    "schema_version": .integer(Int64(Migration.all.count)),
                    "finished": .bool(roles == .finished),
                ]) {
                    ["The schema is at version \(Migration.all.count)."] + roles.lines
                }
                try await Session.warn(of: migrator)
            }
        }
    }
}
