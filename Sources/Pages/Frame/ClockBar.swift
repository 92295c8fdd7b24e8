public import CareEpisode
import Documents
public import Markup
public import ProjectionRuntime

/// The version of an episode that a page replays.
public struct ReplayedVersion: Sendable {
    /// Which.
    public var version: Version
    /// When it became known.
    public var knownAt: Instant
    /// Whether that is the source's word, else the ledger's.
    public var isSourceTime: Bool

    /// A version of an episode.
    public init(_ version: Version, knownAt: Instant, isSourceTime: Bool) {
        self.version = version
        self.knownAt = knownAt
        self.isSourceTime = isSourceTime
    }
}

/// The bar that every page has: which time it shows, what was known, and how complete it is.
public struct ClockBar: Sendable {
    private let address: PageAddress
    private let clocks: PageClocks
    private let moment: Moment

    /// When the page was made, on the wall clock of the ledger.
    var time: String { format.time(moment.now) }

    private let format: DisplayFormat
    private let basis: ReadModelBasis
    private let secondsBehind: Int
    private let viewer: String
    private let replayed: ReplayedVersion?
    private let compares: Bool

    /// The bar of a page.
    ///
    /// - Parameters:
    ///   - address: of the page.
    ///   - clocks: what it asks for.
    ///   - moment: when it is made.
    ///   - format: how times are written.
    ///   - basis: what its answer rests on.
    ///   - secondsBehind: how old the first event is that does not take part; 0 where all do.
    ///   - viewer: who reads it, for what is printed.
    ///   - replayed: the version that the page replays; nil for none.
    ///   - compares: whether the page can compare two knowledge times.
    public init(
        _ address: PageAddress,
        _ clocks: PageClocks,
        at moment: Moment,
        _ format: DisplayFormat,
        _ basis: ReadModelBasis,
        secondsBehind: Int,
        viewer: String,
        replayed: ReplayedVersion? = nil,
        compares: Bool = true
    ) {
        self.address = address
        self.clocks = clocks
        self.moment = moment
        self.format = format
        self.basis = basis
        self.secondsBehind = secondsBehind
        self.viewer = viewer
        self.replayed = replayed
        self.compares = compares
    }

    /// The date that the page shows.
    public var date: CalendarDate {
        switch clocks.effective {
        case .now: moment.today
        case .date(let date): date
        case .instant(let instant): moment.calendar.date(of: instant)
        }
    }

    /// What stands above the content: how far it is behind, what may be wrong in it.
    public var notices: [Notice] {
        var notices: [Notice] = []
        if secondsBehind >= 60 {
            notices.append(
                Notice(
                    .warn,
                    "Behind by \(Words.count(secondsBehind / 60, "minute"))",
                    [
                        .text(
                            "This page is complete to event "
                                + "\(Words.grouped(basis.position.rawValue)); "
                                + "\(Words.count(basis.lag, "later event")) "
                                + "\(basis.lag == 1 ? "is" : "are") not in it yet."
                        )
                    ]
                )
            )
        }
        if !basis.parked.isEmpty {
            let count = basis.parked.count
            notices.append(
                Notice(
                    .stop,
                    "\(Words.count(count, "episode")) could not be read and may be wrong here",
                    [.text("Operators see the reason. ")]
                        + basis.parked.prefix(5).flatMap { episode -> [HTML] in
                            let path = address.path.ledgerPath + "/episodes/\(episode)"
                            return [
                                .tag(
                                    "a",
                                    ["href": address.to(path).href, "class": "id"],
                                    text: "\(episode)"
                                ), .text(" "),
                            ]
                        }
                        + (count > 5 ? [.text("and \(count - 5) more")] : [])
                )
            )
        }
        return notices
    }

    /// The bar.
    public var html: HTML {
        let style: String
        if clocks.knownAt != nil || clocks.compared != nil || replayed != nil {
            style = "clocks past"
        } else {
            style = clocks.effective == .now ? "clocks" : "clocks day"
        }
        return .tag(
            "section",
            ["class": style, "aria-label": "Clocks"],
            [
                .tag("span", ["class": "print"], text: printed),
                replayed == nil || clocks.effective != .now
                    ? .tag("span", ["class": "clock"], [.tag("strong", text: effectiveWords)])
                    : .nothing,
                replayed == nil ? steps : .nothing,
                .tag(
                    "span",
                    ["class": style == "clocks past" ? "clock known what" : "clock known"],
                    text: knownWords
                ),
                links, change,
                .tag("span", ["class": "fresh", "id": "fresh"], freshness),
            ]
        )
    }

    /// How complete the page is: what changes while it is looked at.
    public var freshness: [HTML] {
        [
            .tag("span", ["class": secondsBehind > 0 ? "dot late" : "dot"]), .text(freshWords),
        ]
    }

    // MARK: - Words

    private var effectiveWords: String {
        switch clocks.effective {
        case .now: "Today, \(format.date(moment.today))"
        case .date(let date): "\(format.date(date)), not today"
        case .instant(let instant): "\(format.dateAndTime(instant)), not now"
        }
    }

    private var knownWords: String {
        if let replayed {
            return "As after version \(replayed.version): what was known on "
                + "\(format.dateAndTime(replayed.knownAt)), by "
                + (replayed.isSourceTime ? "the source’s clock" : "the ledger’s clock")
        }
        let known =
            clocks.knownAt.map { "As known on \(format.knowledge($0)), by \(clockWords)" }
            ?? "Everything known so far"
        guard let compared = clocks.compared else { return known }
        return "\(known), compared with what was known on \(format.knowledge(compared))"
    }

