public import CareEpisode

/// What is known of one episode at its end, or so far: no statement in it is typed in, each names
/// the events it comes from (`docs/discharge-summary.md`).
///
/// Nothing here depends on when one asks, except in an interim summary.
public struct DischargeSummary: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// Whether the episode has ended.
    public var status: Status
    /// Who was where, from when to when.
    public var client: Client
    /// What is recorded at the admission.
    public var admission: Admission
    /// Which sessions were held and which were missed.
    public var courseOfCare: CourseOfCare
    /// The medications at admission and at discharge, compared.
    public var medications: Medications
    /// What is recorded at the end.
    public var discharge: Discharge
    /// What comes after the end.
    public var followUp: FollowUp
    /// Who answers for the end's record.
    public var authorship: Authorship
    /// What was recorded late or corrected, of all that the sections above come from.
    public var amendments: Amendments
    /// What a summary must have (Joint Commission RC.02.04.01), present or missing.
    public var completeness: Completeness
    /// The doubts about the history.
    public var flags: [Flag]

    /// Final for an ended episode, interim for an open one.
    public enum Status: String, ClosedCode {
        /// The episode has ended.
        case final
        /// The episode is open.
        case interim
    }

    /// A statement, and the events it comes from.
    public struct Element<Value: Hashable & Sendable>: Hashable, Sendable {
        /// What is stated; nil where nothing is recorded.
        public var value: Value?
        /// The events without which it would be another statement, in the order of the history.
        public var eventIDs: [EventID]

        /// Nothing is recorded.
        static var none: Element { Element(value: nil, eventIDs: []) }
    }

    /// A doubt, as the census or the medication review has it.
    public struct Flag: Hashable, Sendable {
        /// Its code.
        public var code: String
        /// One sentence or two for people.
        public var text: String
        /// The events that raise it.
        public var eventIDs: [EventID]
    }

    /// Who was where, from when to when.
    public struct Client: Hashable, Sendable {
        /// The client's pseudonymous key.
        public var clientID: Element<String>
        /// The last program's key.
        public var program: Element<String>
        /// The last track.
        public var track: Element<String>
        /// When the episode began.
        public var admittedAt: Element<Instant>
        /// The date of that in the ledger's zone.
        public var admissionDate: Element<CalendarDate>
        /// When the episode ended.
        public var endedAt: Element<Instant>
        /// The date of that in the ledger's zone.
        public var endDate: Element<CalendarDate>
        /// The last contact, by the rules of the length of stay.
        public var lastContactAt: Element<Instant>
        /// Days, by the rule of TEDS for the last level of care.
        public var lengthOfStayDays: Element<Int>
        /// The stays, in order.
        public var levelsOfCare: Element<[EpisodeCensus.Stay]>
    }

    /// What is recorded at the admission.
    public struct Admission: Hashable, Sendable {
        /// The reason for the admission.
        public var reason: Element<String>
        /// The diagnoses at admission.
        public var diagnoses: Element<[Diagnosis]>
        /// The allergies, or that none are known or recorded.
        public var allergies: Element<Allergies>
    }

    /// What is recorded of allergies.
    public enum Allergies: Hashable, Sendable {
        /// These.
        case recorded([String])
        /// The client has none that are known.
        case noneKnown
        /// Nothing was asked, or nothing was written down.
        case notRecorded
    }

    /// Which sessions were held and which were missed; each counts once.
    public struct CourseOfCare: Hashable, Sendable {
        /// How many the client attended, family sessions with the client among them.
        public var attended: Element<Int>
        /// Of them, how many of each kind; family sessions are a kind.
        public var byKind: Element<[String: Int]>
        /// Of them, how many of each modality, where one is recorded.
        public var byModality: Element<[String: Int]>
        /// The time that the sessions that count toward hours cover, week by week, in hours.
        public var hours: Element<Double>
        /// The length of stay / 7, rounded up; of an open episode from the admission on, both dates
        /// counted.
        public var weeks: Element<Int>
        /// Attended / (attended + missed, also after the end, but for those that the program
        /// cancelled).
        public var attendanceRate: Element<Double>
        /// How many the client missed, by reason.
        public var missed: Element<[String: Int]>
        /// How many the client missed after the date of the end, before the end became known, by
        /// reason.
        public var missedAfterEnd: Element<[String: Int]>
        /// The sessions with the family.
        public var familySessions: Element<FamilySessions>
    }

    /// The sessions with the family, with and without the client.
    public struct FamilySessions: Hashable, Sendable {
        /// How many were held.
        public var held: Int
        /// How many of them the client took part in.
        public var withClient: Int
        /// How many took part of each relation, a person once for each session.
        public var participants: [String: Int]
    }

    /// What is recorded at the end.
    public struct Discharge: Hashable, Sendable {
        /// How the episode ended.
        public var reason: Element<EndReason>
        /// The diagnoses at the end.
        public var diagnoses: Element<[Diagnosis]>
        /// The goals of the stay and how far they were reached.
        public var goals: Element<[Goal]>
        /// The client's condition.
        public var condition: Element<String>
        /// Where the client goes.
        public var disposition: Element<String>
        /// The clinician's summary.
        public var summary: Element<String>
    }

    /// What comes after the end.
    public struct FollowUp: Hashable, Sendable {
        /// Care after the episode.
        public var aftercare: Element<[Aftercare]>
        /// What client and family were told to do.
        public var instructions: Element<String>
    }

    /// Who answers for the end's record.
    public struct Authorship: Hashable, Sendable {
        /// Who stated the end.
        public var author: Element<Author>
        /// The principal that recorded it.
        public var recordedBy: Element<String>
        /// When the ledger recorded it.
        public var recordedAt: Element<Instant>
        /// `not signed`, until there are signatures.
        public var signature: Element<String>
    }

    /// What was recorded late or corrected.
    public struct Amendments: Hashable, Sendable {
        /// The corrections of entries that any element names, by target.
        public var corrections: [Element<Correction>]
        /// The entries that any element names and that became known more than 24 hours after they
        /// happened.
        public var lateEntries: [Element<LateEntry>]
    }

    /// The sections that elements stand in, each once: "client" of `client/ended_at`.
    public static func sections(of elements: [String]) -> [String] {
        var sections: [String] = []
        for element in elements {
            let section = String(element.prefix { $0 != "/" })
            if !sections.contains(section) { sections.append(section) }
        }
        return sections
    }

    /// A correction of an entry.
    public struct Correction: Hashable, Sendable {
        /// The correcting event.
        public var correction: EventID
        /// The corrected entry.
        public var target: EventID
        /// Its type.
        public var targetType: EventType
        /// When the entry first said that it happened.
        public var occurredAt: Instant
        /// When it happened as corrected; the same where only the content was wrong.
        public var correctedAt: Instant
        /// The elements that come from the entry, such as `client/ended_at`.
        public var elements: [String]
    }

    /// An entry that became known late.
    public struct LateEntry: Hashable, Sendable {
        /// The entry.
        public var entry: EventID
        /// Its type.
        public var type: EventType
        /// When it first said that it happened.
        public var occurredAt: Instant
        /// When it became known.
        public var knownAt: Instant
        /// Whose clock says so: the source's where it did, else the ledger's.
        public var knownBy: KnowledgeClock
        /// The elements that come from the entry.
        public var elements: [String]
    }

    /// What a summary must have, present or missing.
    public struct Completeness: Hashable, Sendable {
        /// Why the client was admitted.
        public var reasonForAdmission: Element<Presence>
        /// At least one session.
        public var careProvided: Element<Presence>
        /// The condition at the end, and where the client goes or why the episode ended.
        public var conditionAndDisposition: Element<Presence>
        /// What client and family were told.
        public var informationToClientAndFamily: Element<Presence>
        /// Care after the episode.
        public var followUp: Element<Presence>
    }

    /// Whether something is there.
    public enum Presence: String, ClosedCode {
        /// It is recorded.
        case present
        /// It is not recorded.
        case missing
        /// Nobody can be told, and nothing can follow: the client has died.
        case notApplicable = "not_applicable"

        init(_ isPresent: Bool) { self = isPresent ? .present : .missing }
    }
}
