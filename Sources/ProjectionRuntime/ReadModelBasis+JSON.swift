public import CareEpisode

extension ReadModelBasis {
    /// The members by which every answer says what it rests on.
    public var members: [(name: String, value: AnswerJSON)] {
        [
            ("position", .integer(position.rawValue)),
            ("lag", .integer(lag)),
            ("known_at", .instant(knownAt)),
            ("known_by", .text(knownAt.map { _ in knownBy.rawValue })),
        ]
    }

    /// The episodes the answer may be wrong about.
    public var parkedJSON: AnswerJSON { .array(parked.map { .string($0.description) }) }
}
