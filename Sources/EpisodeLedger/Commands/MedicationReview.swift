import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

struct MedicationReviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "medication-review",
        abstract: "Show what is taken, held and scheduled, with what is doubtful about it.",
        usage: """
            episode-ledger medication-review --episode <id> [<options>]
            episode-ledger medication-review --program <program> [<options>]
            episode-ledger medication-review --episode <id> --diff <time> <time>
            """,
        discussion: """
            The medications of one episode, or of every episode with a stay in force in a \
            programme, the flagged first. Classes are known from published value sets; what no \
            list knows is said to be not assessed. Flags help a reviewer and decide nothing.
            """
    )

    @Option(help: ArgumentHelp("The episode's id, a UUID.", valueName: "id"))
    var episode: EpisodeID?

    @Option(help: "The programme whose episodes are reviewed.")
    var program: String?

    @Option(
        help: ArgumentHelp(
            """
            What was taken at this time; what takes effect later is scheduled. Without it, now. A \
            date means its 24:00 in the ledger's zone.
            """,
            valueName: "time"
        )
    )
    var effectiveAt: TimeArgument?

    @Option(
        help: ArgumentHelp(
            "Days without any entry about a medication after which it is flagged, 1 to 366.",
            valueName: "n"
        )
    )
    var notReviewedDays = 14

    @OptionGroup var options: ReadModelOptions

    func validate() throws {
        guard (episode == nil) != (program == nil) else {
            throw ValidationError("give --episode or --program")
        }
        guard (1...366).contains(notReviewedDays) else {
            throw ValidationError("--not-reviewed-days must be from 1 to 366")
        }
    }

    func run() async throws {
        let command = self
        try await Session.run(options.ledger) { session in
            let asked = try await ReadModelSession(
                session,
                command.options,
                isOfEpisode: command.episode != nil
            ) {
                try MedicationReviewProjection($0)
            }
            try await command.print(asked)
        }
    }

    private func print(_ asked: ReadModelSession) async throws {
        let effectiveAt = effectiveAt?.instant(asked.calendar) ?? .now
        let query = try MedicationReviewQuery(
            asked.session.database,
            ledger: asked.ledger,
            settings: MedicationReview.Settings(notReviewedDays: notReviewedDays)
        )
        if try await printDifference(asked, query, effectiveAt) { return }
        if let episode {
            let answer = try await query.episode(
                episode,
                effectiveAt: effectiveAt,
                knowledge: asked.knowledge
            )
            switch asked.session.format {
            case .json: Console.print(answer.json(asked.ledger).bytes)
            default: MedicationReviewText(answer, asked).print()
            }
        } else if let program {
            let answer = try await query.program(
                program,
                effectiveAt: effectiveAt,
                knowledge: asked.knowledge
            )
            switch asked.session.format {
            case .json: Console.print(answer.json(asked.ledger).bytes)
            default: Self.printText(answer, asked)
            }
        }
    }

    private func printDifference(
        _ asked: ReadModelSession,
        _ query: MedicationReviewQuery,
        _ effectiveAt: Instant
    ) async throws -> Bool {
        let namesEpisodes = episode == nil
        let subject: (name: String, value: AnswerJSON) =
            episode.map { ("episode_id", .string($0.description)) } ?? ("program", .text(program))
        return try await asked.printDifference(
            of: episode.map { [$0] },
            [subject, ("effective_at", .instant(effectiveAt))],
            fold: query.fold(effectiveAt: effectiveAt, enrolledIn: program),
            items: {
                query.items($0, effectiveAt: effectiveAt, namesEpisodes: namesEpisodes)
            }
        )
    }

    // MARK: - A programme, for people

    private static func printText(_ worklist: MedicationWorklist, _ asked: ReadModelSession) {
        Console.print(
            "Medication review of \(worklist.program), ledger \(asked.ledger.name), at "
                + "\(worklist.effectiveAt): \(counted(worklist.episodes.count, "episode"))"
        )
        Console.print("")
        var table = TextTable([
            ("EPISODE", .left), ("CLIENT", .left), ("LEVEL OF CARE", .left), ("ACTIVE", .right),
            ("HELD", .right), ("SCHEDULED", .right), ("NOT ASSESSED", .right), ("FLAGS", .left),
        ])
        for episode in worklist.episodes {
            let review = episode.review
            table.add([
                episode.episodeID.description,
                episode.clientID,
                episode.levelOfCare.rawValue,
                String(review.active.count),
                String(review.held.count),
                String(review.scheduled.count),
                String((review.active + review.held).filter { !$0.assessment.isAssessed }.count),
                flags(review.flags),
            ])
        }
        if !worklist.episodes.isEmpty {
            table.print()
            Console.print("")
        }
        // A flag of a combination is never read without what to make of it.
        for episode in worklist.episodes {
            for flag in episode.review.flags where flag.flag == .opioidAndBenzodiazepine {
                Console.print("\(episode.episodeID): \(flag.text)")
            }
        }
        Console.print(asked.note(worklist.basis))
    }

    /// Every kind once, with how often it is raised.
    private static func flags(_ flags: [MedicationFlag]) -> String {
        MedicationFlag.Flag.allCases.compactMap { kind in
            let count = flags.filter { $0.flag == kind }.count
            return count == 0 ? nil : count == 1 ? kind.rawValue : "\(kind.rawValue) (\(count))"
        }.joined(separator: " ")
    }
}
