public import CareEpisode
import Ledger
public import ProjectionRuntime

extension MedicationFlag: JSONObject {
    /// The members of a flag.
    public static let fields: [JSONField<Self>] = [
        .init("flag", \.flag),
        .init("event_ids", \.eventIDs),
        .init("medications", \.medications),
        .init("lineages", \.lineages),
        .init("text", \.text),
    ]
}

extension MedicationCourse.LineageID: JSONText {
    /// The event that opened the lineage, or its place in an admission.
    public static var schema: AnswerJSON {
        ["type": "string", "pattern": "^[0-9a-f-]{36}(/[0-9]+)?$"]
    }
}

extension MedicationReview.Listed {
    private static let regimenFields: [JSONField<Self>] = [
        .init("lineage", \.lineage),
        .init("medication", \.interval.medication),
        .init("regimen", \.interval.regimen),
        .init("from", \.interval.from),
        .init("daily_dose", \.interval.regimen?.dailyDose),
        .init("prescriber", \.interval.prescriber),
        .init("reason", \.interval.reason),
        .init("event_id", \.interval.eventID),
        .init("classes", \.assessment.classes),
        .init("assessed", \.assessment.isAssessed),
        .init("since", \.since),
        .init("on_arrival", \.isOnArrival),
        .init("substances", \.assessment.substances.names),
        .init("route_group", \.routeGroup),
        .init("interval_days", \.interval.regimen?.intervalDays),
        .init("single_dose", \.isSingleDose),
    ]

    private var isOnArrival: Bool { lineage.index != nil }

    /// A regimen in force.
    static let activeFields =
        regimenFields + [
            JSONField("scheduled_end", \.scheduledEnd, of: MedicationReview.EndAhead.fields),
            JSONField("later_end", \.laterEnd, of: MedicationReview.EndAhead.laterFields),
        ]

    /// The last regimen of a held lineage.
    static let heldFields =
        regimenFields + [
            JSONField("held_since", \.hold?.since),
            JSONField("held_by", \.hold?.eventID),
        ]

    /// A regimen that begins later.
    static let scheduledFields = regimenFields + [JSONField("change", \.interval.startedBy)]

    /// A regimen that began later, which was not known yet.
    static let laterFields = scheduledFields + [JSONField("known_at", \.interval.knownAt)]

    /// The same members, after the episode's id.
    static func withEpisode(_ fields: [JSONField<Self>]) -> [JSONField<Self>] {
        [.init("episode_id", \.episodeID)] + fields
    }

    /// As a list with these members writes it.
    func json(_ fields: [JSONField<Self>]) -> AnswerJSON { .object(fields: fields, of: self) }
}

extension MedicationReview.Past: JSONObject {
    /// An interval with its end.
    public static let fields: [JSONField<Self>] = [
        .init("lineage", \.lineage),
        .init("medication", \.interval.medication),
        .init("regimen", \.interval.regimen),
        .init("from", \.interval.from),
        .init("to", \.interval.to),
        .init("started_by", \.interval.startedBy),
        .init("ended_by", \.interval.endedBy),
        .init("prescriber", \.interval.prescriber),
        .init("reason", \.interval.reason),
        .init("event_id", \.interval.eventID),
    ]
}

extension MedicationReview.EndAhead {
    /// The members of an end that lies ahead.
    static let fields: [JSONField<Self>] = [
        .init("at", \.at),
        .init("change", \.change),
    ]

    /// The same, where it was not known yet.
    static let laterFields = fields + [JSONField("known_at", \.knownAt)]
}

extension MedicationReview.Allergy: JSONObject {
    /// The members of an allergy.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("event_id", \.eventID),
        .init("text", \.text),
        .init("substances", \.substances.names),
        .init("assessed", \.isAssessed),
    ]

    /// Whether it names anything known: else nothing can be flagged for it.
    var isAssessed: Bool { !substances.names.isEmpty }
}

extension MedicationCourse.Change: JSONObject {
    /// The change as it was recorded, and what it did.
    public static let fields: [JSONField<Self>] = [
        .init("event_id", \.eventID),
        .init("at", \.at),
        .init("change", \.change),
        .init("lineage", \.lineage),
        .init("matched_by", \.matchedBy),
        .init("medication", \.medication),
        .init("from_regimen", \.fromRegimen),
        .init("to_regimen", \.toRegimen),
        .init("daily_dose_before", \.fromRegimen?.dailyDose),
        .init("daily_dose_after", \.toRegimen?.dailyDose),
        .init("percent", \.percent),
        .init("prescriber", \.prescriber),
        .init("reason", \.reason),
    ]
}

extension MedicationReview {
    private static let active = JSONField("active", \Self.active, of: Listed.activeFields)
    private static let held = JSONField("held", \Self.held, of: Listed.heldFields)
    private static let flags = JSONField("flags", \Self.flags)

    private static let others = JSONField("other_open_episodes", \Self.otherOpenEpisodes)

    /// What a list of episodes says of one.
    fileprivate static let worklistFields = [active, held, flags, others]

