import CareEpisode
import Documents
public import Markup
public import Projections

/// What a search has found.
public struct SearchView: PageView {
    private let episodes: [EpisodeCensus]
    private let isCut: Bool
    private let ledgerPath: String
    private let format: DisplayFormat
    private let people: People

    /// What was found.
    ///
    /// - Parameters:
    ///   - episodes: in the order in which they are listed.
    ///   - isCut: whether more were found than are shown.
    ///   - ledgerPath: `/ledgers/NAME`.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    public init(
        _ episodes: [EpisodeCensus],
        isCut: Bool,
        ledgerPath: String,
        _ format: DisplayFormat,
        _ people: People
    ) {
        self.episodes = episodes
        self.isCut = isCut
        self.ledgerPath = ledgerPath
        self.format = format
        self.people = people
    }

    /// The most episodes that are shown.
    public static let limit = 50

    /// Never what was sought.
    public var title: String { "Search" }
    /// None of the header's.
    public var place: PageName? { nil }

    /// A list of episodes.
    public var content: [HTML] {
        [
            .head(
                "Search",
                "\(Words.count(episodes.count, "episode")) found"
                    + (isCut ? "; there are more: be more exact." : ".")
            ),
            .panel(
                "h-found",
                "Episodes",
                [
                    episodes.isEmpty
                        ? .empty(
                            "Nothing found",
                            "Search takes three characters or more of a client’s key, a name "
                                + "where the site has a directory, an episode, an event, or a "
                                + "position."
                        ) : table
                ]
            ),
        ]
    }

    private var table: HTML {
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
                        let href = "\(ledgerPath)/episodes/\(episode.episodeID)"
                        func date(_ instant: Instant) -> String {
                            format.date(format.calendar.date(of: instant))
                        }
                        return [
                            people.client(episode.clientID, href: href),
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
                )
            ]
        )
    }
}
