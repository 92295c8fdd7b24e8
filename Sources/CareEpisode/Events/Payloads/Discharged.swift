/// The planned end of an episode.
public typealias Completed = EpisodeEnd

/// An end that is not a completion.
///
/// The fields of ``EpisodeEnd`` are its own as well.
@dynamicMemberLookup
public struct Discharged: Hashable, Sendable {
    /// Why the episode ended.
    public var reason: DischargeReason
    /// What else is said at the end.
    public var end: EpisodeEnd

    /// The reason, and what else is known.
    public init(reason: DischargeReason, end: EpisodeEnd = EpisodeEnd()) {
        self.reason = reason
        self.end = end
    }

    /// A field of the end.
    public subscript<Value>(dynamicMember field: WritableKeyPath<EpisodeEnd, Value>) -> Value {
        get { end[keyPath: field] }
        set { end[keyPath: field] = newValue }
    }
}

extension Discharged: PayloadObject {
    static var blank: Self { Self(reason: .other) }

    mutating func visit(_ field: inout some FieldVisitor) {
        end.visitBeforeReason(&field)
        field.required("reason", .code(), &reason, order: 1)
        end.visitSummary(&field)
    }
}
