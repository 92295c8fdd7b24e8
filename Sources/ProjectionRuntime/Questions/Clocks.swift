public import CareEpisode

/// The knowledge that a question is asked of.
public struct Clocks: Sendable {
    /// Which clock knowledge times are on.
    public let clock: KnowledgeClock
    /// The knowledge time that was named; nil for everything.
    public let knownAt: Instant?
    /// What was known when; nil where everything is, so that tables may answer.
    public let knowledge: Knowledge?
    /// The two knowledge times to compare; nil where one answer is wanted.
    public let compared: (first: Instant, second: Instant)?
    /// The last version of the episode that takes part, whatever was known when; nil for all.
    public let version: Version?

    /// What every question takes.
    public static let parameters = [
        Parameter(
            "known_at",
            .time,
            """
            Answer with what was known at this time: RFC 3339, or a date, which means its 24:00 \
            in the ledger's zone. Without it, with all that is known.
            """
        ),
        Parameter(
            "known_by",
            .choice(["source", "ledger"]),
            """
            Which clock {known_at} is on: source (when the source system recorded it, where it \
            says so) or ledger (when this ledger did).
            """,
            valueName: "clock",
            standard: "source"
        ),
        Parameter(
            "diff",
            .times,
            """
            What differs between two knowledge times, the earlier one first, and which events \
            made the difference.
            """
        ),
    ]

    /// What a question about one episode takes besides.
    public static let version = Parameter(
        "version",
        .integer(1...Int64(Int32.max)),
        """
        Answer with the episode's versions up to this one, whenever they became known, as of the \
        time at which this one did; {effective_at} sets another time. Not with {known_at} or {diff}.
        """,
        option: "at-version"
    )

    /// Reads the parameters.
    ///
    /// - Parameter ofEpisode: whether a version may be among them.
    public init(_ reader: inout ArgumentReader, ofEpisode: Bool = false) {
        clock = reader.choice("known_by").flatMap(KnowledgeClock.init(rawValue:)) ?? .source
        let knownAt = reader.time("known_at")
        compared = reader.times("diff")
        if reader.has("diff"), reader.has("known_at") {
            reader.refuse("known_at", .conflict, "does not go with {diff}")
        }
        self.knownAt = knownAt
        if ofEpisode, reader.has("version") {
            version = Version(reader.integer("version"))
            if reader.has("known_at") || reader.has("diff") {
                reader.refuse("version", .conflict, "does not go with {known_at} or {diff}")
            }
        } else {
            version = nil
        }
        // At the time of the newest event everything is known, whatever a source's clock said.
        if let knownAt, let newest = reader.moment.newest, knownAt < newest {
            knowledge = Knowledge(at: knownAt, by: clock)
        } else {
            knowledge = nil
        }
    }
}
