import CareEpisode
import Foundation
import Ledger
import Markup
import Testing

@testable import Pages
@testable import ProjectionRuntime

/// What differs in a list between two knowledge times.
@Suite("Differences of lists")
struct DifferencePanelTests {
    private let calendar: LocalCalendar
    private let now: Instant

    init() throws {
        calendar = try LocalCalendar(timeZone: "America/New_York")
        now = try #require(Instant(rfc3339: "2025-12-31T17:00:00Z"))
    }

    private static let event = EventID(bits: 0x0199_0000_0000_7000_8000_0000_0000_0000)

    private static func episode(_ number: Int) -> EpisodeID {
        EpisodeID(bits: 0x0199_0000_0000_7000_8000_0000_0000_0000 + UInt128(number))
    }

    private func row(_ client: String, _ members: [(name: String, value: AnswerJSON)] = [])
        -> AnswerJSON
    {
        let who: [(name: String, value: AnswerJSON)] = [
            (name: "client_id", value: .string(client)),
            (name: "program", value: .string("iop-adult-day")),
        ]
        return .object(who + members)
    }

    private func group(_ census: Int64) -> AnswerJSON {
        .object([
            (name: "program", value: .string("iop-adult-day")),
            (name: "level_of_care", value: .string("intensive_outpatient")),
            (name: "census", value: .integer(census)),
        ])
    }

    private func change(
        _ item: String,
        _ before: AnswerJSON?,
        _ after: AnswerJSON?
    ) -> KnowledgeDifference.Change {
        .init(
            item: item,
            before: before,
            after: after,
            because: [Self.event]
        )
    }

    private func address(_ query: [String: String] = ["compare": "2025-12-26"]) -> PageAddress {
        PageAddress("/ledgers/default/census", query.mapValues { [$0] })
    }

    private var moment: Moment { Moment(calendar: calendar, now: now, newest: nil) }

    private func panel(
        _ changes: [KnowledgeDifference.Change],
        clients: [EpisodeID: String] = [:],
        _ people: People = People()
    ) throws -> String {
        let difference = KnowledgeDifference(
            first: now.advanced(bySeconds: -86_400),
            second: now,
            clock: .source,
            changes: changes,
            basis: ReadModelBasis(position: Position(1), head: Position(1))
        )
        let place = DifferencePanel.Place(Self.episode(1), Version(103))
        return DifferencePanel(
            difference,
            places: [Self.event: place],
            clients: clients,
            address(),
            DisplayFormat(calendar),
            people
        ).html.markup
    }

