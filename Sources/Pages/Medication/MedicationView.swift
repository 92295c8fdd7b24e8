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
    private let chosen: EpisodeRecord?
    private let parked: Set<EpisodeID>

    /// The work to do.
    ///
    /// - Parameters:
    ///   - list: the medications of everybody who is enrolled.
    ///   - address: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    ///   - chosen: the episode whose review stands beside the list; nil for none.
    ///   - parked: episodes that could not be read.
    public init(
        _ list: MedicationWorklist,
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People,
        chosen: EpisodeRecord? = nil,
        parked: [EpisodeID] = []
    ) {
        self.list = list
        self.address = address
        self.format = format
        self.people = people
        self.chosen = chosen
        self.parked = Set(parked)
    }

    /// The date.
    public var title: String {
        "Medication, \(format.longDate(format.dayUpTo(list.effectiveAt)))"
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
            Group(flag: flag, episodes: sorted(episodes.map { (episode: $0.0, flags: $0.1) }))
        }
    }

    /// By name where all have names, else as the question has them.
    private func sorted(
        _ episodes: [(episode: MedicationWorklist.Episode, flags: [MedicationFlag])]
    ) -> [(episode: MedicationWorklist.Episode, flags: [MedicationFlag])] {
        guard people.haveNames(list.episodes.lazy.map(\.clientID)) else { return episodes }
        return episodes.sorted { left, right in
            let (first, second) = (left.episode, right.episode)
            return (people.name(first.clientID), first.clientID, first.episodeID)
                < (people.name(second.clientID), second.clientID, second.episodeID)
        }
    }

    /// The list, by flag.
    public var content: [HTML] {
        let programs = Set(list.episodes.map(\.program))
            .union(address["program"].map { [$0] } ?? []).sorted()
        let kinds = Set(list.episodes.flatMap { $0.review.flags.map(\.flag.rawValue) })
            .map { FlagWords.of($0) }.sorted { $0.seriousness < $1.seriousness }
        return [
            .head(
                title,
                sentence,
                acts: [.button("CSV", address.with(["format": "csv"]).href)]
            ),
            .tag(
                "div",
                ["class": chosen == nil ? "stack" : "desk"],
                [work(programs, kinds)] + review
            ),
        ]
    }

    private func work(_ programs: [String], _ kinds: [FlagWords]) -> HTML {
        let groups = groups
        return .panel(
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
        )
    }

    // MARK: - The review

    private var review: [HTML] {
        guard let chosen else { return [] }
        let panel = ReviewPanel(record: chosen) { _ in
            let key = chosen.then.state?.clientID ?? "–"
            var facts = [String]()
            if let stay = chosen.then.stay {
                facts += [stay.program, Words.code(stay.levelOfCare.rawValue)]
            }
            facts.append(chosen.then.standing(format, people))
            let name: [HTML] =
                people[key].map {
                    [
                        .tag("span", ["class": "name"], text: $0.name), .text(" "),
                        .tag("span", ["class": "key-of id"], text: key),
                    ]
                } ?? [.tag("span", ["class": "id"], text: key)]
            return [
                .tag(
                    "div",
                    [
                        .tag("h2", ["id": "h-rev", "class": "client"], name),
                        .tag("p", text: facts.joined(separator: " · ")),
                    ]
                ), .button("Whole episode", chosen.page().href, style: "button small"),
            ]
        }
        return [panel.html]
    }

    // MARK: - The list

    private var sentence: String {
        let flagged = list.episodes.count { !$0.review.flags.isEmpty }
        let clients = Figure.clients(list.episodes.lazy.map(\.clientID))
        return "\(clients) in care, "
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
                                    ["class": "rest"],
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
        let isChosen = episode.episodeID == chosen?.episodeID
        let whole = address.to(
            "\(address.path.ledgerPath)/episodes/\(episode.episodeID)/medication"
        )
        let beside = address.with(["episode": "\(episode.episodeID)"])
        // On a narrow screen nothing stands beside the list: there the link leads to the episode.
        let label = people.name(episode.clientID)
        return .tag(
            "li",
            ["class": isChosen ? "client chosen" : "client", "data-row": ""],
            parts + [
                .tag(
                    "a",
                    ["class": "on-desk", "href": "\(beside.href)#h-rev", "aria-label": label]
                        + (["aria-current": "true"] as Attributes).when(isChosen)
                ), .tag("a", ["class": "on-card", "href": whole.href, "aria-label": label]),
            ]
        )
    }
}