    private var clockWords: String {
        clocks.knownBy == .source ? "the sources’ clocks" : "the ledger’s clock"
    }

    private var freshWords: String {
        if replayed != nil {
            return "Event \(Words.grouped(basis.position.rawValue)) is the newest, not shown here"
        }
        let position = "complete to event \(Words.grouped(basis.position.rawValue))"
        if basis.lag > 0 {
            return "\(Words.count(basis.lag, "event")) behind (\(secondsBehind) s) · \(position)"
        }
        return "\(format.time(moment.now)) · \(position)"
    }

    private var printed: String {
        "\(replayed == nil ? "\(effectiveWords); " : "")\(knownWords.lowercasedFirst); complete to event "
            + "\(Words.grouped(basis.position.rawValue)); printed by \(viewer), "
            + "\(format.dateAndTime(moment.now))."
    }

    // MARK: - What can be pressed

    private var steps: HTML {
        let before = date.adding(days: -1)
        let after = date.adding(days: 1)
        let later: HTML
        if after > moment.today {
            later = .tag(
                "button",
                [
                    "class": "button small", "type": "button", "disabled": "",
                    "aria-label": "One day later: not yet",
                ],
                text: "▶"
            )
        } else {
            later = step(to: after, "One day later", "▶")
        }
        return .tag(
            "span",
            ["class": "join"],
            [step(to: before, "One day earlier", "◀"), later]
        )
    }

    private func step(to date: CalendarDate, _ words: String, _ sign: String) -> HTML {
        let target = address.with([
            "date": date == moment.today ? nil : date.description, "effective_at": nil,
            "version": nil, "page": nil,
        ])
        return .tag(
            "a",
            [
                "class": "button small", "href": target.href,
                "aria-label": "\(words), \(format.weekdayAndDay(date))",
            ],
            text: sign
        )
    }

    private var links: HTML {
        var links: [HTML] = []
        func add(_ words: String, _ target: PageAddress) {
            links.append(.button(words, target.href, style: "button small"))
        }
        if clocks.knownAt != nil, compares {
            add(
                "What changed since",
                address.with(["compare": address["known_at"], "known_at": nil, "page": nil])
            )
        }
        if clocks.knownAt == nil, replayed == nil, case .date(let date) = clocks.effective {
            add(
                "As known that day",
                address.with(["known_at": date.description, "compare": nil, "page": nil])
            )
        }
        if clocks.knownAt == nil, clocks.compared == nil, replayed == nil, compares {
            add(
                "Since \(format.weekdayAndDay(friday))",
                address.with(["compare": friday.description, "page": nil])
            )
        }
        if !clocks.isLive {
            let now = address.with([
                "date": nil, "effective_at": nil, "known_at": nil, "known_by": nil,
                "compare": nil, "page": nil, "version": nil,
            ])
            add("Back to now", now)
        }
        return .pieces(links)
    }

    /// The Friday before the day that the page shows.
    private var friday: CalendarDate {
        let monday = LocalWeek(of: date).firstDate
        let friday = monday.adding(days: 4)
        return friday < date ? friday : friday.adding(days: -7)
    }

    private var change: HTML {
        let kept = address.values.filter {
            !["date", "effective_at", "known_at", "known_by", "compare", "page", "version"]
                .contains($0.key)
        }.sorted { $0.key < $1.key }
        let hidden = kept.flatMap { name, values in
            values.map {
                HTML.tag("input", ["type": "hidden", "name": name, "value": $0])
            }
        }
        return .tag(
            "details",
            ["class": "change"],
            [
                .tag("summary", ["class": "button small"], text: "Change…"),
                .tag(
                    "form",
                    ["action": address.path, "method": "get", "class": "fields"],
                    hidden + [
                        field("k-e", "Happened up to", "date", "date", date.description),
                        field(
                            "k-k",
                            "As known on (empty: everything)",
                            "datetime-local",
                            "known_at",
                            clocks.knownAt.map(local) ?? ""
                        ),
                        field(
                            "k-c",
                            "Compared with what was known on",
                            "datetime-local",
                            "compare",
                            clocks.compared.map(local) ?? ""
                        ),
                        .tag(
                            "div",
                            ["class": "field"],
                            [
                                .tag("label", ["for": "k-b"], text: "Known by"),
                                .tag(
                                    "select",
                                    ["id": "k-b", "name": "known_by"],
                                    [
                                        option("source", "the sources’ clocks"),
                                        option("ledger", "the ledger’s clock"),
                                    ]
                                ),
                            ]
                        ),
                        .tag(
                            "div",
                            [
                                .tag(
                                    "button",
                                    ["class": "main", "type": "submit"],
                                    text: "Show"
                                )
                            ]
                        ),
                    ]
                ),
            ]
        )
    }

    private func option(_ value: String, _ words: String) -> HTML {
        let isChosen = value == clocks.knownBy.rawValue
        return .tag(
            "option",
            ["value": value] + (isChosen ? ["selected": ""] : [:]),
            text: words
        )
    }

    private func field(
        _ id: String,
        _ label: String,
        _ type: String,
        _ name: String,
        _ value: String
    ) -> HTML {
        .tag(
            "div",
            ["class": "field"],
            [
                .tag("label", ["for": id], text: label),
                .tag(
                    "input",
                    ["id": id, "type": type, "name": name, "value": value]
                ),
            ]
        )
    }

    /// As a browser's field takes it.
    private func local(_ instant: Instant) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let wall = moment.calendar.wallClock(instant)
        return "\(wall.date)T\(two(wall.hour)):\(two(wall.minute))"
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
