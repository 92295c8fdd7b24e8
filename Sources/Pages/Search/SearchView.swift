public import CareEpisode
import Documents
public import Markup
public import Projections

/// What a search has found.
public struct SearchView: PageView {
    private let episodes: [EpisodeCensus]?
    private let bare: [EpisodeID]
    private let isCut: Bool
    private let address: PageAddress
    private let format: DisplayFormat
    private let people: People
    private let parked: Set<EpisodeID>

    /// What was found.
    ///
    /// - Parameters:
    ///   - episodes: in the order in which they are listed; nil where nothing is sought yet.
    ///   - bare: episodes that have entries, and no admission that is known and not retracted.
    ///   - isCut: whether more were found than are shown.
    ///   - address: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    ///   - parked: episodes that could not be read.
    public init(
        _ episodes: [EpisodeCensus]?,
        withoutAdmission bare: [EpisodeID] = [],
        isCut: Bool,
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People,
        parked: [EpisodeID] = []
    ) {
        self.episodes = episodes
        self.bare = bare
        self.isCut = isCut
        self.address = address
        self.format = format
        self.people = people
        self.parked = Set(parked)
    }

    /// The most episodes that are shown.
    public static let limit = 50

    /// Never what was sought.
    public var title: String { "Search" }
    /// None of the header's.
    public var place: PageName? { nil }

    /// A list of episodes.
    public var content: [HTML] {
        let found = episodes ?? []
        var sentence = "What was sought is kept nowhere: type it again, in the header."
        if episodes != nil {
            sentence =
                "\(Words.count(found.count + bare.count, "episode")) found"
                + (isCut ? "; there are more: be more exact." : ".")
        }
        return [
            .head("Search", sentence),
            .panel(
                "h-found",
                "Episodes",
                [
                    found.isEmpty && bare.isEmpty
                        ? .empty(
                            episodes == nil ? "Nothing is sought yet" : "Nothing found",
                            "Search takes three characters or more of a client’s key, a name "
                                + "where the site has a directory, an episode, an event, or a "
                                + "position. The beginning of an episode’s id will do: eight "
                                + "digits or more."
                        ) : table(found)
                ]
            ),
        ]
    }

    private func table(_ episodes: [EpisodeCensus]) -> HTML {
        .scrolling(
            "Episodes found",
            [
                .table(
                    "cards",
                    [
                        ("Client", false), ("Episode", false), ("Admitted", false),
                        ("Ended", false), ("Program", false),
                    ],
                    episodes.map { episode in
                        let href = href(episode.episodeID)
                        func date(_ instant: Instant) -> String {
                            format.date(format.calendar.date(of: instant))
                        }
                        return [
                            people.client(episode.clientID, href: href)
                                + Parked.chip(episode.episodeID, parked),
                            [
                                .tag(
                                    "span",
                                    ["class": "id"],
                                    text: "\(episode.episodeID)"
                                )
                            ], [.text(date(episode.admittedAt))],
                            [.text(episode.end.map { date($0.at) } ?? "in care")],
                            [.text(episode.stays.last?.program ?? "")],
                        ]
                    }
                        + bare.map { episode in
                            let link = HTML.tag(
                                "a",
                                ["class": "id", "href": href(episode)],
                                text: "\(episode)"
                            )
                            return [
                                [.text("No admission is known")], [link], [.text("–")],
                                [.text("–")], [.text("–")],
                            ]
                        }
                )
            ]
        )
    }

    private func href(_ episode: EpisodeID) -> String {
        address.to("\(address.path.ledgerPath)/episodes/\(episode)").href
    }
}
