public import CareEpisode
public import Projections

/// One client of a group sheet.
public struct SheetRow: Sendable {
    /// What became of a mark.
    public enum Told: Sendable {
        /// It is recorded.
        case recorded(SheetEntry)
        /// Something else is recorded.
        case other(SheetEntry)
        /// It is not recorded, and why.
        case refused(String)
    }

    /// The episode.
    public var episodeID: EpisodeID
    /// The client's key.
    public var clientID: String
    /// The day of the stay.
    public var day: Int
    /// What happened in the last 14 days.
    public var days: [[EpisodeCensus.Session]]
    /// Whether the client came to one of the last four such sessions.
    public var isUsual: Bool
    /// How many entries of the session the episode had that were retracted.
    public var retracted = 0
    /// The mark that was chosen; nil for none.
    public var mark: SheetMark?
    /// The client's own minutes, as they were typed.
    public var minutes = ""
    /// What is recorded, or became of what was sent.
    public var told: Told?
    /// What is wrong with it.
    public var errors: [FieldError] = []

    /// A client who may have come.
    public init(
        _ episodeID: EpisodeID,
        _ clientID: String,
        day: Int,
        days: [[EpisodeCensus.Session]],
        isUsual: Bool
    ) {
        self.episodeID = episodeID
        self.clientID = clientID
        self.day = day
        self.days = days
        self.isUsual = isUsual
    }

    /// Whether it can be marked.
    public var isOpen: Bool {
        switch told {
        case nil, .refused: true
        case .recorded, .other: false
        }
    }
}

/// What is recorded of a client's part in a session.
public struct SheetEntry: Sendable {
    /// The event.
    public let eventID: EventID
    /// Who states it, by key.
    public let author: String
    /// What it says.
    private let mark: SheetMark?
    private let minutes: Int?

    /// An entry as the list of sessions has it.
    public init(_ entry: SessionEntry) {
        eventID = entry.eventID
        author = entry.author
        mark =
            entry.outcome == .attended
            ? SheetMark(entry.attendance) : entry.reason.map { SheetMark($0) }
        minutes = entry.minutes
    }

    /// An entry as an event has it.
    ///
    /// - Parameter author: who states it, by key.
    public init(_ eventID: EventID, _ data: EventData, author: String) {
        self.eventID = eventID
        self.author = author
        switch data {
        case .sessionAttended(let session):
            mark = SheetMark(session.attendance)
            minutes = session.minutes
        case .sessionMissed(let session):
            mark = SheetMark(session.reason)
            minutes = nil
        default:
            mark = nil
            minutes = nil
        }
    }

    /// Whether it says the same, whoever states it.
    ///
    /// - Parameter minutes: of who was there; nil where nothing is said of them.
    public func says(_ mark: SheetMark, minutes: Int?) -> Bool {
        self.mark == mark && (self.minutes == minutes || self.minutes == nil || minutes == nil)
    }

    /// What it says, in words.
    var words: String {
        let words = mark?.words.lowercased() ?? "another entry"
        return minutes.map { "\(words), \($0) min" } ?? words
    }
}

extension SheetMark {
    fileprivate init(_ attendance: Attendance?) {
        switch attendance {
        case .late: self = .late
        case .leftEarly: self = .leftEarly
        case .full, nil: self = .attended
        }
    }

    fileprivate init(_ reason: MissedReason) {
        switch reason {
        case .noShow: self = .noShow
        case .cancelledByClient: self = .cancelledByClient
        case .cancelledByProgram: self = .cancelledByProgram
        case .excused: self = .excused
        }
    }
}
