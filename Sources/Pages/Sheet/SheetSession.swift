public import CareEpisode

/// The session that a group sheet is of: what tells it from any other.
public struct SheetSession: Sendable {
    /// The program whose clients may have come.
    public var program: String
    /// What it was.
    public var kind: SessionKind
    /// When it began, on the ledger's clock.
    public var startsAt: Instant
    /// Who held it, by key; the first where several did.
    public var facilitator: String
    /// The id that its entries share.
    public var sessionID: String

    /// A session.
    public init(
        program: String,
        kind: SessionKind,
        startsAt: Instant,
        facilitator: String,
        sessionID: String
    ) {
        self.program = program
        self.kind = kind
        self.startsAt = startsAt
        self.facilitator = facilitator
        self.sessionID = sessionID
    }
}

/// What can be said of a client in a group sheet.
public enum SheetMark: String, CaseIterable, Sendable {
    case attended, late
    case leftEarly = "left_early"
    case noShow = "no_show"
    case cancelledByClient = "cancelled_by_client"
    case excused
    case cancelledByProgram = "cancelled_by_program"

    /// What is chosen for one client; that the program canceled is said of all.
    public static let ofRow: [SheetMark] = [
        .attended, .late, .leftEarly, .noShow, .cancelledByClient, .excused,
    ]

    /// How much of it was attended; nil of who was not there.
    var attendance: Attendance? {
        switch self {
        case .attended: .full
        case .late: .late
        case .leftEarly: .leftEarly
        case .noShow, .cancelledByClient, .excused, .cancelledByProgram: nil
        }
    }

    /// In words.
    public var words: String {
        switch self {
        case .attended: "Attended"
        case .late: "Late"
        case .leftEarly: "Left early"
        case .noShow: "No-show"
        case .cancelledByClient: "Client canceled"
        case .excused: "Excused"
        case .cancelledByProgram: "Program canceled"
        }
    }
}

/// What a sheet says of the session itself, as it was typed.
public struct SheetFields: Sendable {
    /// The names of its fields, in their order.
    public static let names = [
        "minutes", "modality", "mode", "topic", "author/id", "author/role",
    ]

    /// The pointer of an error about somebody who is added.
    public static let added = "/add_key"

    private var texts: [String: String]

    /// What was typed.
    public init(_ texts: [String: String]) { self.texts = texts }

    /// The text of a field.
    public subscript(_ name: String) -> String {
        get { texts[name] ?? "" }
        set { texts[name] = newValue }
    }

    /// The entry that a mark is, as a program would send it.
    public func event(
        _ id: EventID,
        _ mark: SheetMark,
        minutes: String,
        of session: SheetSession,
        _ calendar: LocalCalendar
    ) -> FormEvent {
        var values = FormValues([
            (name: "/event_id", value: "\(id)"),
            (name: "/occurred_at", value: session.startsAt.description),
            (name: "/author/id", value: self["author/id"]),
            (name: "/author/role", value: self["author/role"]),
            (name: "/data/session_id", value: session.sessionID),
            (name: "/data/kind", value: session.kind.rawValue),
        ])
        guard let attendance = mark.attendance else {
            values["/data/reason"] = mark.rawValue
            values["/data/scheduled_minutes"] = self["minutes"]
            return FormEvent(.sessionMissed, target: nil, values, calendar)
        }
        values["/data/attendance"] = attendance.rawValue
        values["/data/minutes"] = minutes.isEmpty ? self["minutes"] : minutes
        values["/data/modality"] = self["modality"]
        values["/data/mode"] = self["mode"]
        values["/data/topic"] = self["topic"]
        values["/data/facilitators/0/id"] = session.facilitator
        return FormEvent(.sessionAttended, target: nil, values, calendar)
    }
}
