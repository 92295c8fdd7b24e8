import CareEpisode
import TestSupport
import Testing

@testable import Ledger
@testable import Server

/// What a search finds by an id.
@Suite("Searching by an id")
struct SearchPageTests {
    /// Episodes of which two begin alike.
    private static let alike = [
        "0199aaaa-bbbb-7000-8000-000000000001", "0199aaaa-bbbb-7000-8000-000000000002",
    ]
    private static let retracted = "0199cccc-0000-7000-8000-000000000003"

    private static func line(
        _ episode: String,
        _ event: EventID,
        _ type: String,
        _ data: String
    ) -> String {
        #"{"event_id":"\#(event)","episode_id":"\#(episode)","type":"\#(type)","#
            + #""occurred_at":"2025-01-06T14:00:00Z","author":{"id":"T-1","role":"therapist"},"#
            + #""data":{\#(data)}}"#
    }

    private static func admitted(_ episode: String, _ event: EventID, _ client: String) -> String {
        line(
            episode,
            event,
            "admitted",
            #""client_id":"\#(client)","program":"iop-day","#
                + #""level_of_care":"intensive_outpatient""#
        )
    }

    @Test(
        "An episode is found by its id and the beginning of it, whether or not its admission was retracted"
    )
    func search() async throws {
        let now = try #require(Instant(rfc3339: "2025-03-01T12:00:00Z"))
        try await ServiceFixture.with(now: { now }) { fixture in
            let admission = EventID.fresh
            let lines = [
                Self.admitted(Self.alike[0], .fresh, "C-1"),
                Self.admitted(Self.alike[1], .fresh, "C-2"),
                Self.admitted(Self.retracted, admission, "C-3"),
                Self.line(
                    Self.retracted,
                    .fresh,
                    "entry_retracted",
                    #""target_event_id":"\#(admission)","reason":"somebody else""#
                ),
            ]
            let answer = try await fixture.request(
                "POST",
                "/v1/ledgers/default/events:import",
                token: try await fixture.token(.service),
                headers: ["Content-Type": "application/x-ndjson"],
                body: Array(lines.joined(separator: "\n").utf8)
            )
            #expect(answer.status == 200, "\(answer.text)")
            let token = try await fixture.token(.clinician)
            try await eventually("the census has got to the head") {
                try await fixture.get("census?at_least=4", token: token).status == 200
            }
            try await Browser.signedIn(fixture) { browser in
                let form = try await browser.get("/ledgers/default/search").formTokens[0]
                func find(_ text: String) async throws -> Browser.Page {
                    try await browser.post(
                        "/ledgers/default/search",
                        ["form_token": form, "q": text]
                    )
                }
                for (text, episode) in [
                    (Self.retracted, Self.retracted), ("0199cccc", Self.retracted),
                    ("0199CCCC-00", Self.retracted), ("\(admission)", Self.retracted),
                    (Self.alike[1], Self.alike[1]),
                ] {
                    let page = try await find(text)
                    #expect(page.status == 303, "\(text)")
                    #expect(
                        page.headers["location"]?.hasSuffix("/episodes/\(episode)")
                            == true,
                        "\(text)"
                    )
                }
                let list = try await find("0199aaaa")
                #expect(list.status == 200)
                for episode in Self.alike { #expect(list.text.contains("/episodes/\(episode)")) }
                for text in ["0199ccc", "0199cccd", "0199cccc0000", "-199cccc", "+199cccc"] {
                    let page = try await find(text)
                    #expect(page.status == 200, "\(text)")
                    #expect(page.text.contains("Nothing found"), "\(text)")
                }
            }
        }
    }
}
