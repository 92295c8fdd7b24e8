public import CareEpisode
import Documents
public import Markup
public import ProjectionRuntime
import Projections

/// What differs in the answer about many clients between two knowledge times, client by client.
public struct ListComparison: Sendable {
    private let difference: KnowledgeDifference
    private let clients: [EpisodeID: String]
    private let address: PageAddress
    private let clocks: PageClocks
    private let format: DisplayFormat
    private let people: People

    /// Of so many clients the differences are told.
    static let clientLimit = 100
    /// And so many of one client.
    static let rowLimit = 20

    /// What differs.
    ///
    /// - Parameters:
    ///   - difference: between the two knowledge times of the page.
    ///   - clients: the keys of the episodes that the page knows.
    ///   - address: of the page.
    ///   - clocks: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    public init(
        _ difference: KnowledgeDifference,
        clients: [EpisodeID: String],
        _ address: PageAddress,
        _ clocks: PageClocks,
        _ format: DisplayFormat,
        _ people: People
    ) {
        self.difference = difference
        self.clients = clients
        self.address = address
        self.clocks = clocks
        self.format = format
        self.people = people
    }

    /// The differences of one client.
    private struct Client {
        let episode: EpisodeID
        var key: String?
        var lines: [Line] = []
        var events: Set<EventID> = []
    }

    /// One difference in words.
    private struct Line {
        let item: String
        let before: String?
        let after: String?
        let events: [EventID]
        /// Steps on the way are told last.
        let isDetail: Bool

        /// Whether something came or went.
        var isMove: Bool { !isDetail && (before == nil || after == nil) }

        /// In a few words.
        var brief: String {
            if isDetail { return item }
            let isShort = (before ?? "").count + (after ?? "").count < 60
            switch (before, after) {
            case (nil, let after): return isShort ? "\(item): \(after ?? "")" : "\(item): new"
            case (let before, nil):
                return isShort ? "\(item): \(before ?? ""), no longer" : "\(item): gone"
            case (let before?, let after?): return isShort ? "\(item) \(before) → \(after)" : item
            }
        }
    }

    private var all: (whole: [Line], clients: [Client]) {
        var whole: [Line] = []
        var found: [EpisodeID: Client] = [:]
        for change in difference.changes {
            let path = change.item.split(separator: "/").map(String.init)
            guard path.count > 1, let episode = EpisodeID(path[1]) else {
                whole += lines(change, path)
                continue
            }
            var client = found[episode] ?? Client(episode: episode, key: clients[episode])
            if client.key == nil {
                client.key = (change.after ?? change.before)?["client_id"]?.text
            }
            client.lines += lines(change, Array(path.dropFirst(2)))
            client.events.formUnion(change.because)
            found[episode] = client
        }
        // Who came or went is told first.
        let shown = found.values.filter { !$0.lines.isEmpty }.map { client in
            (client.lines.contains(where: \.isMove) ? 0 : 1, name(client), client)
        }.sorted { ($0.0, $0.1, $0.2.episode) < ($1.0, $1.1, $1.2.episode) }.map(\.2)
        return (whole, shown)
    }

    /// The keys that a difference names.
    public static func clients(in difference: KnowledgeDifference) -> Set<String> {
        Set(difference.changes.compactMap { ($0.after ?? $0.before)?["client_id"]?.text })
    }

    private func name(_ client: Client) -> String {
        client.key.map { people.name($0) } ?? "Episode \(client.episode.description.prefix(8))"
    }

    // MARK: - Words

    /// Members that follow from others, or are told by them.
    private static let derived: Set<String> = [
        "day_of_stay", "days", "days_not_seen", "present_week_hours", "last_attended_at",
        "episode_id", "client_id", "tracks", "track",
    ]

    /// A change in words: of a whole row that is there both times, member by member.
    private func lines(_ change: KnowledgeDifference.Change, _ path: [String]) -> [Line] {
        var parts: [KnowledgeDifference.Change] = []
        let isRow = path.first == "groups" || (path.count < 2 && change.item.contains("/"))
        if isRow, case .object(let old)? = change.before, case .object(let new)? = change.after {
            for (name, value) in new where !Self.derived.contains(name) {
                let before = old.first { $0.name == name }?.value
                guard before?.bytes != value.bytes else { continue }
                var part = change
                part.item = name
                part.before = before
                part.after = value
                parts.append(part)
            }
            // A program's name is written as it is.
            let row = path.first == "groups" && path.count > 1 ? "\(path[1]), " : nil
            return parts.map {
                let member = Self.memberWords[$0.item] ?? Words.code($0.item)
                return line($0, row.map { $0 + member } ?? Words.title(member))
            }
        }
        if (change.after ?? change.before)?["client_id"] != nil {
            let program = (change.after ?? change.before)?["program"]?.text ?? "–"
            let isIn = change.after != nil
            let isEnd = change.item.hasPrefix("summaries/")
            return [
                Line(
                    item: isEnd ? "Ended" : "Enrolled",
                    before: isIn ? nil : program,
                    after: isIn ? program : nil,
                    events: change.because,
                    isDetail: false
                )
            ]
        }
        var part = change
        if !path.isEmpty { part.item = path.joined(separator: "/") }
        return [line(part, nil)]
    }

    private static let memberWords = [
        "last_week": "hours of the last whole week", "hours_last_7_days": "hours in 7 days",
        "last_attended_on": "last seen", "no_shows_in_a_row": "no-shows in a row",
        "total": "episodes", "total_clients": "clients",
    ]

    private func line(_ change: KnowledgeDifference.Change, _ item: String?) -> Line {
        let told = ChangeWords(change, format.calendar)
        let list = change.item.split(separator: "/").first.map(String.init) ?? ""
        func words(_ value: AnswerJSON?, _ told: String?) -> String? {
            guard let value else { return nil }
            switch (list, value) {
            case ("flags", .array(let flags)):
                let names = flags.compactMap { $0["flag"]?.text.map { FlagWords.of($0).words } }
                return names.isEmpty ? "none" : names.joined(separator: ", ")
            case ("flags", .object):
                return value["flag"]?.text.map { FlagWords.of($0).words } ?? told
            case ("last_week", .object):
                return value["hours"]?.number.map { "\(Words.decimal($0)) h" }
            case ("last_attended_on", .string(let text)):
                return CalendarDate(iso8601: text).map { format.date($0) } ?? told
            case (_, .number(let number)): return Words.decimal(number)
            default: return told
            }
        }
        let value = change.after ?? change.before
        var name = item ?? Words.title(Self.memberWords[change.item] ?? told.item)
        if item == nil, list == "flags" { name = "Flag" }
        if list == "changes", let kind = value?["change"]?.text,
            let medication = value?["medication"]?["name"]?.text
        {
            name = "\(Words.title(kind)): \(medication)"
        }
        return Line(
            item: name,
            before: words(change.before, told.before),
            after: words(change.after, told.after),
            events: change.because,
            isDetail: ["timeline", "changes"].contains(list)
        )
    }

    // MARK: - The panel

    /// What differs: of the whole, then of each client.
    public var panel: HTML {
        let (whole, clients) = all
        var content: [HTML] = []
        if !whole.isEmpty {
            content.append(
                DifferenceTable.table("Table of what differs on the whole", whole.map(row))
            )
        }
        content += clients.prefix(Self.clientLimit).map(fold)
        if clients.count > Self.clientLimit {
            content.append(
                .tag(
                    "p",
                    ["class": "allergies quiet"],
                    text: "and \(Figure.count(clients.count - Self.clientLimit)) more clients: "
                        + "choose a program to see them"
                )
            )
        }
        if content.isEmpty {
            content = [.tag("p", ["class": "body"], text: "Nothing differs.")]
        }
        return .panel(
            "h-diff",
            "What differs",
            note: [
                .text(
                    "\(Words.count(clients.count, "client")) "
                        + DifferenceTable.between(clocks, format)
                )
            ],
            content
        )
    }

    private func row(_ line: Line) -> DifferenceTable.Row {
        DifferenceTable.Row(
            item: [.text(line.item)],
            before: line.before.map { [.text($0)] },
            after: line.after.map { [.text($0)] },
            entries: [.text(line.events.isEmpty ? "–" : "\(Set(line.events).count)")]
        )
    }

    private func fold(_ client: Client) -> HTML {
        let lines = client.lines.filter { !$0.isDetail } + client.lines.filter(\.isDetail)
        let first = lines.prefix(3).map(\.brief)
        var note: [String] = []
        for words in first where !note.contains(words) { note.append(words) }
        if lines.count > first.count { note.append("\(lines.count - first.count) more") }
        let heading: [HTML] =
            client.key.map { key in
                people[key].map {
                    [.text("\($0.name) "), .tag("span", ["class": "key-of id"], text: key)]
                }
                    ?? [.tag("span", ["class": "id"], text: key)]
            } ?? [.text(name(client))]
        let path = "\(address.path.ledgerPath)/episodes/\(client.episode)"
        let more = lines.count - Self.rowLimit
        return DifferenceTable.fold(
            heading,
            note: note.joined(separator: "; "),
            isOpen: false,
            .pieces([
                DifferenceTable.table(
                    "Table of what differs",
                    lines.prefix(Self.rowLimit).map(row)
                ),
                .tag(
                    "p",
                    ["class": "allergies"],
                    [
                        .text(more > 0 ? "\(Words.count(more, "more difference")). " : ""),
                        .tag(
                            "a",
                            ["href": address.to(path).href],
                            text: "The whole episode, both times"
                        ),
                    ]
                ),
            ])
        )
    }
}

/// A list, and below its heading what differs in it between two knowledge times.
public struct ComparedView<View: PageView>: PageView {
    private let view: View
    private let comparison: ListComparison?

    /// A list with what differs; without it where nothing is compared.
    public init(_ view: View, _ comparison: ListComparison?) {
        self.view = view
        self.comparison = comparison
    }

    /// The list's.
    public var title: String { view.title }
    /// The list's.
    public var place: PageName? { view.place }
    /// The list's.
    public var parts: [String: [HTML]] { view.parts }

    /// The heading, what differs, the list.
    public var content: [HTML] {
        let content = view.content
        return content.prefix(1) + (comparison.map { [$0.panel] } ?? []) + content.dropFirst()
    }
}

extension AnswerJSON {
    fileprivate subscript(name: String) -> AnswerJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    fileprivate var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    fileprivate var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
