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
    init(reading object: ObjectReader) {
        disposition = object.openCode("disposition")
        lastContactAt = object.instant("last_contact_at")
        condition = object.string("condition")
        goals = object.objects("goals")
        diagnoses = object.objects("diagnoses")
        aftercare = object.objects("aftercare")
        instructions = object.string("instructions")
        summary = object.string("summary")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writeMembersBeforeSummary(to: &writer)
        writer.member("summary", summary)
    }

    /// A discharge has its reason between these and the summary.
    func writeMembersBeforeSummary(to writer: inout CanonicalWriter) {
        writer.member("aftercare", aftercare)
        writer.member("condition", condition)
        writer.member("diagnoses", diagnoses)
        writer.member("disposition", disposition)
        writer.member("goals", goals)
        writer.member("instructions", instructions)
        writer.member("last_contact_at", lastContactAt)
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
    init(reading object: ObjectReader) {
        text = object.requiredString("text")
        status = object.requiredCode("status") ?? .notMet
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("status", status)
        writer.member("text", text)
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
    init(reading object: ObjectReader) {
        provider = object.requiredString("provider")
        kind = object.string("kind")
        at = object.instant("at")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("at", at)
        writer.member("kind", kind)
        writer.member("provider", provider)
    }
}
