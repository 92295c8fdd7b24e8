import ArgumentParser
import CareEpisode
import Documents
import Ledger
import ProjectionRuntime
import Projections
import TransparencyLog

struct Checkpoint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Seal the ledger up to its head and print the signed checkpoint.",
        usage: """
            episode-ledger checkpoint [<options>]
            episode-ledger checkpoint --verifier-key
            episode-ledger checkpoint --export <folder> [--with-events]
            episode-ledger checkpoint --access-log [<options>]
            episode-ledger checkpoint --add-key | --retire-key <key>
            episode-ledger checkpoint --declare-restore <reason>
            """,
        discussion: """
            A checkpoint is a text of a few lines: the log's name, how many events it has, the root \
            of the tree over all of them, and a signature. Whoever keeps one can prove later that \
            nothing up to it was changed. The text is printed as it is, also into a pipe; --format \
            json prints it as a member of an object.
            """
    )

    @Flag(help: "Print the public keys that sign now, one a line.")
    var verifierKey = false

    @Option(
        help: ArgumentHelp(
            """
            Write the log into a folder that any client of C2SP tlog-tiles can check, without \
            health information; adds to an older export in the folder.
            """,
            valueName: "folder"
        ),
        completion: .directory
    )
    var export: String?

    @Flag(
        help: """
            With --export: the events too, with headers and payloads, which are health information, \
            and the rows of the census.
            """
    )
    var withEvents = false

    @Flag(
        help: """
            The same of the access log, which has a tree and keys of its own; its export holds the \
            entries themselves, for auditors alone.
            """
    )
    var accessLog = false

    @Flag(help: "Make another key, which from now on signs beside the others.")
    var addKey = false

    @Option(
        help: ArgumentHelp("Let a key sign no more: its text, or its hash.", valueName: "key")
    )
    var retireKey: String?

    @Option(
        help: ArgumentHelp(
            """
            Declare that the database was restored from a backup that lacks sealed events, why, in \
            one line without health information; a new log with a new key begins.
            """,
            valueName: "reason"
        )
    )
    var declareRestore: String?

    @Flag(help: "Print what is sealed, and seal nothing.")
    var noSeal = false

    @OptionGroup var sealing: SealingOptions

    @OptionGroup var disclosure: DisclosureOptions

    @OptionGroup var options: LedgerOptions

    func validate() throws {
        let modes = [verifierKey, export != nil, addKey, retireKey != nil, declareRestore != nil]
        if modes.filter({ $0 }).count > 1 {
            throw ValidationError(
                "give one of --verifier-key, --export, --add-key, --retire-key, --declare-restore"
            )
        }
        if accessLog && (withEvents || declareRestore != nil) {
            throw ValidationError("--access-log goes without --with-events and --declare-restore")
        }
        if withEvents && export == nil { throw ValidationError("--with-events goes with --export") }
        if disclosure.unlogged && !withEvents && !(accessLog && export != nil) {
            throw ValidationError(
                "--unlogged goes with --with-events, or with --access-log --export"
            )
        }
        if noSeal && (addKey || retireKey != nil || declareRestore != nil) {
            throw ValidationError("--no-seal goes with the checkpoint, --verifier-key or --export")
        }
    }

    func run() async throws {
        let command = self
        try await Session.run(options) { session in
            let ledger = try await session.ledger()
            let place = command.sealing.place(
                ledger.name,
                dataDirectory: command.options.dataDirectory
            )
            try await command.run(session, ledger, place)
        }
    }

    private func run(
        _ session: Session,
        _ ledger: LedgerDescription,
        _ place: SealingPlace
    ) async throws {
        let sealer = session.sealer(ledger, place)
        if let declareRestore {
            let note = try await sealer.declareRestore(reason: declareRestore)
            return Console.write(Array(note.description.utf8))
        }
        if addKey {
            let key = try await sealer.addKey(to: tree)
            return Console.print("\(key)")
        }
        if let retireKey {
            let keys = try await registered(session, ledger)
            let named = keys.filter {
                $0.description == retireKey || $0.hexadecimalHash == retireKey
            }
            guard let key = named.first, named.count == 1 else {
                Console.note("error: --retire-key \(retireKey) names no key that signs now")
                throw Failure.refused
            }
            return try await sealer.retireKey(key, of: tree)
        }
        // The rows first, so that the checkpoint covers what they reflect.
        let stays = withEvents ? try await Self.stays(session, ledger) : nil
        let checkpoint = try await session.checkpoint(
            ledger,
            place,
            of: tree,
            seals: !noSeal
        )
        if let export {
            try await write(checkpoint, stays, to: export, session, ledger)
        } else if verifierKey {
            for key in try await keys(session, ledger, place) { Console.print("\(key)") }
        } else if options.format == .json {
            Console.print(try await json(checkpoint, session, ledger, place).bytes)
        } else {
            Console.write(Array(checkpoint.signed.note.description.utf8))
        }
    }

    private var tree: LedgerTree { accessLog ? .access : .events }

    /// The keys that sign now, by the database.
    private func registered(
        _ session: Session,
        _ ledger: LedgerDescription
    ) async throws -> [NoteVerifierKey] {
        switch tree {
        case .events: try await SealStatus.keys(session.database, ledger: ledger)
        case .access: try await AccessStatus.keys(session.database, ledger: ledger)
        }
    }

    /// The keys that sign now, to be handed out: whoever owns the database could have registered others.
    ///
    /// - Throws: ``Failure`` where the file with the private keys does not have one of them.
    private func keys(
        _ session: Session,
        _ ledger: LedgerDescription,
        _ place: SealingPlace
    ) async throws -> [NoteVerifierKey] {
        let keys = try await registered(session, ledger)
        let held = try place.keys.keys().map(\.verifierKey)
        if held.isEmpty && verifierKey {
            Console.note(
                "note: \(place.keys.path) is not here: these keys are what the database says. "
                    + "Hand them out from where the private keys are"
            )
        } else if !held.isEmpty, let foreign = keys.first(where: { !held.contains($0) }) {
            throw Failure.failed(
                "the database registers \(foreign), and \(place.keys.path) does not hold its private "
                    + "half: hand out no key until it is known who made it"
            )
        }
        return keys
    }

    private func json(
        _ checkpoint: PublishedCheckpoint,
        _ session: Session,
        _ ledger: LedgerDescription,
        _ place: SealingPlace
    ) async throws -> AnswerJSON {
        let tree = checkpoint.signed.checkpoint
        let keys = try await self.keys(session, ledger, place)
        return [
            "ledger": .string(ledger.name.description),
            "origin": .string(tree.origin),
            "size": .integer(tree.size),
            "root": .string("\(tree.root)"),
            "note": .string(checkpoint.signed.note.description),
            "sealed_at": .instant(checkpoint.sealedAt),
            "verifier_keys": .array(keys.map { .string("\($0)") }),
        ]
    }

    /// The rows of the census, caught up first.
    private static func stays(
        _ session: Session,
        _ ledger: LedgerDescription
    ) async throws -> CensusStays {
        let worker = ProjectionWorker(
            try CensusProjection(ledger),
            session.database,
            ledger: ledger,
            holder: Session.holder
        )
        let head = try await EventReader(session.database, ledger: ledger).head().position
        try await worker.catchUp(to: head)
        return try await CensusStays(session.database, ledger: ledger)
    }

    /// What an outsider needs to fold the census again.
    private static func documents(
        _ stays: CensusStays,
        _ ledger: LedgerDescription
    ) -> [EpisodePacket.Document] {
        let basis: AnswerJSON = [
            "position": .integer(stays.basis.position.rawValue),
            "time_zone": .string(ledger.timeZone),
            "parked": stays.basis.parked.json,
        ]
        return [
            EpisodePacket.Document(name: "read-models/basis.json", bytes: basis.bytes + [0x0A]),
            EpisodePacket.Document(name: "read-models/stays.ndjson", bytes: stays.lines),
        ]
    }

    private func write(
        _ checkpoint: PublishedCheckpoint,
        _ stays: CensusStays?,
        to folder: String,
        _ session: Session,
        _ ledger: LedgerDescription
    ) async throws {
        let export = LogExport(
            session.database,
            ledger: ledger,
            tree: tree,
            to: folder,
            includesEvents: withEvents,
            documents: stays.map { Self.documents($0, ledger) } ?? []
        )
        let progress = ProgressBar("Exporting", unit: accessLog ? "entries" : "events")
        let size = checkpoint.signed.checkpoint.size
        if let stays, stays.basis.position.rawValue > size {
            throw Failure.failed(
                "the census reflects \(stays.basis.position) events, the checkpoint covers \(size): "
                    + "export without --no-seal"
            )
        }
        if withEvents || accessLog {
            let told =
                accessLog
                ? Disclosure(operation: "exportAccessLog", detail: "entries up to number \(size)")
                : Disclosure(operation: "exportLog", detail: "events up to position \(size)")
            try await session.disclose(told, of: ledger, disclosure)
        }
        let report = try await export.run(checkpoint.signed) { progress.update($0, of: size) }
        progress.finish()
        session.format.print([
            "folder": .string(folder),
            "size": .integer(report.size),
            "kept": .integer(report.kept),
            "files": .integer(Int64(report.files)),
        ]) {
            [
                "Exported \(Words.grouped(report.size)) \(accessLog ? "entries" : "events") to \(folder), "
                    + "\(Words.grouped(report.kept)) of them there already; "
                    + "\(Words.grouped(Int64(report.files))) files written."
            ]
        }
    }
}
