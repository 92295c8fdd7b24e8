public import CareEpisode

/// Sessions with who came, who did not and who is unmarked, and the clients they were for.
///
/// Pure: a function of entries, stays and what is asked for.
public struct SessionList: Sendable {
    /// By start.
    public let sessions: [Session]
    /// The episodes of which entries are in the list, by client.
    public let episodes: [Episode]

    /// So many lines may an answer have, entries and who is unmarked together.
    static let mostEntries = 20_000

    /// A session: an id on a local date, since a series may use one; an entry without an id is one
    /// of its own.
    public struct Session: Sendable {
        /// The same for everyone; nil for a missed one without.
        public let sessionID: String?
        /// The local date.
        public let date: CalendarDate
        /// The earliest start that an entry has.
        public let startsAt: Instant
        /// What it was.
        public let kind: MissedSessionKind
        /// The method.
        public let modality: SessionModality?
        /// What it was about.
        public let topic: String?
        /// The programs of the clients.
        public let programs: [String]
        /// Who held it, by id.
        public let facilitators: [String]
        /// By client.
        public let entries: [SessionEntry]
        /// Of a session for a group, who was enrolled at its start and has no entry; by client.
        public fileprivate(set) var unmarked: [Unmarked]
        /// `group_size`.
        public let flags: [EpisodeFlag]

        /// Clients who attended.
        public var attended: Int { clients(.attended).count }
        /// Clients who did not.
        public var missed: Int { clients(.missed).count }

        private func clients(_ outcome: SessionEntry.Outcome) -> Set<String> {
            Set(entries.filter { $0.isOfEpisode && $0.outcome == outcome }.map(\.clientID))
        }
    }

    /// Somebody of whom a session has no entry.
    public struct Unmarked: Hashable, Sendable {
        /// The episode.
        public let episodeID: EpisodeID
        /// The client's pseudonymous key.
        public let clientID: String
        /// The program that the client was enrolled in.
        public let program: String
    }

    /// An episode, and what of the sessions belongs to it.
    public struct Episode: Sendable {
        /// The episode.
        public let episodeID: EpisodeID
        /// The client's pseudonymous key.
        public let clientID: String
        /// The program of the last one.
        public let program: String
        /// Sessions that the client attended.
        public let attended: Int
        /// Sessions that the client missed, by reason; those above zero.
        public let missed: [MissedReason: Int]
        /// The start of the last attended session; nil without one.
        public let lastAttendedAt: Instant?
    }

    /// Puts the list together.
    ///
    /// - Parameters:
    ///   - groups: the sessions that are wanted.
    ///   - stays: at least those that are in force in their programs when they begin.
    /// - Throws: ``SessionListError/tooMany``.
    init(_ groups: SessionGroups, _ stays: [EpisodeSessions.Stay]) throws {
        var sessions = groups.sessions
        var lines = sessions.reduce(0) { $0 + $1.entries.count }
        let ofProgram = Dictionary(grouping: stays, by: \.program)
        for index in sessions.indices where groups.hasRoster(sessions[index]) {
            sessions[index].mark(ofProgram)
            lines += sessions[index].unmarked.count
            guard lines <= Self.mostEntries else { throw SessionListError.tooMany }
        }
        guard lines <= Self.mostEntries else { throw SessionListError.tooMany }
        self.sessions = sessions
        let entries = sessions.flatMap(\.entries).filter(\.isOfEpisode)
        episodes = Dictionary(grouping: entries, by: \.episodeID).map { Episode($0, $1) }
            .sorted { ($0.clientID, $0.episodeID) < ($1.clientID, $1.episodeID) }
    }
}

/// Why there is no list of sessions.
public enum SessionListError: Error, CustomStringConvertible {
    /// It would have more lines than an answer may have.
    case tooMany

    /// What is wrong and what to do.
    public var description: String {
        "the answer would have more than \(SessionList.mostEntries) lines: ask about a shorter "
            + "time, or about one program, session or facilitator"
    }
}

/// The entries that are wanted, session by session.
struct SessionGroups {
    /// By start, with nobody unmarked.
    let sessions: [SessionList.Session]
    private let selection: SessionSelection

    private enum Key: Hashable {
        case session(String, CalendarDate)
        case entry(EventID)
    }

