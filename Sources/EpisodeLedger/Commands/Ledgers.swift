import ArgumentParser
import CareEpisode
import Documents
import Ledger

struct Ledgers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the ledgers of the database, create one, or set what it goes by.",
        subcommands: [List.self, Create.self, Settings.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the ledgers.",
            usage: "episode-ledger ledgers list [<options>]"
        )

        @OptionGroup var options: LedgerOptions

        func run() async throws {
            try await Session.run(options) { session in
                var entries: [(ledger: LedgerDescription, head: Position)] = []
                for ledger in try await session.database.ledgers() {
                    let head = try await EventReader(session.database, ledger: ledger).head()
                    entries.append((ledger, head.position))
                }
                switch session.format {
                case .json:
                    let answer: AnswerJSON = [
                        "ledgers": .array(entries.map { $0.ledger.json(head: $0.head) })
                    ]
                    Console.print(answer.bytes)
                case .text:
                    let rows = entries.map { ledger, head in
                        [ledger.name.description, ledger.timeZone, Words.grouped(head.rawValue)]
                    }
                    let table = Document.Block.wide(
                        ["Ledger", "Time zone", .number("Events")],
                        rows
                    )
                    Console.print(Document("Ledgers", isTitleShown: false, [table]))
                }
            }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a ledger.",
            usage: "episode-ledger ledgers create <name> --time-zone <zone> [<options>]",
            discussion: """
                A ledger holds the episodes of one organization. Its time zone decides where its \
                days, weeks and midnights begin, and cannot be changed later.
                """
        )

        @Argument(help: "Lower-case letters, digits, - and _, at most 63.")
        var name: LedgerName

        @Option(
            help: ArgumentHelp("IANA name, such as America/New_York.", valueName: "zone")
        )
        var timeZone: String

        @OptionGroup var options: LedgerOptions

        func run() async throws {
            let (name, timeZone) = (name, timeZone)
            do {
                _ = try LocalCalendar(timeZone: timeZone)
            } catch {
                throw ValidationError("--time-zone: \(error)")
            }
            try await Session.run(options) { session in
                let ledger = try await session.database.createLedger(
                    named: name,
                    timeZone: timeZone
                )
                session.format.print(ledger.json(head: .zero)) {
                    ["Created ledger \(name) in \(ledger.timeZone)."]
                }
            }
        }
    }
}

extension LedgerDescription {
    fileprivate func json(head: Position) -> AnswerJSON {
        [
            "name": .string(name.description),
            "time_zone": .string(timeZone),
            "head": .integer(head.rawValue),
        ]
    }
}
