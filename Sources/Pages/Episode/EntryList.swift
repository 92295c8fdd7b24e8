import CareEpisode
import Documents
import Ledger
import Markup
import Projections

/// Every entry of an episode, with what became of it.
struct EntryList {
    private let record: EpisodeRecord
    private let format: DisplayFormat
    private let page: Int
    private let rows: [Row]
    private let byHappening: Bool
    private let versions: [EventID: Version]

    /// One recorded event.
    private struct Row {
        let line: Replay.Line
        /// As it counts; nil where it does not.
        let entry: EffectiveHistory.Entry?
        /// Whether it is not known yet at the page's clocks.
        let isLater: Bool

        var event: HistoryEvent { line.event.history }
        var time: Instant { entry?.time ?? event.occurredAt }
    }

    /// - Parameter page: which hundred entries; nil for that of the version shown.
    init(_ record: EpisodeRecord, page: Int?) {
        self.record = record
        format = record.format
        byHappening = record.address["by"] == "happening"
        versions = Dictionary(
            record.events.map { ($0.history.eventID, $0.history.version) },
            uniquingKeysWith: { first, _ in first }
        )
        let entries = Dictionary(
            record.then.replay.history.entries.map { ($0.eventID, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let known = Dictionary(
            record.then.replay.lines.map { ($0.event.history.eventID, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var rows = record.now.replay.lines.map { line in
            let then = known[line.event.history.eventID]
            return Row(
                line: then ?? line,
                entry: entries[line.event.history.eventID],
                isLater: then == nil
            )
        }
        if byHappening {
            rows.sort { ($0.time, $0.event.version) < ($1.time, $1.event.version) }
        }
        self.rows = rows
        let place = rows.firstIndex { $0.event.version == record.version } ?? 0
        self.page = page ?? place / EpisodeRecord.pageRows + 1
    }

    /// Whether there is such a page.
    var hasPage: Bool { page == 1 || (page - 1) * EpisodeRecord.pageRows < rows.count }

    private var pages: Int { (rows.count + EpisodeRecord.pageRows - 1) / EpisodeRecord.pageRows }

    private var shown: ArraySlice<Row> {
        rows.dropFirst((page - 1) * EpisodeRecord.pageRows).prefix(EpisodeRecord.pageRows)
    }

    var panel: HTML {
        let order = byHappening ? "In the order of happening" : "In the order of recording"
        let other = record.address.with(["by": byHappening ? nil : "happening", "page": nil])
        let from = (page - 1) * EpisodeRecord.pageRows + 1
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-ev"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-ev"], text: "Entries"),
                        .tag(
                            "p",
                            [
                                .text(
                                    "\(order) · \(from) to \(from + shown.count - 1) of "
                                        + "\(rows.count) · "
                                ),
                                .tag(
                                    "a",
                                    ["href": other.href],
                                    text: byHappening
                                        ? "by when they were recorded" : "by when they happened"
                                ),
                            ]
                        ),
                    ]
                ),
                .tag(
                    "div",
                    [
                        "class": "scroll", "tabindex": "0", "role": "region",
                        "aria-label": "Table of entries",
                    ],
                    [table]
                ),
                Pager(page: page, of: pages, record.address).html,
            ]
        )
    }

    private var table: HTML {
        let clock = record.clocks.knownBy == .source ? "source" : "ledger"
        let columns: [(String, Attributes)] = [
            ("Version", ["scope": "col", "class": "num"]), ("Happened", ["scope": "col"]),
            ("Known (\(clock))", ["scope": "col"]), ("What", ["scope": "col"]),
            ("Stated by", ["scope": "col"]),
        ]
        return .tag(
            "table",
            ["class": "events"],
            [
                .tag("thead", [.tag("tr", columns.map { .tag("th", $1, text: $0) })]),
                .tag("tbody", shown.map(row)),
            ]
        )
    }

    private func row(_ row: Row) -> HTML {
        let event = row.event
        let isRetracted = row.line.standing == .retracted
        var style = ""
        if row.isLater { style = "later" } else if isRetracted { style = "retracted" }
        let attributes: Attributes =
            ["id": "v\(event.version)", "data-row": ""]
            + (["class": style] as Attributes).when(!style.isEmpty)
            + (["aria-current": "step"] as Attributes).when(event.version == record.version)
        let address = record.address.with([
            "version": event.version.description, "known_at": nil, "known_by": nil,
            "compare": nil, "date": nil, "effective_at": nil,
        ])
        let author = try? row.line.event.decodeHeader().author
        return .tag(
            "tr",
            attributes,
            [
                .tag(
                    "td",
                    ["class": "num"],
                    [
                        .tag(
                            "a",
                            [
                                "href": address.href,
                                "aria-label": "State after version \(event.version)",
                            ],
                            text: event.version.description
                        )
                    ]
                ),
                .tag("td", ["class": "nb"], happened(row)),
                .tag("td", ["class": "nb more"], known(row)),
                .tag("td", ["class": "what"], what(row)),
                .tag(
                    "td",
                    ["class": "by"],
                    author.map { author in
                        [
                            .text(record.people.name(author.id)), .tag("br"),
                            .tag(
                                "span",
                                ["class": "quiet"],
                                text: Words.code(author.role.rawValue)
                            ),
                        ]
                    } ?? [.text("–")]
                ),
            ]
        )
    }

    // MARK: - Cells