    /// Groups entries, of which those that are not wanted are left out.
    init(_ entries: [SessionEntry], _ selection: SessionSelection, _ calendar: LocalCalendar) {
        self.selection = selection
        let groups = Dictionary(grouping: entries.filter(selection.mayHold)) { entry in
            entry.sessionID.map { .session($0, calendar.date(of: entry.startsAt)) }
                ?? Key.entry(entry.eventID)
        }
        sessions = groups.values.filter(selection.isBy)
            .map { SessionList.Session($0, calendar) }
            .sorted {
                ($0.startsAt, $0.entries[0].eventID) < ($1.startsAt, $1.entries[0].eventID)
            }
    }

    /// Whether it is told who is unmarked: of a session that has an id, for a group.
    func hasRoster(_ session: SessionList.Session) -> Bool {
        selection.hasRosters && session.sessionID != nil && session.kind.isForGroup
    }

    /// The programs whose clients may be unmarked, and when; nil for none.
    var rosters: (programs: Set<String>, from: Instant, to: Instant)? {
        let rosters = sessions.filter(hasRoster)
        guard let first = rosters.first, let last = rosters.last else { return nil }
        return (Set(rosters.flatMap(\.programs)), first.startsAt, last.startsAt)
    }
}

extension MissedSessionKind {
    /// Whether sessions of this kind are for everybody in a program, and not for one client.
    fileprivate var isForGroup: Bool {
        switch self {
        case .group, .psychoeducation, .activity, .occupationalTherapy, .peerSupport, .other: true
        case .individual, .medicationManagement, .caseManagement, .assessment, .crisisIntervention,
            .family:
            false
        }
    }
}

extension SessionList.Session {
    /// A session of at least one entry.
    fileprivate init(_ group: [SessionEntry], _ calendar: LocalCalendar) {
        let byStart = group.sorted { ($0.startsAt, $0.eventID) < ($1.startsAt, $1.eventID) }
        let first = byStart[0]
        sessionID = first.sessionID
        startsAt = first.startsAt
        date = calendar.date(of: first.startsAt)
        kind = (byStart.first { $0.outcome != .missed } ?? first).kind
        modality = byStart.compactMap(\.modality).first
        topic = byStart.compactMap(\.topic).first
        programs = Set(group.filter(\.isOfEpisode).map(\.program)).sorted()
        facilitators = Set(group.flatMap(\.facilitators)).sorted()
        entries = group.sorted { ($0.clientID, $0.eventID) < ($1.clientID, $1.eventID) }
        unmarked = []
        let attended = group.filter { $0.standing == .counted && $0.outcome == .attended }
        let clients = Set(attended.map(\.clientID)).count
        let doubtful = byStart.filter { $0.groupSize.map { $0 < clients } ?? false }
        flags =
            doubtful.isEmpty
            ? []
            : [EpisodeFlag(flag: .groupSize, at: startsAt, eventIDs: doubtful.map(\.eventID))]
    }

    /// Finds which clients were enrolled in one of its programs at its start and have no entry.
    fileprivate mutating func mark(_ stays: [String: [EpisodeSessions.Stay]]) {
        let marked = Set(entries.map(\.clientID))
        unmarked = programs.flatMap { stays[$0] ?? [] }
            .filter { $0.holds(startsAt) && !marked.contains($0.clientID) }
            .map {
                SessionList.Unmarked(
                    episodeID: $0.episodeID,
                    clientID: $0.clientID,
                    program: $0.program
                )
            }
            .sorted { ($0.clientID, $0.episodeID) < ($1.clientID, $1.episodeID) }
    }
}

extension SessionList.Episode {
    /// What of an episode's entries counts; at least one, by session.
    fileprivate init(_ episode: EpisodeID, _ entries: [SessionEntry]) {
        let attended = entries.filter { $0.outcome == .attended }
        let last = entries.max { ($0.startsAt, $0.eventID) < ($1.startsAt, $1.eventID) }
        self.init(
            episodeID: episode,
            clientID: entries[0].clientID,
            program: last?.program ?? "",
            attended: attended.count,
            missed: entries.reduce(into: [:]) { missed, entry in
                if let reason = entry.reason { missed[reason, default: 0] += 1 }
            },
            lastAttendedAt: attended.map(\.startsAt).max()
        )
    }
}
