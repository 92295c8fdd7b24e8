public import CareEpisode
public import Ledger

/// What a read model answers, as it is written: with the ledger that was asked, and what the answer
/// rests on.
public struct LedgerAnswer<Value: Sendable>: LedgerAnswering {
    /// What the answer says.
    public let value: Value
    /// The ledger that was asked.
    public let ledger: LedgerName
    /// What the answer rests on.
    public let basis: ReadModelBasis
}

/// A value that is the answer of a read model.
public protocol AnswerValue: Sendable {
    /// The members of the answer.
    static var answer: [JSONField<LedgerAnswer<Self>>] { get }
}

extension AnswerValue {
    /// What the answer may be.
    public static var schema: AnswerJSON { .schema(of: answer) }

    /// The answer.
    public func json(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> AnswerJSON {
        .object(
            fields: Self.answer,
            of: LedgerAnswer(value: self, ledger: ledger.name, basis: basis)
        )
    }
}

/// What rests on a ledger's events up to a position.
public protocol LedgerAnswering: Sendable {
    /// The ledger that was asked.
    var ledger: LedgerName { get }
    /// What the answer rests on.
    var basis: ReadModelBasis { get }
}

extension JSONField where Root: LedgerAnswering {
    /// The ledger that was asked.
    public static var ledger: Self { Self("ledger", \.ledger) }
    /// Everything up to this position takes part.
    public static var position: Self { Self("position", \.basis.position) }
    /// How many events the answer is behind the head.
    public static var lag: Self { Self("lag", \.basis.lag) }
    /// The knowledge time; null for everything up to the position.
    public static var knownAt: Self { Self("known_at", \.basis.knownAt) }
    /// The clock of the knowledge time; null where there is none.
    public static var knownBy: Self {
        Self("known_by") { $0.basis.knownAt == nil ? nil : $0.basis.knownBy }
    }
    /// The settings of the ledger that the answer goes by.
    public static var settings: Self { Self("settings", \.basis.settings) }
    /// The episodes the answer may be wrong about.
    public static var parked: Self { Self("parked", \.basis.parked) }
}
