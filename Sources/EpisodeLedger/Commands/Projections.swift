import ArgumentParser
public import CareEpisode
import Documents
import Ledger
public import ProjectionRuntime
import Projections
import Server

struct Projections: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections",
        abstract: "Run, inspect and rebuild the read models.",
        subcommands: [Run.self, Status.self, Rebuild.self, Retry.self],
        defaultSubcommand: Status.self
    )

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep read models at the head and seal every ledger, until Ctrl-C.",
            usage: "episode-ledger projections run [<options>]",
            discussion: """
                Any number of these may run: for each read model of each ledger one holds the \
                lease and the others stand by. Likewise one seals: it takes new events into the \
                tree every 200 ms and signs a checkpoint.
                """
        )

        @Flag(help: "Bring the read models of one ledger (--ledger) to the head, and end.")
        var untilCaughtUp = false

        @Flag(help: "Leave sealing to others.")
        var withoutSealer = false

        @OptionGroup var sealing: SealingOptions

        @OptionGroup var options: LedgerOptions

        func run() async throws {
            let untilCaughtUp = untilCaughtUp
            let command = self
            try await Session.run(options, isEndedBySignal: !untilCaughtUp) { session in
                if untilCaughtUp {
                    try await Self.catchUp(session, try await session.ledger())
                } else {
                    await command.keepUp(session)
                }
            }
        }

        private static func catchUp(_ session: Session, _ ledger: LedgerDescription) async throws {
            func catchUp(_ projection: some EpisodeProjection, to head: Position) async throws {
                try await ProjectionWorker(
                    projection,
                    session.database,
                    ledger: ledger,
                    holder: Session.holder
                ).catchUp(to: head)
            }
            let head = try await EventReader(session.database, ledger: ledger).head().position
            for projection in try ReadModels.all(ledger) { try await catchUp(projection, to: head) }
        }

        /// Workers for every read model of every ledger, and its sealer, until a signal asks to end.
        private func keepUp(_ session: Session) async {
            let feeds = LiveFeeds()
            // What nobody reads keeps nothing from being folded and sealed.
            let log = LogQueue.standardError
            // Cancelled when the workers have ended.
            async let _ = HeadListener(session.database.configuration, feeds: feeds).run()
            let workers = LedgerWorkers(session.database, feeds: feeds) { ledger, work, error in
                let what = work is Sealer ? "not sealed: " : ""
                log.put(ledger.map { "\($0.name): \(what)\(error)" } ?? "\(error)")
            }
            async let _ = Self.stop(workers, when: session.shutdown)
            let (sealing, directory) = (withoutSealer ? nil : sealing, options.dataDirectory)
            await workers.run { ledger in
                var work = try ReadModels.workers(
                    session.database,
                    ledger: ledger,
                    holder: Session.holder
                )
                if let sealing {
                    let place = sealing.place(ledger.name, dataDirectory: directory)
                    work.append(session.sealer(ledger, place))
                }
                log.put("keeping the read models of \(ledger.name) at the head")
                return work
            }
            await log.flush()
        }

        private static func stop(_ workers: LedgerWorkers, when shutdown: Shutdown) async {
            while !shutdown.isRequested, !Task.isCancelled {
                await shutdown.wait(atMost: .seconds(3_600))
            }
            workers.stop()
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show where each read model stands, and its parked episodes.",
            usage: "episode-ledger projections status [<options>]"
        )

        @OptionGroup var options: LedgerOptions

        func run() async throws {
            try await Session.run(options) { session in
                let ledger = try await session.ledger()
                let all = try await ProjectionStatus.all(session.database, ledger: ledger)
                session.format.print([
                    "ledger": .string(ledger.name.description),
                    "projections": all.json,
                ]) {
                    all.isEmpty
                        ? ["No read model has been asked for yet."] : all.flatMap(\.lines)
                }
            }
        }
    }

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Build a read model anew beside the live one, and switch.",
            usage: "episode-ledger projections rebuild [<name>] [<options>]",
            discussion: """
                Queries go on meanwhile. Where the rows differ from the live ones although the \
                fold is the same, nothing is switched and the episodes are named.
                """
        )

        @Argument(
            help: "The read model; without it, all of them.",
            completion: .list(ReadModels.names)
        )
        var name: String?

        @Flag(help: "Switch although the rows differ.")
        var acceptDifferences = false

        @OptionGroup var options: LedgerOptions

        func validate() throws {
            if let name, !ReadModels.names.contains(name) {
                let known = ReadModels.names.joined(separator: ", ")
                throw ValidationError("there is no read model \(name): \(known)")
            }
        }

        func run() async throws {
            let (name, acceptDifferences) = (name, acceptDifferences)
            try await Session.run(options) { session in
                let ledger = try await session.ledger()
                for projection in try ReadModels.all(ledger)
                where name == nil || projection.name == name {
                    try await Self.rebuild(projection, session, ledger, acceptDifferences)
                }
            }
        }

        private static func rebuild<Projection: EpisodeProjection>(
            _ projection: Projection,
            _ session: Session,
            _ ledger: LedgerDescription,
            _ acceptDifferences: Bool
        ) async throws {
            let rebuild = ProjectionRebuild(
                projection,
                session.database,
                ledger: ledger,
                holder: Session.holder
            )
            let progress = ProgressBar("Rebuilding \(projection.name)", unit: "events")
            let report = try await rebuild.run(acceptDifferences: acceptDifferences) {
                progress.update($0, of: $1)
            }
            progress.finish()
            print(report, projection.name, session.format)
            try await rebuild.removeOldRows()
        }

        private static func print<Projection: EpisodeProjection>(
            _ report: ProjectionRebuild<Projection>.Report,
            _ name: String,
            _ format: OutputFormat
        ) {
            let seconds = report.foldTime / .seconds(1)
            format.print([
                "name": .string(name),
                "position": .integer(report.position.rawValue),
                "events": .integer(report.events),
                "episodes": .integer(Int64(report.episodes)),
                "parked": .integer(Int64(report.parked)),
                "differing": report.differing.json,
                "generation": .integer(Int64(report.generation)),
                "seconds": .number((seconds * 1_000).rounded() / 1_000),
            ]) {
                let differing = report.differing.map { "\($0) episodes differ from before" }
                return [
                    "Rebuilt \(name): \(Words.grouped(report.events)) events of "
                        + "\(Words.grouped(Int64(report.episodes))) episodes in \(Words.decimal(seconds)) s, "
                        + "\(differing ?? "another fold before"), \(report.parked) parked."
                ]
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fold parked episodes again.",
            usage: "episode-ledger projections retry [<options>]",
            discussion: """
                An episode whose fold failed is parked: it keeps its last good rows. This marks \
                parked episodes; the worker that holds the lease folds them with its next batch.
                """
        )

        @Option(
            help: ArgumentHelp("Only this episode; without it, all of them.", valueName: "id")
        )
        var episode: EpisodeID?

        @OptionGroup var options: LedgerOptions

        func run() async throws {
            let episode = episode
            try await Session.run(options) { session in
                let ledger = try await session.ledger()
                let marked = try await ProjectionStatus.retryParked(
                    session.database,
                    ledger: ledger,
                    name: nil,
                    episode: episode
                )
                session.format.print(["marked": .integer(Int64(marked))]) {
                    ["\(marked) parked episodes will be folded again."]
                }
            }
        }
    }
}