    @Test("Who came or went is told before who has changed, each folded, with a link to both times")
    func order() throws {
        let ids = (1...3).map(Self.episode)
        let markup = try panel([
            change("total", .integer(2), .integer(3)),
            change(
                "groups/iop-adult-day/intensive_outpatient",
                group(2),
                group(3)
            ),
            change(
                "episodes/\(ids[0])/2025-12-01T17:00:00.000000Z",
                row(
                    "SIM-A",
                    [
                        (name: "hours_last_7_days", value: .number(3.25)),
                        (name: "day_of_stay", value: .integer(1)),
                    ]
                ),
                row(
                    "SIM-A",
                    [
                        (name: "hours_last_7_days", value: .number(4.5)),
                        (name: "day_of_stay", value: .integer(2)),
                    ]
                )
            ),
            change("enrolled/\(ids[1])", nil, row("SIM-B")),
            change("enrolled/\(ids[2])", row("SIM-C"), nil),
        ])
        let places = try ["SIM-B", "SIM-C", "SIM-A"].map { name in
            try #require(markup.range(of: ">\(name)<")).lowerBound
        }
        #expect(places == places.sorted())
        #expect(markup.contains("Enrolled: iop-adult-day<"))
        #expect(markup.contains("No longer enrolled: iop-adult-day<"))
        #expect(markup.contains("Hours in 7 days 3.3 h → 4.5 h<"))
        #expect(!markup.contains("day of stay"))
        // A program's name is written as it is.
        #expect(markup.contains(">iop-adult-day, intensive outpatient, census<"))
        // Entries are a click away, on their page of the timeline.
        #expect(
            markup.contains(
                #"/episodes/\#(ids[0])?compare=2025-12-26&amp;page=2#v103">version 103</a>"#
            )
        )
        #expect(markup.contains("/ledgers/default/episodes/\(ids[0])?compare=2025-12-26"))
        #expect(!markup.contains("<details class=\"fold\" open"))
    }

    @Test("Flags are told in the words of the pages, medications by their names")
    func words() throws {
        let id = Self.episode(1)
        let medication = AnswerJSON.object([
            (name: "medication", value: .object([(name: "name", value: .string("sertraline"))]))
        ])
        let markup = try panel(
            [
                change(
                    "episodes/\(id)/flags/not_reviewed/x",
                    .object([(name: "flag", value: .string("not_reviewed"))]),
                    nil
                ),
                change("episodes/\(id)/active/y", nil, medication),
            ],
            clients: [id: "SIM-A"]
        )
        #expect(markup.contains("Medication not reviewed"))
        #expect(markup.contains("In force: sertraline"))
        #expect(!markup.contains("not_reviewed"))
    }

    @Test("Names stand where the directory has them, and order the clients")
    func names() throws {
        let ids = (1...2).map(Self.episode)
        let people = People([
            "SIM-A": .init(name: "Sim Wood"), "SIM-B": .init(name: "Sim Ash"),
        ])
        let markup = try panel(
            [
                change("enrolled/\(ids[0])", nil, row("SIM-A")),
                change("enrolled/\(ids[1])", nil, row("SIM-B")),
            ],
            people
        )
        let ash = try #require(markup.range(of: "Sim Ash")).lowerBound
        let wood = try #require(markup.range(of: "Sim Wood")).lowerBound
        #expect(ash < wood)
    }

    @Test("Of many differences so many are told, and who came or went is never left out")
    func limit() throws {
        let hours = { (number: Double) in
            [(name: "hours_last_7_days", value: AnswerJSON.number(number))]
        }
        let changes = (1...DifferencePanel.limit + 20).map { number in
            change("enrolled/\(Self.episode(number))", row("A", hours(1)), row("A", hours(2)))
        }
        let last = change("enrolled/\(Self.episode(9_999))", row("SIM-LAST"), nil)
        let markup = try panel(changes + [last])
        #expect(markup.matches(of: /<details class="fold"/).count == DifferencePanel.limit)
        #expect(markup.contains("521 differences "))
        #expect(markup.contains("; the first 500 are told"))
        #expect(markup.contains("SIM-LAST"))
    }

    @Test("The bar leads to what has changed since the Friday before, and says what is compared")
    func friday() throws {
        func bar(_ query: [String: String]) throws -> String {
            ClockBar(
                address(query),
                try PageClocks(address(query), at: moment),
                at: moment,
                DisplayFormat(calendar),
                ReadModelBasis(position: Position(1), head: Position(1)),
                secondsBehind: 0,
                viewer: "local:tester"
            ).html.markup
        }
        // December 31 is a Wednesday, December 26 a Friday, whose own Friday is a week before.
        #expect(try bar([:]).contains(#"compare=2025-12-26">Since Fri, Dec 26</a>"#))
        #expect(try bar(["date": "2025-12-26"]).contains(">Since Fri, Dec 19</a>"))
        #expect(try bar(["date": "2025-12-27"]).contains(">Since Fri, Dec 26</a>"))
        let compared = try bar(["compare": "2025-12-26"])
        #expect(
            compared.contains("compared with what was known on Fri, Dec 26, 2025, end of day")
        )
        #expect(!compared.contains("Since Fri"))
        #expect(
            try bar(["date": "2025-11-03"]).contains(
                #"date=2025-11-03&amp;known_at=2025-11-03">As known that day</a>"#
            )
        )
    }
}
