import ArgumentParser
import CareEpisode
import Ledger
import Migrations
import ProjectionRuntime

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to the schema of this program.",
        usage: "episode-ledger migrate [<options>]",
        discussion: """
            Applies pending migrations in order, each in its own transaction under a lock, and \
            prints them. Safe to run from any number of processes at once. Connect as the owner of \
            the database with CREATEROLE, or with the four roles made and granted by an administrator.
            """
    )

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        try await Session.run(options, migrates: true) { session in
            try await Session.withMigrator(session.database.configuration) { migrator in
                var applied: [Migration] = []
                try await migrator.migrate { migration in
                    applied.append(migration)
                    if session.format == .text {
                        Console.print("applied \(migration.number) \(migration.name)")
                    }
                }
                switch session.format {
                case .text:
                    Console.print("The schema is at version \(Migration.all.count).")
                case .json:
                    let answer: AnswerJSON = [
                        "applied": .array(
                            applied.map {
                                [
                                    "number": .integer(Int64($0.number)),
                                    "name": .string($0.name),
                                ]
                            }
                        ),
                        "schema_version": .integer(Int64(Migration.all.count)),
                    ]
                    Console.print(answer.bytes)
                }
            }
        }
    }
}
