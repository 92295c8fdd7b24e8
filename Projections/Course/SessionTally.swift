import CareEpisode

/// The sessions of an episode, each counted once.
struct SessionTally {
    /// Every session entry in force, by start: attended, missed, or held with the family alone, and
    /// whether it counts.
    private(set) var entries: [Session] = []
    /// Those that count, each session once, by start.
    private(set) var sessions: [Session] = []
    /// The misses that were expected only since nobody knew of the end yet, by start.
    private(set) var missedAfterEnd: [Session] = []
    /// The last attended session within the episode, by start.
    private(set) var lastAttended: Session?
    /// `outside_episode`, `duplicate_session`, `missed_and_attended`, `overlapping_sessions`.
    private(set) var flags: [EpisodeFlag] = []

    /// One session as an entry has it.
    struct Session {
        /// The entry it comes from.
        let entry: EffectiveHistory.Entry
        /// What that says.
        let recorded: RecordedSession
        /// The local date of its start.
        let date: CalendarDate
        /// Whether it counts, and if not, why.
        fileprivate(set) var standing: SessionStanding

        /// Its actual, or scheduled, start.
        var start: Instant { entry.time }
        var end: Instant { start.advanced(bySeconds: Int64(minutes) * 60) }
        /// Its actual minutes; 0 for a missed one.
        var minutes: Int { recorded.minutes }
        /// Whether the client took part.
        var isAttended: Bool { recorded.outcome == .attended }
        /// Whether its minutes count toward the hours of a week.
        var counts: Bool { recorded.countsTowardHours }
        /// As the census keeps it.
        var counted: EpisodeCensus.Session {
            EpisodeCensus.Session(
                start: start,
                minutes: counts ? minutes : 0,
                outcome: recorded.outcome
            )
        }
    }

    /// The end of an episode as sessions are judged by it.
    struct End {
        /// The local date of the end: the last on which sessions belong to the episode.
        let date: CalendarDate
        /// When the end became known: until then the client was expected.
        let knownAt: Instant
    }

    /// As the census keeps them, by start; what was missed after the end among them, which is later.
    var counted: [EpisodeCensus.Session] { (sessions + missedAfterEnd).map(\.counted) }

    /// The time that the sessions that count toward hours cover in the ISO weeks of their starts,
    /// of all weeks together, in hours.
    var hours: Double {
        var weeks: [LocalWeek: CoveredTime] = [:]
        for session in sessions where session.counts {
            weeks[LocalWeek(of: session.date), default: CoveredTime()].add(session.counted)
        }
        let time = weeks.values.reduce(0) { $0 + $1.microseconds }
        return Double(time) / CoveredTime.microsecondsOfAnHour
    }

    /// Tallies the sessions of a history.
    ///
    /// - Parameters:
    ///   - entries: in the order of an effective history.
    ///   - from: the local date of the admission.
    ///   - end: the end in force; nil for an open episode.
    ///   - calendar: of the ledger's zone.
    /// - Throws: ``UnreadablePayload``, or a refusal, where a recorded session is damaged.
    init(
        _ entries: [EffectiveHistory.Entry],
        from: CalendarDate,
        to end: End?,
        _ calendar: LocalCalendar
    ) throws {
        var places: [Key: Int] = [:]
        for entry in entries {
            guard let recorded = try RecordedSession(entry.type, payload: entry.payload) else {
                continue
            }
            var session = Session(
                entry: entry,
                recorded: recorded,
                date: calendar.date(of: entry.time),
                standing: .counted
            )
            if session.date < from || end.map({ session.date > $0.date }) ?? false {
                session.standing = .outsideEpisode
                if let end, session.date > end.date, session.start <= end.knownAt,
                    case .missed = recorded.outcome
                {
                    session.standing = .missedAfterEnd
                }
            }
            self.entries.append(session)
            if session.standing == .outsideEpisode { flag(.outsideEpisode, session) }
            guard let id = recorded.id else { continue }
            let key = Key(id: id, date: session.date)
            let place = self.entries.count - 1
            guard let other = places[key] else {
                places[key] = place
                continue
            }
            let wins = session.replaces(self.entries[other])
            if wins { places[key] = place }
            let beaten = wins ? other : place
            // What is outside counts in nothing, whatever else is said of it.
            guard self.entries[beaten].standing != .outsideEpisode else { continue }
            flag(.duplicateSession, self.entries[other], session)
            self.entries[beaten].standing = .duplicateSession
        }
        self.entries.sort { ($0.start, $0.entry.position) < ($1.start, $1.entry.position) }
        try findMissedAndAttended()
        sessions = self.entries.filter { $0.standing == .counted }
        missedAfterEnd = self.entries.filter { $0.standing == .missedAfterEnd }
        let attended = sessions.filter(\.isAttended)
        flagOverlaps(attended)
        lastAttended = attended.last
    }

