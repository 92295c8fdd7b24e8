import ArgumentParser
import CareEpisode
import Documents
import Ledger
import Markup
import ProjectionRuntime
import Projections

/// A command that asks a question to a read model: its options become the question's arguments.
protocol QuestionCommand: AsyncParsableCommand {
    associatedtype Asked: Question

    /// Of which ledger and knowledge, and how the answer is printed.
    var asking: Asking { get }
    /// What was given, by the question's parameters.
    var arguments: [String: [String]] { get }
}

extension QuestionCommand {
    func validate() throws {
        // What is wrong at any time is told before anything is opened.
        _ = try asking.asked(Asked.self, arguments, at: .open)
    }

    func run() async throws {
        let command = self
        try await command.asking.run(Asked.self, command.arguments)
    }
}

/// The knowledge that a question is asked of.
struct ClockOptions: ParsableArguments {
    @Option(help: .parameter("known_at", of: Clocks.parameters))
    var knownAt: String?

    @Option(help: .parameter("known_by", of: Clocks.parameters))
    var knownBy: String?

    @Option(parsing: .upToNextOption, help: .parameter("diff", of: Clocks.parameters))
    var diff: [String] = []
}

/// What every question to a read model may say.
struct ReadModelOptions: ParsableArguments {
    @OptionGroup var clocks: ClockOptions

    @Flag(
        help: """
            Answer at once from what the read model has reached, and say how far it is behind the \
            head. Without it, a read model that lags is caught up first.
            """
    )
    var staleOk = false

    @OptionGroup var disclosure: DisclosureOptions

    @OptionGroup var ledger: LedgerOptions

    var asking: Asking {
        Asking(clocks: clocks, disclosure: disclosure, ledger: ledger, staleOk: staleOk)
    }
}

/// Asks questions, and prints the answers.
struct Asking: Sendable {
    let clocks: ClockOptions
    let disclosure: DisclosureOptions
    let ledger: LedgerOptions
    var staleOk = false

    /// What the options say, as arguments.
    func given(_ arguments: [String: [String]]) -> Arguments {
        var values = arguments.filter { !$0.value.isEmpty }
        if let knownAt = clocks.knownAt { values["known_at"] = [knownAt] }
        if let knownBy = clocks.knownBy { values["known_by"] = [knownBy] }
        if !clocks.diff.isEmpty { values["diff"] = [clocks.diff.joined(separator: ",")] }
        return Arguments(values)
    }

    /// The question that the options ask.
    ///
    /// - Throws: `ValidationError`, with everything that is wrong.
    func asked<Asked: Question>(
        _ question: Asked.Type,
        _ arguments: [String: [String]],
        at moment: Moment
    ) throws -> Asked {
        do {
            let asked = try Asked(given(arguments), at: moment)
            guard ledger.format == .csv else { return asked }
            if !Asked.isList { _ = try ledger.outputFormat }
            if asked.clocks.compared != nil {
                throw ValidationError("--format csv does not go with --diff")
            }
            return asked
        } catch let error as QuestionRefusal {
            let reasons = error.reasons { "--\($0.option)" }
                .map { "\($0.parameter) \($0.detail)" }
            guard error.isOnlyAhead else {
                throw ValidationError(reasons.joined(separator: "\n"))
            }
            for reason in reasons { Console.note("error: \(reason)") }
            throw Failure.refused
        }
    }

    /// Asks, and prints the answer.
    func run<Asked: Question>(
        _ question: Asked.Type,
        _ arguments: [String: [String]]
    ) async throws {
        let asking = self
        var ledger = ledger
        let format = ledger.format
        // The session itself prints neither pages nor lists for spreadsheets.
        if format == .html || format == .csv { ledger.format = .text }
        try await Session.run(ledger) { session in
            let context = try await LedgerContext(session.database, try await session.ledger())
            let asked = try asking.asked(question, arguments, at: context.moment)
            if let tables = try asked.readsTables(of: context.ledger) {
                try await asking.catchUp(tables, asked.isAboutOneEpisode, context)
            }
            let answer = try await asked.written(context)
            try await session.disclose(
                Disclosure(question, asking.given(arguments), answer),
                of: context.ledger,
                asking.disclosure
            )
            if format == .csv, let list = answer.list {
                Console.write(list().bytes)
            } else if format == .html {
                Console.write(Array("\(try await answer.document().html)\n".utf8))
            } else if session.format == .json {
                Console.print(answer.json.bytes)
            } else {
                Console.print(try await answer.document())
            }
        }
    }

    /// Brings the tables that are to answer to the head.
    ///
    /// - Throws: ``ProjectionError`` where they cannot be caught up.
    private func catchUp<Projection: EpisodeProjection>(
        _ projection: Projection,
        _ isAboutOneEpisode: Bool,
        _ context: LedgerContext
    ) async throws {
        let worker = ProjectionWorker(
            projection,
            context.database,
            ledger: context.ledger,
            holder: Session.holder
        )
        if staleOk { return try await worker.register() }
        // One episode is folded from its events where another version has filled the tables.
        if isAboutOneEpisode, try await !worker.canAnswer() { return }
        let progress = ProgressBar("Catching up", unit: "events")
        try await worker.catchUp(to: context.head) {
            progress.update($0.rawValue, of: context.head.rawValue)
        }
        progress.finish()
    }
}

extension Disclosure {
    /// What a question is answered by.
    fileprivate init<Asked: Question>(
        _ question: Asked.Type,
        _ arguments: Arguments,
        _ answer: WrittenAnswer
    ) {
        let description = ReadModels.questions.first { $0.question == question }
        operation = description?.operation ?? "\(question)"
        let named = arguments.values["episode"]?.first.flatMap { EpisodeID($0) }
        let alone = answer.found.flatMap { $0.count == 1 ? $0[0] : nil }
        episode = named ?? alone
        let details = [
            arguments.described(Asked.parameters),
            "as of position \(answer.basis.position)",
            answer.found.map { AccessDecision.told(found: $0) },
        ]
        detail = details.compactMap(\.self).joined(separator: "; ")
    }
}

extension ArgumentHelp {
    /// The help of a question's parameter, other parameters spelled as options.
    static func parameter(_ name: String, of parameters: [Parameter]) -> ArgumentHelp {
        guard let parameter = parameters.first(where: { $0.name == name }) else {
            preconditionFailure("\(name) is among the parameters")
        }
        let options = Dictionary(
            parameters.map { ($0.name, "--\($0.option)") },
            uniquingKeysWith: { first, _ in first }
        )
        var text = QuestionRefusal.spelled(parameter.help, options)
        var notes: [String] = []
        if case .choice(let words) = parameter.kind {
            notes.append("values: \(words.joined(separator: ", "))")
        }
        if let standard = parameter.standard { notes.append("default: \(standard)") }
        if !notes.isEmpty { text += " (\(notes.joined(separator: "; ")))" }
        var help = ArgumentHelp(stringLiteral: text)
        help.valueName = parameter.valueName
        return help
    }
}

/// The options that were given, as arguments.
func given(_ options: [String: String?]) -> [String: [String]] {
    options.compactMapValues { $0.map { [$0] } }
}
