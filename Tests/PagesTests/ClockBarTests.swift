import CareEpisode
import Ledger
import Markup
import ProjectionRuntime
import Testing

@testable import Pages

@Suite("The bar with the two clocks")
struct ClockBarTests {
    private func bar(
        _ query: [String: String] = [:],
        now: String = "2025-12-31T15:00:00Z",
        behind: (events: Int64, seconds: Int) = (0, 0),
        parked: [EpisodeID] = []
    ) throws -> ClockBar {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        let moment = Moment(
            calendar: calendar,
            now: try #require(Instant(rfc3339: now)),
            newest: nil
        )
        let address = PageAddress("/ledgers/demo/census", query.mapValues { [$0] })
        return ClockBar(
            address,
            try PageClocks(address, at: moment),
            at: moment,
            DisplayFormat(calendar),
            ReadModelBasis(
                position: Position(8_358),
                head: Position(8_358 + behind.events),
                parked: parked
            ),
            secondsBehind: behind.seconds,
            viewer: "sim"
        )
    }

    private func markup(_ html: [HTML]) -> String { html.map(\.markup).joined() }

    @Test("What a page lacks is told in its corner, and above the content from a minute on")
    func behind() throws {
        let fresh = try bar()
        #expect(markup(fresh.freshness).hasSuffix("10:00 AM · complete to event 8,358"))
        #expect(fresh.notices.isEmpty)
        let late = try bar(behind: (12, 3))
        #expect(
            markup(late.freshness).hasSuffix("12 events behind (3 s) · complete to event 8,358")
        )
        #expect(markup(late.freshness).contains("dot late"))
        #expect(try bar(behind: (12, 59)).notices.isEmpty)
        let notice = markup(try bar(behind: (12, 125)).notices.map(\.html))
        #expect(notice.contains("Behind by 2 minutes"))
        #expect(notice.contains("12 later events are not in it yet"))
        #expect(
            markup(try bar(behind: (1, 60)).notices.map(\.html)).contains("1 later event is not")
        )
    }

    @Test("Episodes that could not be read are named, and linked at the page\u{2019}s clocks")
    func parked() throws {
        let episodes = (1...7).map { EpisodeID(bits: UInt128($0)) }
        let notice = markup(
            try bar(["known_at": "2025-11-30"], parked: episodes).notices.map(\.html)
        )
        #expect(notice.contains("7 episodes could not be read and may be wrong here"))
        for (number, episode) in episodes.enumerated() {
            let link = "/ledgers/demo/episodes/\(episode)?known_at=2025-11-30"
            #expect(notice.contains(link) == (number < 5))
        }
        #expect(notice.contains("and 2 more"))
    }

    @Test(
        "Since Friday is since the last Friday that is over",
        arguments: [
            ("2025-12-26", "2025-12-19"), ("2025-12-27", "2025-12-26"),
            ("2025-12-28", "2025-12-26"), ("2025-12-29", "2025-12-26"),
            ("2026-01-01", "2025-12-26"), ("2026-01-02", "2025-12-26"),
            ("2026-01-03", "2026-01-02"),
        ]
    )
    func friday(_ today: String, _ friday: String) throws {
        let html = try bar(["date": today], now: "\(today)T20:00:00Z").html.markup
        #expect(html.contains("/ledgers/demo/census?compare=\(friday)&amp;date=\(today)"))
        // Of a day that is over, the Friday before it.
        let past = try bar(["date": today], now: "2026-02-01T20:00:00Z").html.markup
        #expect(past.contains("/ledgers/demo/census?compare=\(friday)&amp;date=\(today)"))
    }
}
