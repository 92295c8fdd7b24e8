public import CareEpisode
public import Documents
public import Ledger

/// What can be asked of a read model: one type for the command line, HTTP and pages.
public protocol Question: Sendable {
    /// What the answer says.
    associatedtype Value: Sendable

    /// What differs between two answers.
    associatedtype Difference: Sendable

    /// What can be given.
    static var parameters: [Parameter] { get }

    /// What the answer may be: a schema for each kind of answer, with that of the comparison.
    static var schemas: [AnswerJSON] { get }

    /// The members by which a comparison says what was asked about.
    static var subject: [JSONField<Self>] { get }

    /// Whether its answers, but for comparisons, are lists that a spreadsheet can read.
    static var isList: Bool { get }

    /// Reads what is given; everything that is wrong is told at once.
    init(_ arguments: Arguments, at moment: Moment) throws(QuestionRefusal)

    /// The knowledge that is asked of.
    var clocks: Clocks { get }

    /// The read model whose tables answer while everything is known; nil where the events do.
    ///
    /// - Throws: where the ledger's zone is not known on this machine.
    func tables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)?

    /// Whether one episode is asked about: it is folded where the tables cannot answer.
    var isAboutOneEpisode: Bool { get }

    /// The answer.
    ///
    /// - Throws: what there is no answer for, such as ``LedgerError/unknownEpisode(_:)``.
    func answer(_ context: LedgerContext) async throws -> Answer<Value>

    /// What differs between two knowledge times.
    func difference(
        _ context: LedgerContext,
        from first: Instant,
        to second: Instant
    ) async throws -> Answer<Difference>
}

/// An answer: what it says, what it rests on, and how it is written.
public struct Answer<Value: Sendable>: Sendable {
    /// What it says.
    public let value: Value
    /// What it rests on.
    public let basis: ReadModelBasis
    /// The episodes that were found for a client's key; nil where none was given.
    public var found: [EpisodeID]?
    fileprivate let makeJSON: @Sendable () -> AnswerJSON
    /// Makes the answer for spreadsheets; nil where it is no list.
    public let list: (@Sendable () -> CSVTable)?
    /// Makes the answer for people; reads the ledger where more is shown than programs get.
    public let document: @Sendable () async throws -> Document

    /// Puts an answer together.
    public init(
        _ value: Value,
        _ basis: ReadModelBasis,
        found: [EpisodeID]? = nil,
        json: @autoclosure @escaping @Sendable () -> AnswerJSON,
        list: (@Sendable () -> CSVTable)? = nil,
        document: @escaping @Sendable () async throws -> Document
    ) {
        self.value = value
        self.basis = basis
        self.found = found
        makeJSON = json
        self.list = list
        self.document = document
    }

    /// The answer for programs.
    public var json: AnswerJSON { makeJSON() }
}

/// An answer without its type: what a door writes.
public struct WrittenAnswer: Sendable {
    /// What it rests on.
    public let basis: ReadModelBasis
    /// The episodes that were found for a client's key; nil where none was given.
    public let found: [EpisodeID]?
    private let makeJSON: @Sendable () -> AnswerJSON
    /// Makes the answer for spreadsheets; nil where it is no list.
    public let list: (@Sendable () -> CSVTable)?
    /// Makes the answer for people.
    public let document: @Sendable () async throws -> Document

    fileprivate init<Value>(_ answer: Answer<Value>) {
        basis = answer.basis
        found = answer.found
        makeJSON = answer.makeJSON
        list = answer.list
        document = answer.document
    }

    /// The answer for programs.
    public var json: AnswerJSON { makeJSON() }
}

extension Question {
    /// No list.
    public static var isList: Bool { false }

    /// Reads what is given: first what is wrong at any time, then what the ledger's time and zone
    /// forbid, so that every door tells the same of the same arguments.
    public static func read(
        _ arguments: Arguments,
        at moment: Moment
    ) throws(QuestionRefusal) -> Self {
        _ = try Self(arguments, at: .open)
        return try Self(arguments, at: moment)
    }

    /// Whether the tables answer, so that they must have got to the position that is wanted.
    public func readsTables(of ledger: LedgerDescription) throws -> (any EpisodeProjection)? {
        guard clocks.knowledge == nil, clocks.compared == nil, clocks.version == nil else {
            return nil
        }
        return try tables(of: ledger)
    }

    /// The answer, or the comparison where one is asked for.
    public func written(_ context: LedgerContext) async throws -> WrittenAnswer {
        if let compared = clocks.compared {
            return WrittenAnswer(
                try await difference(context, from: compared.first, to: compared.second)
            )
        }
        return WrittenAnswer(try await answer(context))
    }

    /// Compares an answer at two knowledge times.
    ///
    /// - Parameters:
    ///   - context: the ledger.
    ///   - times: the knowledge times.
    ///   - episode: the one that is asked about; nil for all.
    ///   - choice: which episodes are read; nil for the one, or all.
    ///   - settings: what the fold goes by besides the history, each as it was known then.
    ///   - fold: an episode's part of the answer.
    ///   - items: the answer's parts.
    /// - Throws: ``LedgerError/unknownEpisode(_:)`` where nothing is recorded of the episode.
    public func compare<Part: Sendable>(
        _ context: LedgerContext,
        _ times: (first: Instant, second: Instant),
        of episode: EpisodeID? = nil,
        among choice: EpisodeChoice? = nil,
        settings: LedgerSettings = LedgerSettings(),
        fold: @escaping @Sendable (EpisodeID, EffectiveHistory) throws -> Part?,
        items: @escaping @Sendable ([Part]) -> [AnswerItem]
    ) async throws -> Answer<KnowledgeDifference> {
        if let episode {
            let found = try await context.reader.histories(of: [episode], through: context.head)
            if found.isEmpty { throw LedgerError.unknownEpisode(episode) }
        }
        let difference = try await context.histories.difference(
            of: choice ?? episode.map { [$0] } ?? .all,
            from: times.first,
            to: times.second,
            by: clocks.clock,
            settings: settings,
            fold: fold,
            items: items
        )
        let compared = Comparison(
            question: self,
            answer: LedgerAnswer(
                value: difference,
                ledger: context.ledger.name,
                basis: difference.basis
            )
        )
        return Answer(difference, difference.basis, json: compared.json) { difference.document }
    }

    /// A comparison that names the episodes that were found for a client's key, where one is given.
    public func naming(
        _ client: String?,
        in answer: Answer<KnowledgeDifference>
    ) -> Answer<KnowledgeDifference> {
        guard client != nil else { return answer }
        var named = answer
        let episodes = answer.value.changes.flatMap { change in
            change.item.split(separator: "/").compactMap { EpisodeID(String($0)) }
        }
        named.found = Set(episodes).sorted()
        return named
    }

    /// What a comparison may be.
    public static var comparison: AnswerJSON { Comparison<Self>.schema }
}

/// What differs in the answers to a question, as it is written.
private struct Comparison<Asked: Question>: JSONObject {
    let question: Asked
    let answer: LedgerAnswer<KnowledgeDifference>

    static var fields: [JSONField<Self>] {
        [JSONField("ledger", \.answer.ledger)]
            + Asked.subject.map { $0.lifted(\.question) }
            + KnowledgeDifference.answer.map { $0.lifted(\.answer) }
    }
}
