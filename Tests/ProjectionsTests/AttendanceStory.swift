import CareEpisode
import Testing

@testable import Projections

/// An episode of any year, told entry by entry, and its attendance.
struct AttendanceStory {
    private(set) var events: [HistoryEvent] = []
    let calendar: LocalCalendar
    var clock = KnowledgeClock.source

    init(timeZone: String = "UTC") throws {
        calendar = try LocalCalendar(timeZone: timeZone)
    }

    /// Adds an event.
    ///
    /// - Parameters:
    ///   - time: `YYYY-MM-DD`, or `YYYY-MM-DD HH:MM`, in UTC.
    ///   - known: when the source knew it; nil for at once.
    ///   - recorded: when the ledger recorded it; nil for years later.
    @discardableResult
    mutating func add(
        _ data: EventData,
        _ time: String,
        known: String? = nil,
        recorded: String? = nil
    ) -> EventID {
        let number = Int64(events.count + 1)
        let eventID = EventID(bits: UInt128(2_000 + number))
        events.append(
            HistoryEvent(
                position: Position(number),
                version: Version(number),
                eventID: eventID,
                type: data.type,
                occurredAt: moment(time),
                recordedAt: recorded.map(moment)
                    ?? Instant(microseconds: 1_893_456_000_000_000 + number),
                knownAt: moment(known ?? time),
                payload: data.canonicalBytes()
            )
        )
        return eventID
    }

    @discardableResult
    mutating func admit(
        level: LevelOfCare = .intensiveOutpatient,
        program: String = "iop",
        planned: Double? = nil,
        _ time: String
    ) -> EventID {
        add(
            .admitted(
                Admitted(
                    clientID: "C-1",
                    program: program,
                    levelOfCare: level,
                    plannedHoursPerWeek: planned
                )
            ),
            time
        )
    }

    @discardableResult
    mutating func step(
        _ from: LevelOfCare,
        _ to: LevelOfCare,
        planned: Double? = nil,
        _ time: String
    ) -> EventID {
        let step = LevelStep(
            fromLevel: from,
            toLevel: to,
            rationale: "r",
            plannedHoursPerWeek: planned
        )
        return add(to < from ? .steppedDown(step) : .steppedUp(step), time)
    }

    @discardableResult
    mutating func change(program: String? = nil, planned: Double? = nil, _ time: String)
        -> EventID
    {
        add(
            .programChanged(
                ProgramChanged(rationale: "r", program: program, plannedHoursPerWeek: planned)
            ),
            time
        )
    }

    @discardableResult
    mutating func attend(
        _ id: String,
        kind: SessionKind = .group,
        minutes: Int = 60,
        attendance: Attendance? = nil,
        counts: Bool? = nil,
        _ time: String
    ) -> EventID {
        add(
            .sessionAttended(
                SessionAttended(
                    sessionID: id,
                    kind: kind,
                    minutes: minutes,
                    attendance: attendance,
                    countsTowardHours: counts
                )
            ),
            time
        )
    }

    @discardableResult
    mutating func miss(
        _ reason: MissedReason,
        kind: MissedSessionKind = .group,
        id: String? = nil,
        minutes: Int? = nil,
        _ time: String
    ) -> EventID {
        add(
            .sessionMissed(
                SessionMissed(
                    kind: kind,
                    reason: reason,
                    sessionID: id,
                    scheduledMinutes: minutes
                )
            ),
            time
        )
    }

    @discardableResult
    mutating func family(present: Bool, counts: Bool? = nil, _ id: String, _ time: String)
        -> EventID
    {
        add(
            .familySessionHeld(
                FamilySessionHeld(
                    sessionID: id,
                    minutes: 45,
                    participants: [FamilyParticipant(relation: .parent)],
                    clientPresent: present,
                    countsTowardHours: counts
                )
            ),
            time
        )
    }

    /// What the fold says at a time, which is written as the times of the entries are.
    func attendance(
        _ effectiveAt: String,
        _ settings: AttendanceSettings = AttendanceSettings()
    ) throws -> EpisodeAttendance? {
        try attendance(at: moment(effectiveAt), settings)
    }

    func attendance(
        at effectiveAt: Instant,
        _ settings: AttendanceSettings = AttendanceSettings()
    ) throws -> EpisodeAttendance? {
        try EpisodeAttendance.fold(
            try EffectiveHistory(events, knownBy: clock),
            effectiveAt: effectiveAt,
            calendar: calendar,
            settings: settings
        )
    }

    /// The sessions, with all that is known.
    func tally() throws -> SessionTally {
        try #require(try Course(try EffectiveHistory(events), calendar: calendar)).sessions
    }

    /// The weeks that are flagged, with the events that raise it.
    func below(
        _ effectiveAt: String,
        _ settings: AttendanceSettings = AttendanceSettings()
    ) throws -> [String: [EventID]] {
        var found: [String: [EventID]] = [:]
        for week in try attendance(effectiveAt, settings)?.weeks ?? [] {
            for flag in week.flags where flag.flag == .belowWeeklyHours {
                found[week.week.description] = flag.eventIDs
            }
        }
        return found
    }
}

/// An instant in UTC from `YYYY-MM-DD` or `YYYY-MM-DD HH:MM`.
func moment(_ text: String) -> Instant {
    let parts = text.split(separator: " ")
    let clock = parts.count > 1 ? parts[1] : "00:00"
    guard let instant = Instant(rfc3339: "\(parts[0])T\(clock):00Z") else {
        preconditionFailure("\(text) is no time")
    }
    return instant
}
