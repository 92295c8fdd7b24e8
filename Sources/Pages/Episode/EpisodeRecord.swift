public import CareEpisode
import Documents
public import Ledger
public import Projections

/// An episode as it stood at some clocks, from the questions about it.
public struct EpisodeStand: Sendable {
    /// Its events and their history.
    public var replay: Replay
    /// What they lead to; nil without an admission that was known.
    public var state: EpisodeCensus?
    /// Its weeks; nil without an admission that had happened.
    public var attendance: EpisodeAttendance?
    /// Its medications; nil without an admission that was known.
    public var review: MedicationReview?
    /// Up to when entries take part.
    public var effectiveAt: Instant

    /// An episode at some clocks.
    public init(
        replay: Replay,
        state: EpisodeCensus?,
        attendance: EpisodeAttendance?,
        review: MedicationReview?,
        effectiveAt: Instant
    ) {
        self.replay = replay
        self.state = state
        self.attendance = attendance
        self.review = review
        self.effectiveAt = effectiveAt
    }
}

/// What every page of an episode is made of.
public struct EpisodeRecord: Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// At the page's clocks.
    public var then: EpisodeStand
    /// Now, with everything that is known; the same where the page shows now.
    public var now: EpisodeStand
    /// The version that is replayed; nil where a time is shown.
    public var version: Version?
    /// What the page's address says.
    public var address: PageAddress
    /// The page's clocks.
    public var clocks: PageClocks
    /// How times are written.
    public var format: DisplayFormat
    /// Names, where there are any.
    public var people: People

    /// The record of an episode.
    public init(
        _ episodeID: EpisodeID,
        then: EpisodeStand,
        now: EpisodeStand,
        version: Version?,
        _ address: PageAddress,
        _ clocks: PageClocks,
        _ format: DisplayFormat,
        _ people: People
    ) {
        self.episodeID = episodeID
        self.then = then
        self.now = now
        self.version = version
        self.address = address
        self.clocks = clocks
        self.format = format
        self.people = people
    }

    /// Whether the page shows anything but now and everything.
    var isReplayed: Bool { !clocks.showsNow }

    /// Every recorded event, by version.
    var events: [RecordedEvent] { now.replay.lines.map(\.event) }

    /// The newest version.
    public var newest: Version { events.last?.history.version ?? .zero }

    /// The event of a version; nil where there is none.
    public func event(_ version: Version) -> HistoryEvent? {
        events.first { $0.history.version == version }?.history
    }

    /// The version of an event; nil of one that is not this episode's.
    func version(of event: EventID) -> Version? {
        events.first { $0.history.eventID == event }?.history.version
    }

    // MARK: - Addresses

    /// The timeline, or a page below it, at the same clocks and version.
    func page(_ name: String = "") -> PageAddress {
        let path = "\(address.path.ledgerPath)/episodes/\(episodeID)"
        return address.to(
            name.isEmpty ? path : "\(path)/\(name)",
            ["version": address["version"]]
        )
    }

    /// So many entries are on a page of the timeline.
    static let pageRows = 100

    /// Where an entry stands in the timeline, in the order of recording.
    func entry(_ version: Version) -> String {
        page().with(["page": Self.page(of: version)]).href + "#v\(version)"
    }

    /// The page of the timeline that a version is on; nil of the first.
    static func page(of version: Version) -> String? {
        let number = (Int(version.rawValue) - 1) / pageRows + 1
        return number == 1 ? nil : String(number)
    }
}
