public import CareEpisode
import Documents
public import Markup
public import ProjectionRuntime
import Projections

/// What differs in a list between two knowledge times: first on the whole, then client by client, folded,
/// who came or went before who has changed.
public struct DifferencePanel: Sendable {
    /// Where an entry stands.
    public struct Place: Sendable {
        /// The episode.
        public var episode: EpisodeID
        /// Its version.
        public var version: Version

        /// A place of an episode.
        public init(_ episode: EpisodeID, _ version: Version) {
            self.episode = episode
            self.version = version
        }
    }

    /// So many differences are told.
    public static let limit = 500
    /// So many entries of a difference are linked.
    public static let entryLimit = 5

    private let difference: KnowledgeDifference
    private let places: [EventID: Place]
    private let clients: [EpisodeID: String]
    private let address: PageAddress
    private let format: DisplayFormat
    private let people: People

    /// What differs.
    ///
    /// - Parameters:
    ///   - difference: what the question answers.
    ///   - places: of the entries that made it.
    ///   - clients: whose the episodes of the list are.
    ///   - address: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    public init(
        _ difference: KnowledgeDifference,
        places: [EventID: Place],
        clients: [EpisodeID: String],
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People
    ) {
        self.difference = difference
        self.places = places
        self.clients = clients
        self.address = address
        self.format = format
        self.people = people
    }

    /// The differences that are told, in the order of the answer.
    public static func told(_ difference: KnowledgeDifference) -> [KnowledgeDifference.Change] {
        // Who came or went is never left out for who has changed.
        let moves = difference.changes.filter { ($0.before == nil) != ($0.after == nil) }
        let others = difference.changes.filter { ($0.before == nil) == ($0.after == nil) }
        return Array((moves + others).prefix(limit))
    }

    /// The differences of one client.
    private struct Client {
        let episode: EpisodeID
        var key: String?
        var lines: [DifferenceLine] = []
    }

    private var all: (whole: [DifferenceLine], clients: [Client]) {
        var whole: [DifferenceLine] = []
        var found: [EpisodeID: Client] = [:]
        for change in Self.told(difference) {
            let line = DifferenceLine(change, format)
            let path = change.item.split(separator: "/").map(String.init)
            guard path.count > 1, let episode = EpisodeID(path[1]) else {
                whole.append(line)
                continue
            }
            var client = found[episode] ?? Client(episode: episode, key: clients[episode])
            client.key = client.key ?? line.client
            client.lines.append(line)
            found[episode] = client
        }
        let sorted = found.values.map { client in
            (client.lines.contains(where: \.isMove) ? 0 : 1, name(client), client)
        }.sorted { ($0.0, $0.1, $0.2.episode) < ($1.0, $1.1, $1.2.episode) }.map(\.2)
        return (whole, sorted)
    }

    private func name(_ client: Client) -> String {
        client.key.map { people.name($0) } ?? "Episode \(client.episode.description.prefix(8))"
    }

    // MARK: - The panel

    /// On the whole, then client by client.
    public var html: HTML {
        let (whole, clients) = all
        var content: [HTML] = []
        if !whole.isEmpty {
            content.append(
                DifferenceTable.table(
                    "Table of what differs on the whole",
                    whole.map { line in
                        // Of many clients: which entries, the clients say.
                        let count = Set(line.events).count
                        return row(line, [.text("\(count) \(count == 1 ? "entry" : "entries")")])
                    }
                )
            )
        }
        content += clients.map(fold)
        if content.isEmpty {
            content = [.tag("p", ["class": "body"], text: "Nothing differs.")]
        }
        let count = difference.changes.count
        var note = "\(Words.count(count, "difference")) \(between)"
        if count > Self.limit { note += "; the first \(Self.limit) are told" }
        return .panel("h-diff", "What differs", note: [.text(note)], content)
    }

    private var between: String {
        DifferenceTable.between(
            difference.first,
            address["known_at"] == nil ? nil : difference.second,
            difference.clock,
            format
        )
    }

    private func row(_ line: DifferenceLine, _ entries: [HTML]) -> DifferenceTable.Row {
        DifferenceTable.Row(
            item: [.text(line.item)],
            before: line.before.map { [.text($0)] },
            after: line.after.map { [.text($0)] },
            entries: entries
        )
    }

    private func fold(_ client: Client) -> HTML {
        let lines = client.lines.filter { !$0.isDetail } + client.lines.filter(\.isDetail)
        let first = lines.prefix(3).map(\.brief)
        var notes: [String] = []
        for words in first where !notes.contains(words) { notes.append(words) }
        if lines.count > first.count { notes.append("\(lines.count - first.count) more") }
        var heading: [HTML] = [.text(name(client))]
        if let key = client.key {
            let id = HTML.tag("span", ["class": "id"], text: key)
            heading = [id]
            if let person = people[key] {
                heading = [
                    .tag("span", ["class": "name"], text: person.name), .text(" "),
                    .tag("span", ["class": "key-of id"], text: key),
                ]
            }
        }
        let path = "\(address.path.ledgerPath)/episodes/\(client.episode)"
        return DifferenceTable.fold(
            heading,
            note: notes.joined(separator: "; "),
            isOpen: false,
            .pieces([
                DifferenceTable.table(
                    "Table of what differs",
                    lines.map { row($0, entries($0.events)) }
                ),
                .tag(
                    "p",
                    ["class": "allergies"],
                    [.button("The whole episode, both times", address.to(path).href, style: "")]
                ),
            ])
        )
    }

    private func entries(_ events: [EventID]) -> [HTML] {
        let found = events.prefix(Self.entryLimit).compactMap { places[$0] }
        guard !found.isEmpty else { return [.text("–")] }
        let links = found.enumerated().flatMap { number, place -> [HTML] in
            let path = "\(address.path.ledgerPath)/episodes/\(place.episode)"
            let page = EpisodeRecord.page(of: place.version)
            return [
                .text(number == 0 ? "" : ", "),
                .tag(
                    "a",
                    [
                        "class": "nb",
                        "href": address.to(path, ["page": page]).href + "#v\(place.version)",
                    ],
                    text: "version \(place.version)"
                ),
            ]
        }
        let more = events.count - Self.entryLimit
        return links + (more > 0 ? [.text(", and \(more) more")] : [])
    }
}
