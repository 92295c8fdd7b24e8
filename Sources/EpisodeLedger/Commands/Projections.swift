import ArgumentParser
import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import Projections
import Synchronization

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
                    let ledger = try await session.ledger()
                    let head = try await EventReader(session.database, ledger: ledger).head()
                    for projection in try ReadModels.all(ledger) {
                        try await Self.catchUp(projection, session, ledger, head.position)
                    }
                } else {
                    try await Self.keepUp(session) { ledger in
                        guard !command.withoutSealer else { return nil }
                        let directory = command.options.dataDirectory
                        return session.sealer(
                            ledger,
                            command.sealing.place(ledger.name, dataDirectory: directory)
                        )
                    }
                }
            }
        }

        private static func catchUp<Projection: EpisodeProjection>(
            _ projection: Projection,
            _ session: Session,
            _ ledger: LedgerDescription,
            _ head: Position
        ) async throws {
            try await worker(projection, session, ledger).catchUp(to: head)
        }

        private static func worker<Projection: EpisodeProjection>(
            _ projection: Projection,
            _ session: Session,
            _ ledger: LedgerDescription
        ) -> ProjectionWorker<Projection> {
            ProjectionWorker(
                projection,
                session.database,
                ledger: ledger,
                holder: Session.holder
            )
        }

        /// Workers for every read model of every ledger, and its sealer, also for those that are
        /// created later.
        private static func keepUp(
            _ session: Session,
            sealer: (LedgerDescription) -> Sealer?
        ) async throws {
            let feeds = LiveFeeds()
            // Cancelled when the workers have ended.
            async let _ = HeadListener(session.database.configuration, feeds: feeds).run()
            try await withThrowingDiscardingTaskGroup { group in
                var stops: [@Sendable () -> Void] = []
                var kept: Set<LedgerID> = []
                while !session.shutdown.isRequested, !group.isCancelled, !Task.isCancelled {
                    for ledger in try await ledgers(session) where !kept.contains(ledger.id) {
                        kept.insert(ledger.id)
                        Console.note("keeping the read models of \(ledger.name) at the head")
                        if let sealer = sealer(ledger) {
                            let feed = feeds.feed(of: ledger.id)
                            stops.append { sealer.stop() }
                            group.addTask { try await seal(sealer, ledger, feed) }
                        }
                        for projection in try ReadModels.all(ledger) {
                            stops.append(
                                start(
                                    projection,
                                    ledger,
                                    feeds.feed(of: ledger.id),
                                    session,
                                    &group
                                )
                            )
                        }
                    }
                    await session.shutdown.wait(atMost: .seconds(5))
                }
                // Leases are handed back, so that the next worker need not wait for them.
                for stop in stops { stop() }
            }
        }

        /// Seals; what keeps it from that is told once, until something else does.
        private static func seal(
            _ sealer: Sealer,
            _ ledger: LedgerDescription,
            _ feed: LiveFeed
        ) async throws {
            let told = Mutex("")
            try await sealer.run(feed: feed) { error in
                let text = "\(ledger.name): not sealed: \(error)"
                let isNew = told.withLock { last in
                    defer { last = text }
                    return last != text
                }
                if isNew { Console.note(text) }
            }
        }

        /// Starts a worker; returns what stops it.
        private static func start<Projection: EpisodeProjection>(
            _ projection: Projection,
            _ ledger: LedgerDescription,
            _ feed: LiveFeed,
            _ session: Session,
            _ group: inout ThrowingDiscardingTaskGroup<any Error>
        ) -> @Sendable () -> Void {
            let worker = worker(projection, session, ledger)
            group.addTask { try await keepUp(worker, ledger, feed, session) }
            return { worker.stop() }
        }

        /// The ledgers there are; none while the database is away, which the workers wait out too.
        private static func ledgers(_ session: Session) async throws -> [LedgerDescription] {
            do {
                return try await session.database.ledgers()
            } catch let error as PostgresError where error.isTransient {
                Console.note("\(error)")
                return []
            }
        }

        /// One worker; while its read model needs a rebuild, the others go on.
        private static func keepUp<Projection: EpisodeProjection>(
            _ worker: ProjectionWorker<Projection>,
            _ ledger: LedgerDescription,
            _ feed: LiveFeed,
            _ session: Session
        ) async throws {
            var isTold = false
            while !session.shutdown.isRequested {
                do {
                    return try await worker.run(feed: feed) { error in
                        Console.note("\(ledger.name): \(error)")
                    }
                } catch let error as ProjectionError {
                    if !isTold { Console.note("\(ledger.name): \(error)") }
                    isTold = true
                    await session.shutdown.wait(atMost: .seconds(5))
                }
            }
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
                switch session.format {
                case .json:
                    let answer: AnswerJSON = [
                        "ledger": .string(ledger.name.description),
                        "projections": .array(all.map(\.json)),
                    ]
                    Console.print(answer.bytes)
                case .text:
                    for line in all.flatMap(\.lines) { Console.print(line) }
                    if all.isEmpty { Console.print("No read model has been asked for yet.") }
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
        }

        private static func print<Projection: EpisodeProjection>(
            _ report: ProjectionRebuild<Projection>.Report,
            _ name: String,
            _ format: OutputFormat
        ) {
            let parts = report.foldTime.components
            let seconds = Double(parts.seconds) + Double(parts.attoseconds) / 1e18
            switch format {
            case .json:
                let answer: AnswerJSON = [
                    "name": .string(name),
                    "position": .integer(report.position.rawValue),
                    "events": .integer(report.events),
                    "episodes": .integer(Int64(report.episodes)),
                    "parked": .integer(Int64(report.parked)),
                    "differing": report.differing.map { .integer(Int64($0)) } ?? .null,
                    "generation": .integer(Int64(report.generation)),
                    "seconds": .number((seconds * 1_000).rounded() / 1_000),
                ]
                Console.print(answer.bytes)
            case .text:
                let differing = report.differing.map { "\($0) episodes differ from before" }
                Console.print(
                    "Rebuilt \(name): \(grouped(report.events)) events of "
                        + "\(grouped(Int64(report.episodes))) episodes in \(decimal(seconds)) s, "
                        + "\(differing ?? "another fold before"), \(report.parked) parked."
                )
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
                switch session.format {
                case .json:
                    let answer: AnswerJSON = ["marked": .integer(Int64(marked))]
                    Console.print(answer.bytes)
                case .text:
                    Console.print("\(marked) parked episodes will be folded again.")
                }
            }
        }
    }
}

