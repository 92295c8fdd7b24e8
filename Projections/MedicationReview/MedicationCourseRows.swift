import CareEpisode
import ProjectionRuntime

/// A lineage in the table `medication_lineage`, without its intervals.
struct MedicationLineageRow: ProjectionRow {
    static let table = ProjectionTable("medication_lineage", of: Self.self)

    var episodeID = EpisodeID(bits: 0)
    /// Among the lineages of the episode, from 0.
    var place = 0
    var lineage = MedicationCourse.Lineage(
        id: MedicationCourse.LineageID(eventID: EventID(bits: 0)),
        intervals: [],
        lastEventID: EventID(bits: 0),
        lastEventAt: Instant(microseconds: 0)
    )

    init() {}

    init(_ episode: EpisodeID, place: Int, _ lineage: MedicationCourse.Lineage) {
        (episodeID, self.place, self.lineage) = (episode, place, lineage)
        self.lineage.intervals = []
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column.integer("lineage", &place)
        try column("opened_by", &lineage.id.eventID)
        try column.integer("opened_index", &lineage.id.index)
        try column("last_event_id", &lineage.lastEventID)
        try column("last_event_at", &lineage.lastEventAt)
        var (eventID, since) = (lineage.hold?.eventID, lineage.hold?.since)
        var (until, prescriber) = (lineage.hold?.until, lineage.hold?.prescriber)
        var reason = lineage.hold?.reason
        try column("hold_event_id", &eventID)
        try column("hold_since", &since)
        try column("hold_until", &until)
        try column("hold_prescriber", &prescriber)
        try column.reason("hold_", &reason)
        if let eventID, let since, let prescriber {
            lineage.hold = MedicationCourse.Hold(
                eventID: eventID,
                since: since,
                prescriber: prescriber,
                reason: reason,
                until: until
            )
        }
        var (stopID, stopAt) = (lineage.stop?.eventID, lineage.stop?.at)
        var position = lineage.stop?.position.rawValue
        try column("stop_event_id", &stopID)
        try column("stop_at", &stopAt)
        try column("stop_position", &position)
        if let stopID, let stopAt, let position {
            lineage.stop = MedicationCourse.Stop(
                eventID: stopID,
                at: stopAt,
                position: Position(rawValue: position)
            )
        }
    }
}

/// An interval in the table `medication_interval`.
struct MedicationIntervalRow: ProjectionRow {
    static let table = ProjectionTable("medication_interval", of: Self.self)

    var episodeID = EpisodeID(bits: 0)
    /// Of its lineage, from 0.
    var place = 0
    /// Within its lineage, from 0.
    var ordinal = 0
    var interval = MedicationCourse.Interval(
        medication: Medication(name: ""),
        from: Instant(microseconds: 0),
        startedBy: "",
        eventID: EventID(bits: 0),
        position: .zero,
        knownAt: Instant(microseconds: 0)
    )

    init() {}

    init(
        _ episode: EpisodeID,
        place: Int,
        ordinal: Int,
        _ interval: MedicationCourse.Interval
    ) {
        episodeID = episode
        (self.place, self.ordinal, self.interval) = (place, ordinal, interval)
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column.integer("lineage", &place)
        try column.integer("ordinal", &ordinal)
        var position = interval.position.rawValue
        try column("position", &position)
        interval.position = Position(rawValue: position)
        try column("event_id", &interval.eventID)
        try column.medication(&interval.medication)
        try column.regimen("", &interval.regimen)
        try column("from_at", &interval.from)
        try column("to_at", &interval.to)
        try column("started_by", &interval.startedBy)
        try column("ended_by", &interval.endedBy)
        try column("prescriber", &interval.prescriber)
        try column.reason("", &interval.reason)
        var knownAt: Instant? = interval.knownAt
        try column("known_at", &knownAt)
        interval.knownAt = knownAt ?? interval.from
        try column("end_known_at", &interval.endKnownAt)
    }
}

/// A change in the table `medication_change`.
struct MedicationChangeRow: ProjectionRow {
    static let table = ProjectionTable("medication_change", of: Self.self)

    var episodeID = EpisodeID(bits: 0)
    /// Among the changes of the episode, from 0.
    var ordinal = 0
    /// Of the lineage that it applied to or opened.
    var place: Int?
    /// Without its lineage.
    var change = MedicationCourse.Change(
        eventID: EventID(bits: 0),
        at: Instant(microseconds: 0),
        change: .unchanged,
        medication: Medication(name: ""),
        prescriber: ""
    )

    init() {}

    init(
        _ episode: EpisodeID,
        ordinal: Int,
        _ change: MedicationCourse.Change,
        _ places: [MedicationCourse.LineageID: Int]
    ) {
        (episodeID, self.ordinal, self.change) = (episode, ordinal, change)
        place = change.lineage.flatMap { places[$0] }
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column.integer("ordinal", &ordinal)
        try column("event_id", &change.eventID)
        try column("at", &change.at)
        try column.code("change", &change.change)
        try column.integer("lineage", &place)
        try column.medication(&change.medication)
        try column.regimen("from_", &change.fromRegimen)
        try column.regimen("to_", &change.toRegimen)
        try column("prescriber", &change.prescriber)
        try column.reason("", &change.reason)
        try column.code("matched_by", &change.matchedBy)
    }
}

extension ColumnVisitor {
    fileprivate mutating func medication(_ medication: inout Medication) throws {
        try self("name", &medication.name)
        try self("rxcui", &medication.rxcui)
        try self("ndc", &medication.ndc)
        try self("form", &medication.form)
        try self("strength", &medication.strength)
        try self("order_id", &medication.orderID)
    }

    /// An empty regimen is another thing than none.
    fileprivate mutating func regimen(_ prefix: String, _ regimen: inout Regimen?) throws {
        var isThere = regimen != nil
        var known = regimen ?? Regimen()
        try self("has_\(prefix)regimen", &isThere)
        try self("\(prefix)dose", &known.dose)
        try self("\(prefix)unit", &known.unit)
        try self("\(prefix)route", &known.route)
        try self("\(prefix)frequency", &known.frequency)
        try self("\(prefix)times_per_day", &known.timesPerDay)
        try self("\(prefix)as_needed", &known.asNeeded)
        regimen = isThere ? known : nil
    }

    /// An empty reason is another thing than none.
    fileprivate mutating func reason(_ prefix: String, _ reason: inout MedicationReason?) throws {
        var isThere = reason != nil
        var (code, text) = (reason?.code?.rawValue, reason?.text)
        try self("has_\(prefix)reason", &isThere)
        try self("\(prefix)reason_code", &code)
        try self("\(prefix)reason_text", &text)
        reason =
            isThere
            ? MedicationReason(code: code.map(MedicationReasonCode.init(rawValue:)), text: text)
            : nil
    }
}