    private func time(_ instant: Instant) -> String {
        spansYears ? format.dateAndTime(instant) : format.dayAndTime(instant)
    }

    /// Whether days need their year to be told apart.
    private var spansYears: Bool {
        let years = rows.map { format.calendar.date(of: $0.event.occurredAt).year }
        return years.min() != years.max()
    }

    private func happened(_ row: Row) -> [HTML] {
        if row.event.type.isAmendment { return [.text("–")] }
        let was = row.event.occurredAt
        guard row.time != was else { return [.text(time(was))] }
        return [
            .tag("span", ["class": "was"], text: time(was)), .tag("br"),
            .tag("span", ["class": "now"], text: time(row.time)),
        ]
    }

    private func known(_ row: Row) -> [HTML] {
        let known = row.line.knowledgeTime
        let isSameDay =
            !row.event.type.isAmendment
            && format.calendar.date(of: known) == format.calendar.date(of: row.event.occurredAt)
        let text = isSameDay ? format.time(known) : time(known)
        guard record.clocks.knownBy == .source, !row.line.isSourceTime else { return [.text(text)] }
        return [.text(text), .tag("span", ["class": "quiet"], text: " ledger’s clock")]
    }

    private func what(_ row: Row) -> [HTML] {
        guard let data = try? row.line.event.draft().data else {
            return [
                .tag("span", ["class": "kind"], text: Words.title(row.event.type.rawValue)),
                .text(" cannot be read by this program"),
            ]
        }
        let words = EntryWords(data, format, record.people)
        var parts: [HTML] = [.tag("span", ["class": "kind"], text: words.kind), .text(" ")]
        if let target = row.event.amendedEventID {
            parts.append(
                .tag(
                    "span",
                    ["class": "said"],
                    [
                        .text("of version "), link(target, { $0.description }), .text(": "),
                    ] + words.said
                )
            )
        } else if let entry = row.entry, !entry.correctedBy.isEmpty,
            let corrected = try? entry.decode()
        {
            let now = EntryWords(corrected, format, record.people)
            if HTML.pieces(now.said).markup == HTML.pieces(words.said).markup {
                parts.append(.tag("span", ["class": "said"], words.said))
            } else {
                parts += [
                    .tag("span", ["class": "was"], [.text("was ")] + words.said), .text(" "),
                    .tag("span", ["class": "said now"], now.said),
                ]
            }
        } else {
            parts.append(.tag("span", ["class": "said"], words.said))
        }
        return parts + chips(row) + forms(row)
    }

    /// What can be done about an entry.
    private func forms(_ row: Row) -> [HTML] {
        guard record.mayRecord, !row.event.type.isAmendment, row.line.standing != .retracted else {
            return []
        }
        return [("correct", "Correct"), ("retract", "Retract")].flatMap { deed, words -> [HTML] in
            [
                .text(" "),
                .tag(
                    "a",
                    [
                        "class": "quiet", "href": record.form(deed, of: row.event.eventID),
                        "aria-label": "\(words) version \(row.event.version)",
                    ],
                    text: words
                ),
            ]
        }
    }

    private func chips(_ row: Row) -> [HTML] {
        var chips: [HTML] = []
        func chip(_ event: EventID, _ words: String) {
            guard let version = versions[event] else { return }
            chips.append(
                .tag(
                    "a",
                    ["class": "chip known", "href": record.entry(version)],
                    text: "\(words) \(version)"
                )
            )
        }
        if !row.isLater {
            if let retraction = row.line.retractedBy {
                chip(retraction, "Retracted by")
                chips += reason(of: retraction)
            } else if let correction = row.line.correctedBy.last {
                chip(correction, "Corrected by")
            }
        }
        if let late = Lateness(row.event) {
            chips.append(.tag("span", ["class": "chip known"], text: "Late, \(late.words)"))
        }
        if row.line.standing == .liesAhead {
            chips.append(.tag("span", ["class": "chip line"], text: "Lies ahead"))
        }
        return chips.flatMap { [.text(" "), $0] }
    }

    /// Why an entry was retracted, and by whom.
    private func reason(of retraction: EventID) -> [HTML] {
        let event = record.events.first { $0.history.eventID == retraction }
        guard let draft = try? event?.draft(), case .entryRetracted(let data) = draft.data else {
            return []
        }
        let text = "“\(data.reason)”, \(record.people.name(draft.author.id))"
        return [.tag("span", ["class": "quiet"], text: text)]
    }

    private func link(_ event: EventID, _ words: (Version) -> String) -> HTML {
        guard let version = versions[event] else { return .text("an entry") }
        return .tag("a", ["href": record.entry(version)], text: words(version))
    }
}

/// How long after it happened an entry became known, where that is more than a day.
struct Lateness {
    private let seconds: Int64

    /// Nil of an amendment, and of an entry that is not late.
    init?(_ event: HistoryEvent) {
        let seconds = (event.knownAt.microseconds - event.occurredAt.microseconds) / 1_000_000
        guard !event.type.isAmendment, seconds > 86_400 else { return nil }
        self.seconds = seconds
    }

    /// "1 d 2 h", "12 d".
    var words: String {
        let hours = seconds / 3_600
        let (days, rest) = (hours / 24, hours % 24)
        return rest == 0 || days > 9 ? "\(Words.grouped(days)) d" : "\(days) d \(rest) h"
    }
}
