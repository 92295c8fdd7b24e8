/// What is said at the end of an episode, completed or not.
public struct EpisodeEnd: Hashable, Sendable {
    /// Where the client goes.
    public var disposition: Disposition?
    /// The last contact with the client.
    public var lastContactAt: Instant?
    /// The client's condition.
    public var condition: String?
    /// The goals of the stay.
    public var goals: [Goal]?
    /// The diagnoses at the end.
    public var diagnoses: [Diagnosis]?
    /// What comes next.
    public var aftercare: [Aftercare]?
    /// What client and family were told to do.
    public var instructions: String?
    /// The clinician's summary.
    public var summary: String?

    /// What is known.
    public init(
        disposition: Disposition? = nil,
        lastContactAt: Instant? = nil,
        condition: String? = nil,
        goals: [Goal]? = nil,
        diagnoses: [Diagnosis]? = nil,
        aftercare: [Aftercare]? = nil,
        instructions: String? = nil,
        summary: String? = nil
    ) {
        self.disposition = disposition
        self.lastContactAt = lastContactAt
        self.condition = condition
        self.goals = goals
        self.diagnoses = diagnoses
        self.aftercare = aftercare
        self.instructions = instructions
        self.summary = summary
    }
}

extension EpisodeEnd: PayloadObject {
    static var blank: Self { Self() }

    mutating func visit(_ field: inout some FieldVisitor) {
        visitBeforeReason(&field)
        visitSummary(&field)
    }

    /// A discharge has its reason between these and the summary.
    mutating func visitBeforeReason(_ field: inout some FieldVisitor) {
        field.optional("aftercare", .objects(), &aftercare)
        field.optional("condition", .text, &condition)
        field.optional("diagnoses", .objects(), &diagnoses)
        field.optional("disposition", .openCode(), &disposition)
        field.optional("goals", .objects(), &goals)
        field.optional("instructions", .text, &instructions)
        field.optional("last_contact_at", .instant, &lastContactAt)
    }

    mutating func visitSummary(_ field: inout some FieldVisitor) {
        field.optional("summary", .text, &summary)
    }
}

/// A goal of the stay.
public struct Goal: Hashable, Sendable {
    /// The goal.
    public var text: String
    /// How far it was reached.
    public var status: GoalStatus

    /// Everything that is required, and what else is known.
    public init(
        text: String,
        status: GoalStatus
    ) {
        self.text = text
        self.status = status
    }
}

extension Goal: PayloadObject {
    static var blank: Self { Self(text: "", status: .notMet) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("status", .code(), &status, order: 2)
        field.required("text", .nonEmptyText, &text, order: 1)
    }
}

/// Care after the episode.
public struct Aftercare: Hashable, Sendable {
    /// Who gives it.
    public var provider: String
    /// What it is.
    public var kind: String?
    /// When the appointment is.
    public var at: Instant?

    /// Everything that is required, and what else is known.
    public init(
        provider: String,
        kind: String? = nil,
        at: Instant? = nil
    ) {
        self.provider = provider
        self.kind = kind
        self.at = at
    }
}

extension Aftercare: PayloadObject {
    static var blank: Self { Self(provider: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("at", .instant, &at)
        field.optional("kind", .text, &kind)
        field.required("provider", .nonEmptyText, &provider, order: 1)
    }
}
