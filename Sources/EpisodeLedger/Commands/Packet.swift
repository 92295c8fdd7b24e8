import ArgumentParser
import CareEpisode
import Documents
import Glibc
import Ledger
import Projections
import TransparencyLog

struct Packet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write what an auditor takes away of one episode, with proofs.",
        usage: "episode-ledger packet --episode <id> -o <file.zip> [<options>]",
        discussion: """
            The packet has the episode's events, the proof that each is in the ledger, the signed \
            checkpoint, the read models, and how to check it with openssl and Python alone. It is \
            health information. The same state and checkpoint give the same bytes.
            """
    )

    @Option(help: ArgumentHelp("The episode's id, a UUID.", valueName: "id"))
    var episode: EpisodeID

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("The file to write; one that is there is replaced.", valueName: "file"),
        completion: .file(extensions: ["zip"])
    )
    var output: String

    @Flag(help: "Use the newest checkpoint there is, and seal nothing.")
    var noSeal = false

    @OptionGroup var sealing: SealingOptions

    @OptionGroup var disclosure: DisclosureOptions

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        let command = self
        try await Session.run(options) { session in
            let ledger = try await session.ledger()
            let place = command.sealing.place(
                ledger.name,
                dataDirectory: command.options.dataDirectory
            )
            let checkpoint = try await session.checkpoint(ledger, place, seals: !command.noSeal)
            let archive = try await EpisodePacket.archive(
                of: command.episode,
                session.database,
                ledger: ledger,
                checkpoint: checkpoint.signed
            )
            try await session.disclose(
                Disclosure(
                    operation: "getPacket",
                    episode: command.episode,
                    detail: "\(archive.events) events as of position "
                        + "\(checkpoint.signed.checkpoint.size)"
                ),
                of: ledger,
                command.disclosure
            )
            try command.write(archive.bytes)
            session.format.print([
                "file": .string(command.output),
                "episode_id": .string(command.episode.description),
                "events": .integer(Int64(archive.events)),
                "size": .integer(checkpoint.signed.checkpoint.size),
                "bytes": .integer(Int64(archive.bytes.count)),
            ]) {
                [
                    "Wrote \(Words.count(archive.events, "event")) of episode \(command.episode) to "
                        + "\(command.output), proven by the checkpoint of "
                        + "\(Words.grouped(checkpoint.signed.checkpoint.size)) events."
                ]
            }
        }
    }

    /// Whole or not at all, readable by nobody else.
    private func write(_ bytes: [UInt8]) throws {
        let new = "\(output).\(getpid()).new"
        // Others may write into the folder, and the name can be guessed.
        unlink(new)
        let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure.failed("\(output): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        if let failure = Console.write(bytes, to: descriptor) {
            unlink(new)
            throw Failure.failed("\(output): \(String(cString: strerror(failure)))")
        }
        guard rename(new, output) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(new)
            throw Failure.failed("\(output): \(reason)")
        }
    }
}
