import ArgumentParser
import CareEpisode
import Glibc
import Ledger
import TransparencyLog

/// Where the signing key and the checkpoint log are, outside the database.
struct SealingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The file with the private keys that sign checkpoints, or a folder with such a file for \
            each ledger, named LEDGER.key. (EPISODE_LEDGER_SIGNING_KEY; default: the folder \
            sealing in the data folder)
            """,
            valueName: "path"
        ),
        completion: .file()
    )
    var signingKey: String?

    @Option(
        help: ArgumentHelp(
            """
            The file in which every checkpoint is kept before it is published, or a folder with \
            such a file for each ledger, named LEDGER.checkpoints. (EPISODE_LEDGER_CHECKPOINT_LOG; \
            default: the folder sealing in the data folder)
            """,
            valueName: "path"
        ),
        completion: .file()
    )
    var checkpointLog: String?

    @Option(
        help: ArgumentHelp(
            """
            The name under which ledgers are sealed: the origin of the checkpoints of a ledger is \
            NAME/LEDGER, and never changes. Use a domain name of yours. (EPISODE_LEDGER_LOG_NAME; \
            default: episode-ledger)
            """,
            valueName: "name"
        )
    )
    var logName: String?

    private var name: String? { logName ?? Setting.logName.value }

    func validate() throws {
        if let name, !NoteVerifierKey.isName(name) {
            let source = logName == nil ? Setting.logName.place : "--log-name"
            throw ValidationError(
                "\(source) must not be empty or hold white space or a plus sign"
            )
        }
    }

    /// The files of one ledger.
    func place(_ ledger: LedgerName, dataDirectory: String) -> SealingPlace {
        let standard = "\(dataDirectory)/sealing/"
        let key = signingKey ?? Setting.signingKey.value ?? standard
        let log = checkpointLog ?? Setting.checkpointLog.value ?? standard
        return SealingPlace(
            keys: SigningKeyFile(Self.file(key, "\(ledger).key")),
            log: CheckpointLog(Self.file(log, "\(ledger).checkpoints")),
            name: name
        )
    }

    private static func file(_ path: String, _ name: String) -> String {
        if path.hasSuffix("/") { return path + name }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return path }
        return "\(path)/\(name)"
    }
}

/// What somebody brings along to hold a ledger against.
struct TrustOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A verifier key of the ledger that you have from elsewhere, or a file with such keys; \
            may be given several times. Without it the keys that come with the data count, which \
            shows that it is whole, not whose it is.
            """,
            valueName: "key"
        )
    )
    var verifierKey: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            A file with a checkpoint that you kept: what is verified must lead to it. May be given \
            several times.
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    var against: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            The time zone of the ledger's days, as you know it from elsewhere: no event says it, \
            so that read models in days of another one are found out by this alone.
            """,
            valueName: "zone"
        )
    )
    var timeZone: String?

    /// - Throws: ``Failure/refused``, told.
    func keys() throws -> [NoteVerifierKey] {
        try verifierKey.flatMap { argument -> [NoteVerifierKey] in
            do {
                if argument.contains("+") { return [try NoteVerifierKey(argument)] }
                let lines = try text(of: argument).split(whereSeparator: \.isNewline)
                let keys = try lines.map { try NoteVerifierKey($0) }
                if keys.isEmpty { throw NoteError.notAKey("the file is empty") }
                return keys
            } catch let error as NoteError {
                Console.note("error: --verifier-key \(argument): \(error)")
                throw Failure.refused
            }
        }
    }

    /// - Throws: ``Failure/refused``, told.
    func checkpoints() throws -> [SignedCheckpoint] {
        try against.map { path in
            do {
                let text = try text(of: path)
                // Also what `checkpoint --format json` prints.
                let note =
                    text.hasPrefix("{")
                    ? CanonicalObject(Array(text.utf8)).string("note") ?? "" : text
                return try SignedCheckpoint(parsing: note)
            } catch let error as NoteError {
                Console.note("error: --against \(path): \(error)")
                throw Failure.refused
            }
        }
    }

    private func text(of path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            Console.note("error: \(path): \(String(cString: strerror(errno)))")
            throw Failure.refused
        }
        defer { close(descriptor) }
        let limit = 1 << 20
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < limit {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Session {
    /// The ledger's sealer in this process.
    func sealer(_ ledger: LedgerDescription, _ place: SealingPlace) -> Sealer {
        Sealer(database, ledger: ledger, place: place, holder: Self.holder)
    }

    /// Seals a tree up to what there is, unless that is not wanted, and returns the newest checkpoint.
    ///
    /// - Throws: ``SealError``, also where the ledger has no checkpoint.
    func checkpoint(
        _ ledger: LedgerDescription,
        _ place: SealingPlace,
        of tree: LedgerTree = .events,
        seals: Bool
    ) async throws -> PublishedCheckpoint {
        if seals, tree == .events {
            let head = try await EventReader(database, ledger: ledger).head().position
            guard head > .zero else {
                throw Failure.failed("the ledger \(ledger.name) is empty: there is nothing to seal")
            }
            let progress = ProgressBar("Sealing", unit: "events")
            _ = try await sealer(ledger, place).seal(upTo: head) {
                progress.update($0, of: head.rawValue)
            }
            progress.finish()
        } else if seals {
            let newest = try await sealer(ledger, place).sealAccessLog()
            guard newest != nil else {
                throw Failure.failed(
                    "the access log of \(ledger.name) is empty: there is nothing to seal"
                )
            }
        }
        guard let newest = try await PublishedCheckpoint.newest(database, ledger, tree) else {
            throw SealError.notSealed(ledger.name)
        }
        return newest
    }
}
