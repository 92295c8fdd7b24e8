public import CareEpisode
import Documents
public import Ledger
public import Markup
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
    /// Whether who reads it may record events, and the page shows now.
    public var mayRecord = false

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
    public var events: [RecordedEvent] { now.replay.lines.map(\.event) }

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

    /// Of whom a form is: the client and the state, as pieces of a sentence.
    public var about: [HTML] {
        let key = now.state?.clientID ?? now.expectedClient
        var parts: [HTML] = [.text("For ")]
        if let key, let person = people[key] {
            parts += [.tag("span", ["class": "name"], text: person.name), .text(" ")] + person.chip
        }
        let words = key ?? "episode \(episodeID.description.prefix(8))"
        parts += [
            .tag("a", ["class": "id", "href": page().path], text: words),
            .text(", \(now.standing(format, people))."),
        ]
        return parts
    }

    /// The level of care in force now; nil where none is.
    public var level: LevelOfCare? { now.stay?.levelOfCare }

    /// The programs that the episode has been in.
    public var programs: [String] {
        var programs: [String] = []
        for stay in now.state?.stays ?? [] where !programs.contains(stay.program) {
            programs.append(stay.program)
        }
        return programs
    }

    /// What was recorded after a version, as items of a list.
    public func entries(after version: Version) -> [HTML] {
        events.filter { $0.history.version > version }.map { event in
            let words = (try? event.draft().data).map { EntryWords($0, format, people) }
            return .tag(
                "li",
                [
                    .tag(
                        "a",
                        ["href": entry(event.history.version)],
                        text: "Version \(event.history.version)"
                    ),
                    .text(", recorded \(format.dayAndTime(event.history.recordedAt)): "),
                    .text(words.map { "\($0.kind) " } ?? ""),
                ] + (words?.said ?? [])
            )
        }
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

    /// A form that records an event of the episode.
    ///
    /// - Parameters:
    ///   - like: the version of an entry whose fields the form begins with.
    ///   - item: which of the medications that this entry began.
    func form(_ type: EventType, like version: Version? = nil, item: Int = 0) -> String {
        PageAddress(
            "\(address.path.ledgerPath)/record/\(type.rawValue)",
            [
                "episode": [episodeID.description],
                "like": version.map { ["\($0)"] } ?? [],
                "item": item > 0 ? ["\(item)"] : [],
            ]
        ).href
    }

    /// A form that corrects an entry or retracts it.
    func form(_ deed: String, of event: EventID) -> String {
        "\(page().path)/entries/\(event)/\(deed)"
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
