public import CareEpisode
import Documents
public import Markup
public import Projections

/// Whose medication to look at, by the most serious flag.
public struct MedicationView: PageView {
    private let list: MedicationWorklist
    private let address: PageAddress
    private let format: DisplayFormat
    private let people: People
    private let parked: Set<EpisodeID>

    /// The work to do.
    ///
    /// - Parameters:
    ///   - list: the medications of everybody who is enrolled.
    ///   - address: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    ///   - parked: episodes that could not be read.
    public init(
        _ list: MedicationWorklist,
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People,
        parked: [EpisodeID] = []
    ) {
        self.list = list
        self.address = address
        self.format = format
        self.people = people
        self.parked = Set(parked)
    }

    /// The date.
    public var title: String {
        // The last instant of a day is the next day's first.
        let last = Instant(microseconds: list.effectiveAt.microseconds - 1)
        return "Medication, \(format.longDate(format.calendar.date(of: last)))"
    }
    /// Medication.
    public var place: PageName? { .medication }

    /// One group of a flag's clients.
    private struct Group {
        let flag: FlagWords
        let episodes: [(episode: MedicationWorklist.Episode, flags: [MedicationFlag])]
    }

    private var groups: [Group] {
        var groups: [FlagWords: [(MedicationWorklist.Episode, [MedicationFlag])]] = [:]
        for episode in list.episodes {
            for (kind, flags) in Dictionary(grouping: episode.review.flags, by: \.flag) {
                let words = FlagWords.of(kind.rawValue)
                guard address["flag"].map({ $0 == words.code }) ?? true else { continue }
                groups[words, default: []].append((episode, flags))
            }
        }
        return groups.sorted { $0.key.seriousness < $1.key.seriousness }.map { flag, episodes in
            Group(flag: flag, episodes: episodes.map { (episode: $0.0, flags: $0.1) })
        }
    }

    /// The list, by flag.
    public var content: [HTML] {
        let programs = Set(list.episodes.map(\.program))
            .union(address["program"].map { [$0] } ?? []).sorted()
        let kinds = Set(list.episodes.flatMap { $0.review.flags.map(\.flag.rawValue) })
            .map { FlagWords.of($0) }.sorted { $0.seriousness < $1.seriousness }
        let groups = groups
        return [
            .head(
                title,
                sentence,
                acts: [.button("CSV", address.with(["format": "csv"]).href)]
            ),
            .panel(
                "h-w",
                "To look at",
                note: [.text("most serious first")],
                [
                    .filters(
                        address,
                        [
                            .choice(
                                "m-p",
                                "Program",
                                "program",
                                [("", "All")] + programs.map { ($0, $0) },
                                chosen: address["program"] ?? ""
                            ),
                            .choice(
                                "m-f",
                                "Show",
                                "flag",
                                [("", "Everything")] + kinds.map { ($0.code, $0.words) },
                                chosen: address["flag"] ?? ""
                            ),
                        ]
                    ),
                    groups.isEmpty
                        ? .empty(
                            "Nothing to look at",
                            list.episodes.isEmpty
                                ? "No episode was open at this time, as far as it was known."
                                : "Nobody who is enrolled has a flag on a medication."
                        ) : .tag("ul", ["class": "work"], groups.map(item)),
                ]
            ),
        ]
    }

    private var sentence: String {
        let flagged = list.episodes.count { !$0.review.flags.isEmpty }
        return "\(Words.count(list.episodes.count, "client")) in care, "
            + "\(Figure.count(flagged)) with something to look at."
    }

    /// The sentence.
    public var parts: [String: [HTML]] { ["sentence": [.text(sentence)]] }

    /// Each flag of each client, with its medications.
    public var members: PageMembers {
        let flags = list.episodes.flatMap { episode in
            episode.review.flags.map { flag in
                "\(episode.episodeID) \(flag.flag.rawValue) \(flag.medications)"
            }
        }
        return PageMembers(flags, came: "new", went: "gone")
    }

    private func item(_ group: Group) -> HTML {
        .tag(
            "li",
            ["class": "kind \(group.flag.kind.rawValue)"],
            [
                .tag(
                    "h3",
                    (group.flag.kind == .stop ? [FlagWords.sign] : []) + [
                        .text(group.flag.words),
                        .tag("span", ["class": "n"], text: "\(group.episodes.count)"),
                    ]
                ),
                .tag(
                    "ul",
                    group.episodes.prefix(Self.listed).map { client($0.episode, $0.flags) }
                        + (group.episodes.count > Self.listed
                            ? [
                                .tag(
                                    "li",
                                    [
                                        .tag(
                                            "a",
                                            [
                                                "href":
                                                    address.with(["format": "csv"]).href
                                            ],
                                            text: "and "
                                                + "\(group.episodes.count - Self.listed) more, "
                                                + "in the CSV"
                                        )
                                    ]
                                )
                            ] : [])
                ),
            ]
        )
    }

    /// Of each flag so many clients are listed.
    static let listed = 100

    private func client(
        _ episode: MedicationWorklist.Episode,
        _ flags: [MedicationFlag]
    ) -> HTML {
        let href = address.to(
            "\(address.path.ledgerPath)/episodes/\(episode.episodeID)/medication"
        ).href
        let names = flags.flatMap(\.medications)
        let medications = names.enumerated().filter { !names[..<$0.offset].contains($0.element) }
            .map(\.element).joined(separator: ", ")
        var parts: [HTML] = []
        if let person = people[episode.clientID] {
            parts.append(.tag("strong", ["class": "name"], text: person.name))
            parts += person.chip
            parts += Parked.chip(episode.episodeID, parked)
            parts.append(.tag("span", ["class": "quiet"], text: episode.program))
            parts.append(.tag("span", ["class": "key-of id"], text: episode.clientID))
        } else {
            parts.append(.tag("strong", ["class": "name id"], text: episode.clientID))
            parts += Parked.chip(episode.episodeID, parked)
            parts.append(.tag("span", ["class": "quiet"], text: episode.program))
        }
        if !medications.isEmpty {
            parts.append(.tag("span", ["class": "w"], text: medications))
        }
        return .tag("li", ["data-row": ""], [.tag("a", ["href": href], parts)])
    }
}
