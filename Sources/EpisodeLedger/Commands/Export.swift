import ArgumentParser
import CareEpisode
import Ledger

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print recorded events in order, one JSON object a line.",
        usage: "episode-ledger export [<options>]",
        discussion: """
            Each line is the event as it was recorded, byte for byte, with its position, version, \
            recorded time and leaf hash. --as-import prints lines that `import` takes instead. After \
            a declared restore positions are counted anew: then --after takes 2.1234, after the \
            second restore 3.1234.
            """
    )

    @Option(help: ArgumentHelp("Begin after this position.", valueName: "position"))
    var after = Cursor.beginning

    @Option(
        help: ArgumentHelp(
            "End with this position; without it, with the head.",
            valueName: "position"
        )
    )
    var until: Int64?

    @OptionGroup var types: TypeOptions

    @Flag(help: "Print lines for `import`, the recorded time as source_recorded_at.")
    var asImport = false

    @OptionGroup var disclosure: DisclosureOptions

    @OptionGroup var options: LedgerOptions

    func validate() throws {
        if let until, until < 1 { throw ValidationError("--until must be 1 or more") }
    }

    func run() async throws {
        let (after, until, filter, asImport) = (after, until, types.filter, asImport)
        let disclosure = disclosure
        try await Session.run(options) { session in
            let ledger = try await session.ledger()
            let reader = EventReader(session.database, ledger: ledger)
            let newest = try await reader.check(after)
            let head = newest.position
            if after.position > head {
                Console.note("this replica has \(head) events: there is nothing after \(after) yet")
            }
            let end = min(head, until.map { Position(rawValue: $0) } ?? head)
            try await session.disclose(
                Disclosure(
                    operation: "listEvents",
                    detail: "after=\(after); events up to position \(end)"
                ),
                of: ledger,
                disclosure
            )
            let progress = ProgressBar("Exporting", unit: "positions")
            let first = after.position
            try await reader.forEachPage(after: first, until: end, types: filter) { page in
                var lines: [UInt8] = []
                for event in page.events {
                    if asImport {
                        lines += try event.importLine()
                    } else {
                        event.writeServed(to: &lines)
                    }
                    lines.append(0x0A)
                }
                Console.write(lines)
                let done = page.nextAfter.rawValue - first.rawValue
                progress.update(done, of: end.rawValue - first.rawValue)
            }
            progress.finish()
        }
    }
}