extension ProjectionStatus: JSONObject {
    /// What `status` and `projections status` say; `rebuild` only while one is under way.
    public static let fields: [JSONField<Self>] = [
        .init("name", \.name),
        .init("position", \.position),
        .init("head", \.head),
        .init("lag", \.lag),
        .init("generation", \.generation),
        .init("fold_version", \.foldVersion),
        .init("rebuild_needed", ReadModels.isRebuildNeeded),
        .init("lease_holder", \.leaseHolder),
        .init("parked", \.parked),
        .optional("rebuild", \.rebuild),
    ]

    /// The same for people.
    var lines: [String] {
        var line =
            "\(name): position \(Words.grouped(position.rawValue)) of \(Words.grouped(head.rawValue))"
        line += lag > 0 ? ", \(Words.grouped(lag)) behind" : ", at the head"
        if let rebuild {
            line +=
                ", rebuilding: \(Words.grouped(rebuild.folded)) of \(Words.grouped(rebuild.events)) events"
        } else if ReadModels.isRebuildNeeded(self) {
            line += ", REBUILD NEEDED"
        }
        line += leaseHolder.map { ", worker \($0)" } ?? ", no worker"
        return [line]
            + parked.map {
                "  parked \($0.episodeID) at position \($0.position): \($0.reason)"
                    + ($0.isRetryAsked ? " (retry asked)" : "")
            }
    }
}

extension ProjectionStatus.Parked: JSONObject {
    /// An episode whose fold failed, or whose rows the database refuses.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("position", \.position),
        .init("reason", \.reason),
        .init("retry_asked", \.isRetryAsked),
    ]
}

extension RebuildProgress: JSONObject {
    /// How far a rebuild is.
    public static let fields: [JSONField<Self>] = [
        .init("folded", \.folded),
        .init("events", \.events),
        .init("fold_version", \.foldVersion),
        .init("holder", \.holder),
    ]
}