extension ProjectionStatus {
    /// What `status` and `projections status` say; `rebuild` only while one is under way.
    var json: AnswerJSON {
        guard let rebuild, case .object(let members) = standing else { return standing }
        return .object(
            members + [
                (
                    "rebuild",
                    [
                        "folded": .integer(rebuild.folded),
                        "events": .integer(rebuild.events),
                        "fold_version": .integer(Int64(rebuild.foldVersion)),
                        "holder": .string(rebuild.holder),
                    ]
                )
            ]
        )
    }

    private var standing: AnswerJSON {
        [
            "name": .string(name),
            "position": .integer(position.rawValue),
            "head": .integer(head.rawValue),
            "lag": .integer(lag),
            "generation": .integer(Int64(generation)),
            "fold_version": .integer(Int64(foldVersion)),
            "rebuild_needed": .bool(ReadModels.isRebuildNeeded(self)),
            "lease_holder": .text(leaseHolder),
            "parked": .array(
                parked.map {
                    [
                        "episode_id": .string($0.episodeID.description),
                        "position": .integer($0.position.rawValue),
                        "reason": .string($0.reason),
                        "retry_asked": .bool($0.isRetryAsked),
                    ]
                }
            ),
        ]
    }

    /// The same for people.
    var lines: [String] {
        var line = "\(name): position \(grouped(position.rawValue)) of \(grouped(head.rawValue))"
        line += lag > 0 ? ", \(grouped(lag)) behind" : ", at the head"
        if let rebuild {
            line += ", rebuilding: \(grouped(rebuild.folded)) of \(grouped(rebuild.events)) events"
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
