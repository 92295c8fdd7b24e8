public import CareEpisode
import Documents
public import Markup
public import ProjectionRuntime
import Projections

/// What differs in a list between two knowledge times: part, before, after, entries.
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

    /// So many parts are shown.
    public static let limit = 100
    /// So many entries of a part are linked.
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

    /// A table.
    public var html: HTML {
        let count = difference.changes.count
        let clock = difference.clock == .source ? "the sources’ clocks" : "the ledger’s clock"
        let second =
            address["known_at"] == nil ? "now" : "on \(format.knowledge(difference.second))"
        var note =
            "\(Words.count(count, "difference")) between what was known on "
            + "\(format.knowledge(difference.first)) and \(second), by \(clock)"
        if count > Self.limit { note += "; the first \(Self.limit) are shown" }
        let rows = difference.changes.prefix(Self.limit).map(cells)
        return .panel(
            "h-diff",
            "What differs",
            note: [.text(note)],
            [
                rows.isEmpty
                    ? .tag("p", ["class": "body"], text: "Nothing differs.")
                    : .scrolling(
                        "Table of what differs",
                        [
                            .table(
                                "changes",
                                ["Part", "Before", "After", "Entries"].map { ($0, false) },
                                Array(rows)
                            )
                        ]
                    )
            ]
        )
    }

    private func cells(_ change: KnowledgeDifference.Change) -> [[HTML]] {
        let parts = change.item.split(separator: "/", omittingEmptySubsequences: false)
            .map(String.init)
        let episode = parts.count > 1 ? EpisodeID(parts[1]) : nil
        var part = change
        part.before = change.before.map(told)
        part.after = change.after.map(told)
        if parts[0] == "episodes", parts.count > 3 {
            // A part of the episode's own answer.
            part.item = parts.dropFirst(2).joined(separator: "/")
        }
        let words = ChangeWords(part, format.calendar)
        var item: [HTML] = []
        if let episode {
            let key = (change.after ?? change.before)?.text("client_id") ?? clients[episode]
            let path = "\(address.path.ledgerPath)/episodes/\(episode)"
            item = people.client(
                key ?? "Episode \(episode.description.prefix(8))",
                href: address.to(path).href
            )
            if part.item != change.item {
                item.append(.tag("span", ["class": "key-of"], text: Words.title(words.item)))
            }
        } else {
            item = [.text(Words.title(name(parts, change.after ?? change.before)))]
        }
        func cell(_ text: String?, _ nothing: String) -> [HTML] {
            [text.map { .text($0) } ?? .tag("span", ["class": "quiet"], text: nothing)]
        }
        return [
            item, cell(words.before, "not there"), cell(words.after, "gone"),
            entries(change.because),
        ]
    }

    private func name(_ parts: [String], _ value: AnswerJSON?) -> String {
        switch parts[0] {
        case "total": return "episodes enrolled"
        case "total_clients": return "clients enrolled"
        case "readings" where parts.count == 2: return "after \(parts[1]) days"
        case "groups":
            if let program = value?.text("program"), let level = value?.text("level_of_care") {
                return "\(program), \(Words.code(level))"
            }
            if let group = value?.text("value") { return Words.code(group) }
            return "group"
        default: return Words.code(parts[0])
        }
    }

    /// Members that a line has no room for, or that its first cell says.
    private static let left: Set<String> = [
        "days", "tracks", "client_id", "by_reason", "los_weeks", "teds_reason",
    ]

    private func told(_ value: AnswerJSON) -> AnswerJSON {
        guard case .object(let members) = value else { return value }
        return .object(members.filter { !Self.left.contains($0.name) })
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
                    ["href": address.to(path, ["page": page]).href + "#v\(place.version)"],
                    text: "version \(place.version)"
                ),
            ]
        }
        let more = events.count - Self.entryLimit
        return links + (more > 0 ? [.text(", and \(more) more")] : [])
    }
}

extension AnswerJSON {
    /// The text of an object's member; nil of anything else.
    fileprivate func text(_ name: String) -> String? {
        guard case .object(let members) = self,
            case .string(let text)? = members.first(where: { $0.name == name })?.value
        else { return nil }
        return text
    }
}