    /// What a client's review says.
    fileprivate static let clientFields: [JSONField<Self>] = [
        .init("active", \.active, of: Listed.withEpisode(Listed.activeFields)),
        .init("held", \.held, of: Listed.withEpisode(Listed.heldFields)),
        .init("scheduled", \.scheduled, of: Listed.withEpisode(Listed.scheduledFields)),
        .init("later", \.later, of: Listed.withEpisode(Listed.laterFields)),
        .init("allergies", \.allergies),
        flags,
    ]

    fileprivate static let fields: [JSONField<Self>] = [
        active,
        held,
        .init("scheduled", \.scheduled, of: Listed.scheduledFields),
        .init("later", \.later, of: Listed.laterFields),
        .init("timeline", \.timeline),
        .init("changes", \.changes),
        .init("allergies", \.allergies),
        flags,
        others,
    ]

    /// The parts of the answer by name, for comparing two answers.
    var items: [AnswerItem] {
        active.map { AnswerItem("active/\($0.lineage)", $0.json(Listed.activeFields)) }
            + held.map { AnswerItem("held/\($0.lineage)", $0.json(Listed.heldFields)) }
            + scheduled.map {
                AnswerItem(
                    "scheduled/\($0.lineage)/\($0.interval.eventID)",
                    $0.json(Listed.scheduledFields)
                )
            }
            + later.map {
                AnswerItem(
                    "later/\($0.lineage)/\($0.interval.eventID)",
                    $0.json(Listed.laterFields)
                )
            }
            + timeline.map {
                AnswerItem(
                    "timeline/\($0.lineage)/\($0.interval.eventID)",
                    $0.json
                )
            }
            + changes.map { AnswerItem("changes/\($0.eventID)", $0.json) }
            + flagItems
    }

    /// Medications of one admission may raise the same flag: the second is named so.
    private var flagItems: [AnswerItem] {
        var times: [String: Int] = [:]
        return flags.map { flag in
            let events = flag.eventIDs.map(\.description).joined(separator: ",")
            let name = "flags/\(flag.flag.rawValue)/\(events)"
            let time = times[name, default: 0] + 1
            times[name] = time
            return AnswerItem(time == 1 ? name : "\(name)/\(time)", flag.json)
        }
    }
}

extension EpisodeMedicationReview: AnswerValue {
    /// The answer of `medication-review --episode`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] =
        [
            .init("episode_id", \.value.episodeID),
            .ledger,
            .init("effective_at", \.value.review.effectiveAt),
            .init("ended_at", \.value.review.endedAt),
            .position, .lag, .knownAt, .knownBy, .settings,
        ] + MedicationReview.fields.map { $0.lifted(\.value.review) } + [.parked]
}

extension ClientMedicationReview: AnswerValue {
    /// The answer of `medication-review --client`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] =
        [
            .init("client_id", \.value.clientID),
            .ledger,
            .init("effective_at", \.value.review.effectiveAt),
            .position, .lag, .knownAt, .knownBy,
            .init("episodes", \.value.episodes),
        ] + MedicationReview.clientFields.map { $0.lifted(\.value.review) } + [.parked]
}

extension ClientMedicationReview.Episode: JSONObject {
    /// One open episode of a client.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("program", \.program),
        .init("level_of_care", \.levelOfCare),
        .init("admitted_at", \.admittedAt),
    ]
}

extension MedicationWorklist: AnswerValue {
    /// The answer of `medication-review` about all who are enrolled.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("program", \.value.program),
        .ledger,
        .init("effective_at", \.value.effectiveAt),
        .position, .lag, .knownAt, .knownBy, .settings,
        .init("episodes", \.value.episodes),
        .parked,
    ]
}

extension MedicationWorklist.Episode: JSONObject {
    /// One episode of the list.
    public static let fields: [JSONField<Self>] =
        head + MedicationReview.worklistFields.map { $0.lifted(\.review) }

    fileprivate static let head: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("program", \.program),
        .init("level_of_care", \.levelOfCare),
    ]
}

extension MedicationFlag {
    /// What a line says of a flag.
    fileprivate static let listFields: [JSONField<Self>] = [
        .init("flag", \.flag),
        .init("medications", \.medications),
        .init("text", \.text),
        .init("event_ids", \.eventIDs),
    ]
}

extension EpisodeMedicationReview {
    /// A line for each flag.
    var list: CSVTable {
        CSVTable(
            review.flags,
            [.init("episode_id") { [episodeID] _ in episodeID }] + MedicationFlag.listFields
        )
    }
}

extension ClientMedicationReview {
    /// A line for each flag.
    var list: CSVTable {
        CSVTable(
            review.flags,
            [.init("client_id") { [clientID] _ in clientID }] + MedicationFlag.listFields
        )
    }
}

extension MedicationWorklist {
    /// A line for each flag of each episode, and one for an episode without any.
    var list: CSVTable {
        CSVTable(
            episodes.flatMap { episode -> [(episode: Episode, flag: MedicationFlag?)] in
                let flags = episode.review.flags.sorted { $0.seriousness < $1.seriousness }
                return flags.isEmpty ? [(episode, nil)] : flags.map { (episode, $0) }
            },
            Episode.head.map { $0.lifted(\.episode) } + [
                .init("flag", \.flag?.flag),
                .init("medications") { $0.flag?.medications ?? [] },
                .init("text", \.flag?.text),
                .init("event_ids") { $0.flag?.eventIDs ?? [] },
            ]
        )
    }
}
