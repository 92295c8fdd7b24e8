import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

struct ReplayEpisode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Show an episode's history with both clocks, and the state it leads to.",
        usage: """
            episode-ledger replay --episode <id> [<options>]
            episode-ledger replay --episode <id> --diff <time> <time> [<options>]
            """,
        discussion: """
            Every event is shown with when it happened and when it became known, also those that \
            were corrected or retracted later. --diff compares two knowledge times.
            """
    )

    @Option(help: ArgumentHelp("The episode's id, a UUID.", valueName: "id"))
    var episode: EpisodeID

    @OptionGroup var knowledge: KnowledgeOptions

    @Option(help: ArgumentHelp("Only what happened up to this time.", valueName: "time"))
    var effectiveAt: TimeArgument?

    @OptionGroup var difference: DifferenceOptions

    @OptionGroup var options: LedgerOptions

    func validate() throws {
        try difference.check(knowledge)
    }

    func run() async throws {
        let command = self
        try await Session.run(options) { session in
            let ledger = try await session.ledger()
            let calendar = try LocalCalendar(timeZone: ledger.timeZone)
            let events = try await EventReader(session.database, ledger: ledger)
                .events(of: command.episode)
            guard !events.isEmpty else { throw LedgerError.unknownEpisode(command.episode) }
            let report = ReplayReport(
                ledger: ledger,
                calendar: calendar,
                episode: command.episode,
                knownBy: command.knowledge.knownBy,
                effectiveAt: command.effectiveAt?.instant(calendar)
            )
            if let times = try command.difference.times(calendar) {
                try report.printDifference(
                    events,
                    from: times.first,
                    to: times.second,
                    session.format
                )
            } else {
                try report.print(
                    events,
                    knownAt: command.knowledge.knownAt?.instant(calendar),
                    session.format
                )
            }
        }
    }
}

/// Prints replays.
private struct ReplayReport {
    let ledger: LedgerDescription
    let calendar: LocalCalendar
    let episode: EpisodeID
    let knownBy: KnowledgeClock
    let effectiveAt: Instant?

    func print(_ events: [RecordedEvent], knownAt: Instant?, _ format: OutputFormat) throws {
        let replay = try Replay(
            events,
            knownAt: knownAt,
            knownBy: knownBy,
            effectiveAt: effectiveAt
        )
        let state = try CensusProjection(ledger).fold(episode, replay.history)
        switch format {
        case .json:
            let answer = replay.json(
                episode,
                ledger,
                knownAt: knownAt,
                knownBy: knownBy,
                effectiveAt: effectiveAt,
                state: state
            )
            Console.print(answer.bytes)
        case .text:
            printText(replay, state)
        }
    }

    private func printText(_ replay: Replay, _ state: EpisodeCensus?) {
        var table = TextTable([
            ("VERSION", .right), ("POSITION", .right), ("OCCURRED", .left), ("KNOWN", .left),
            ("BY", .left), ("TYPE", .left), ("STANDING", .left), ("EVENT", .left),
        ])
        for line in replay.lines {
            let event = line.event.history
            var standing = line.standing.rawValue
            if let target = event.amendedEventID { standing += " \(target)" }
            if let correction = line.correctedBy.last { standing += " by \(correction)" }
            if let retraction = line.retractedBy { standing += " by \(retraction)" }
            table.add([
                event.version.description,
                event.position.description,
                minutes(event.occurredAt),
                minutes(line.knowledgeTime),
                line.isSourceTime ? "source" : "ledger",
                event.type.rawValue,
                standing,
                event.eventID.description,
            ])
        }
        table.print()
        Console.print("")
        guard let state else {
            return Console.print("State: no admission is known that is not retracted.")
        }
        let last = state.stays[state.stays.count - 1]
        var text = "State: client \(state.clientID), admitted \(minutes(state.admittedAt)), "
        text += "\(last.program), \(last.levelOfCare.rawValue)"
        if let end = state.end {
            text +=
                "; \(end.reason.rawValue) \(minutes(end.at)), length of stay \(counted(end.lengthOfStayDays, "day"))"
        } else {
            text += "; open"
        }
        Console.print(text + ".")
        for flag in state.flags {
            let events = flag.eventIDs.map(\.description).joined(separator: ", ")
            Console.print("Flag: \(flag.flag.rawValue) (\(events))")
        }
    }

    /// An instant for people, in UTC, without what is below minutes.
    private func minutes(_ instant: Instant) -> String {
        String(instant.description.prefix(16)) + "Z"
    }

    func printDifference(
        _ events: [RecordedEvent],
        from first: Instant,
        to second: Instant,
        _ format: OutputFormat
    ) throws {
        let difference = try ReplayDifference(
            events,
            from: first,
            to: second,
            knownBy: knownBy,
            effectiveAt: effectiveAt
        )
        switch format {
        case .json:
            let answer = AnswerJSON.object(
                [
                    ("ledger", .string(ledger.name.description)),
                    ("episode_id", .string(episode.description)),
                    ("from", .instant(first)),
                    ("to", .instant(second)),
                    ("known_by", .string(knownBy.rawValue)),
                ] + difference.members
            )
            Console.print(answer.bytes)
        case .text:
            var table = TextTable([
                ("CHANGE", .left), ("TYPE", .left), ("BEFORE", .left), ("AFTER", .left),
                ("EVENT", .left), ("BECAUSE OF", .left),
            ])
            for change in difference.changes {
                table.add([
                    change.kind,
                    (change.after ?? change.before)?.type.rawValue ?? "",
                    change.before.map { minutes($0.time) } ?? "",
                    change.after.map { minutes($0.time) } ?? "",
                    change.eventID?.description ?? "",
                    change.because.map(\.description).joined(separator: " "),
                ])
            }
            table.print()
            Console.print("")
            Console.print(
                "\(difference.changes.count) entries differ; \(difference.learned.count) events "
                    + "became known between \(first) and \(second)."
            )
        }
    }
}
