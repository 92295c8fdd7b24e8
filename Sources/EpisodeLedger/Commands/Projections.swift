import ArgumentParser
import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import Projections

struct Projections: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections",
        abstract: "Run, inspect and rebuild the read models.",
        subcommands: [Run.self, Status.self, Rebuild.self, Retry.self],
        defaultSubcommand: Status.self
    )

    /// The names of all read models.
    static let names = [CensusProjection.name]

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep the read models of every ledger at the head, until Ctrl-C.",
            usage: "episode-ledger projections run [<options>]",
            discussion: """
                Any number of these may run: for each read model of each ledger one holds the \
                lease and the others stand by.
                """
        )

        @Flag(help: "Bring the read models of one ledger (--ledger) to the head, and end.")
        var untilCaughtUp = false

        @OptionGroup var options: LedgerOptions

        func run() async throws {
            let untilCaughtUp = untilCaughtUp
            try await Session.run(options, isEndedBySignal: !untilCaughtUp) { session in
                if untilCaughtUp {
                    let ledger = try await session.ledger()
                    let head = try await EventReader(session.database, ledger: ledger).head()
                    try await Self.worker(session, ledger).catchUp(to: head.position)
                } else {
                    try await Self.keepUp(session)
                }
            }
        }

        private static func worker(
            _ session: Session,
            _ ledger: LedgerDescription
        ) throws -> ProjectionWorker<CensusProjection> {
            ProjectionWorker(
                try CensusProjection(ledger),
                session.database,
                ledger: ledger,
                holder: Session.holder
            )
        }

        /// Workers for every ledger, also for those that are created later.
        private static func keepUp(_ session: Session) async throws {
            let feeds = LiveFeeds()
            // Cancelled when the workers have ended.
            async let _ = HeadListener(session.database.configuration, feeds: feeds).run()
            try await withThrowingDiscardingTaskGroup { group in
                var workers: [LedgerID: ProjectionWorker<CensusProjection>] = [:]
                while !session.shutdown.isRequested, !group.isCancelled, !Task.isCancelled {
                    for ledger in try await ledgers(session) where workers[ledger.id] == nil {
                        let worker = try worker(session, ledger)
                        workers[ledger.id] = worker
                        Console.note("keeping the read models of \(ledger.name) at the head")
                        group.addTask {
                            try await keepUp(worker, ledger, feeds.feed(of: ledger.id), session)
                        }
                    }
                    await session.shutdown.wait(atMost: .seconds(5))
                }
                // Leases are handed back, so that the next worker need not wait for them.
                for worker in workers.values { worker.stop() }
            }
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

        /// One ledger's worker; while its read model needs a rebuild, those of the others go on.
        private static func keepUp(
            _ worker: ProjectionWorker<CensusProjection>,
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

        @Argument(help: "The read model; without it, all of them.", completion: .list(names))
        var name: String?

        @Flag(help: "Switch although the rows differ.")
        var acceptDifferences = false

        @OptionGroup var options: LedgerOptions

        func validate() throws {
            if let name, !names.contains(name) {
                let known = names.joined(separator: ", ")
                throw ValidationError("there is no read model \(name): \(known)")
            }
        }

        func run() async throws {
            let acceptDifferences = acceptDifferences
            try await Session.run(options) { session in
                let ledger = try await session.ledger()
                let rebuild = ProjectionRebuild(
                    try CensusProjection(ledger),
                    session.database,
                    ledger: ledger,
                    holder: Session.holder
                )
                let progress = ProgressBar("Rebuilding", unit: "events")
                let report = try await rebuild.run(acceptDifferences: acceptDifferences) {
                    progress.update($0, of: $1)
                }
                progress.finish()
                Self.print(report, session.format)
            }
        }

        private static func print(
            _ report: ProjectionRebuild<CensusProjection>.Report,
            _ format: OutputFormat
        ) {
            let parts = report.foldTime.components
            let seconds = Double(parts.seconds) + Double(parts.attoseconds) / 1e18
            switch format {
            case .json:
                let answer: AnswerJSON = [
                    "name": .string(CensusProjection.name),
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
                    "Rebuilt \(CensusProjection.name): \(grouped(report.events)) events of "
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
    /// What `status` and `projections status` say.
    var json: AnswerJSON {
        [
            "name": .string(name),
            "position": .integer(position.rawValue),
            "head": .integer(head.rawValue),
            "lag": .integer(lag),
            "generation": .integer(Int64(generation)),
            "fold_version": .integer(Int64(foldVersion)),
            "rebuild_needed": .bool(isRebuildNeeded),
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

    /// Whether this program's fold is another than the one that filled the tables.
    var isRebuildNeeded: Bool {
        name == CensusProjection.name && foldVersion != CensusProjection.foldVersion
    }

    /// The same for people.
    var lines: [String] {
        var line = "\(name): position \(grouped(position.rawValue)) of \(grouped(head.rawValue))"
        line += lag > 0 ? ", \(grouped(lag)) behind" : ", at the head"
        line += isRebuildNeeded ? ", REBUILD NEEDED" : ""
        line += leaseHolder.map { ", worker \($0)" } ?? ", no worker"
        return [line]
            + parked.map {
                "  parked \($0.episodeID) at position \($0.position): \($0.reason)"
                    + ($0.isRetryAsked ? " (retry asked)" : "")
            }
    }
}