    /// A session is an id on a date: a series may have one id.
    private struct Key: Hashable {
        let id: String
        let date: CalendarDate
    }

    /// Who comes late comes at most so long after the start, in microseconds.
    private static let latest: Int64 = 3_600_000_000

    /// Finds for each miss without an id the attended session of its kind that began a little later.
    ///
    /// The earliest that no other miss has taken. One outside the episode will do: the client was
    /// there.
    private mutating func findMissedAndAttended() throws {
        var taken: Set<Int> = []
        var first = 0
        for place in entries.indices {
            let miss = entries[place]
            guard [.counted, .missedAfterEnd].contains(miss.standing), miss.recorded.id == nil,
                case .missed = miss.recorded.outcome,
                case .sessionMissed(let data) = try miss.entry.decode()
            else { continue }
            while entries[first].start < miss.start { first += 1 }
            for other in entries[first...].indices {
                let session = entries[other]
                let gap = session.start.microseconds - miss.start.microseconds
                // What begins as the missed one was to end is the next one.
                let length = data.scheduledMinutes.map { Int64($0) * 60_000_000 } ?? .max
                guard gap <= Self.latest, gap < length else { break }
                guard [.counted, .outsideEpisode].contains(session.standing),
                    session.isAttended, !taken.contains(other), try session.isLate(data.kind)
                else { continue }
                taken.insert(other)
                entries[place].standing = .missedAndAttended
                flag(.missedAndAttended, miss, session)
                break
            }
        }
    }

    private mutating func flag(_ flag: EpisodeFlag.Flag, _ sessions: Session...) {
        flags.append(
            EpisodeFlag(
                flag: flag,
                at: sessions.map(\.start).max() ?? Instant(microseconds: 0),
                eventIDs: sessions.map(\.entry.eventID)
            )
        )
    }

    private mutating func flagOverlaps(_ attended: [Session]) {
        guard var longest = attended.first else { return }
        for session in attended.dropFirst() {
            if session.start < longest.end { flag(.overlappingSessions, longest, session) }
            if session.end > longest.end { longest = session }
        }
    }
}

extension SessionTally.Session {
    /// Whether it counts before an entry of the same session that came first in the history:
    /// attended beats missed; of two of a kind the later word counts.
    fileprivate func replaces(_ other: Self) -> Bool {
        isAttended == other.isAttended
            ? entry.position > other.entry.position : isAttended
    }

    /// Whether it is of a kind, and the client may have come late to it.
    fileprivate func isLate(_ kind: MissedSessionKind) throws -> Bool {
        switch try entry.decode() {
        case .sessionAttended(let data):
            data.kind.rawValue == kind.rawValue
                && (data.attendance == nil || data.attendance == .late)
        case .familySessionHeld: kind == .family
        case .admitted, .sessionMissed, .medicationAdjusted, .steppedDown, .steppedUp,
            .programChanged, .completed, .discharged, .entryCorrected, .entryRetracted:
            false
        }
    }
}
