import CareEpisode
import Ledger
import ProjectionRuntime
import TestSupport
import Testing

@testable import Server

/// What the read models answer over HTTP, worked out by hand for ``ClinicStory``: before it was known
/// what became known on 15 February, and after.
@Suite("Read models over HTTP")
struct ReadModelRouteTests {
    private static let before = "known_at=2025-02-12T00:00:00Z"

    private func ask(_ fixture: ServiceFixture, _ path: String) async throws -> JSONValue {
        let head = try await EventReader(fixture.database, ledger: fixture.ledger).head().position
        let joint = path.contains("?") ? "&" : "?"
        let token = try await fixture.token(.clinician)
        let end = ContinuousClock.now + .seconds(120)
        var answer = try await fixture.get("\(path)\(joint)at_least=\(head)", token: token)
        // Read models get there in their own time, on a busy machine not within one request.
        while answer.status == 503, .now < end {
            answer = try await fixture.get("\(path)\(joint)at_least=\(head)", token: token)
        }
        try #require(answer.status == 200, "\(path): \(answer.text)")
        let json = try JSONValue(answer.bytes)
        #expect(json["position"] == nil || json["position"] == .integer(head.rawValue), "\(path)")
        return json
    }

    @Test("The census of a date: who was there, and how many hours they had")
    func census() async throws {
        try await ClinicStory.with { fixture, story in
            let path = "census?date=2025-01-08"
            func episodes(_ answer: JSONValue) -> [String?: [JSONValue?]] {
                Dictionary(
                    uniqueKeysWithValues: (answer["episodes"]?.elements ?? []).map {
                        ($0["episode_id"]?.text, [$0["day_of_stay"], $0["hours_last_7_days"]])
                    }
                )
            }
            let known = try await ask(fixture, "\(path)&\(Self.before)")
            #expect(known["total"] == 2)
            #expect(known["known_at"] == "2025-02-12T00:00:00.000000Z")
            #expect(known["known_by"] == "source")
            #expect(
                episodes(known) == ["\(story.ended)": [3, 7], "\(story.open)": [3, 3]]
            )
            let now = try await ask(fixture, path)
            #expect(now["total"] == 3)
            #expect(now["known_at"] == .null)
            #expect(
                episodes(now) == [
                    "\(story.ended)": [3, 5], "\(story.open)": [3, 3],
                    "\(story.lateAdmitted)": [2, 0],
                ]
            )
            #expect(
                now["groups"] == [
                    [
                        "program": "iop-day", "level_of_care": "intensive_outpatient", "census": 3,
                        "admissions": 0, "transfers_in": 0, "transfers_out": 0, "discharges": 0,
                    ]
                ]
            )
        }
    }

    @Test("The census of a period: the step down on its day, once out and once in")
    func period() async throws {
        try await ClinicStory.with { fixture, _ in
            let days = try await ask(fixture, "census?from=2025-01-26&to=2025-01-27")["days"]
            #expect(days?[0]?["total"] == 3)
            let groups = days?[1]?["groups"]?.elements ?? []
            #expect(groups.map { $0["program"] } == ["iop-day", "op-aftercare"])
            #expect(groups.map { $0["census"] } == [2, 1])
            #expect(groups.map { $0["transfers_out"] } == [1, 0])
            #expect(groups.map { $0["transfers_in"] } == [0, 1])
        }
    }

    @Test("Attendance: the corrected, the retracted and the late session")
    func attendance() async throws {
        try await ClinicStory.with { fixture, story in
            func weeks(_ more: String) async throws -> [[JSONValue?]] {
                let answer = try await ask(fixture, "attendance?episode=\(story.ended)\(more)")
                return (answer["weeks"]?.elements ?? []).prefix(3).map {
                    [$0["week"], $0["attended"], $0["hours"], $0["missed"]?["no_show"]]
                }
            }
            #expect(
                try await weeks("&\(Self.before)") == [
                    ["2025-W02", 3, 7, 1], ["2025-W03", 3, 5, nil], ["2025-W04", 0, 0, nil],
                ]
            )
            #expect(
                try await weeks("") == [
                    ["2025-W02", 2, 5, 1], ["2025-W03", 3, 5, nil], ["2025-W04", 1, 1, nil],
                ]
            )
            let answer = try await ask(fixture, "attendance?episode=\(story.ended)")
            #expect(answer["rate"]?.number == 6.0 / 7)
            #expect(answer["weeks"]?[0]?["planned_hours"] == 9)
            #expect(
                answer["weeks"]?[0]?["flags"]?.elements.map { $0["flag"] } == ["below_weekly_hours"]
            )
        }
    }

    @Test("Outcomes: none while the end is not known, then one")
    func outcomes() async throws {
        try await ClinicStory.with { fixture, _ in
            let path = "outcomes?from=2025-02-10&to=2025-02-11"
            let known = try await ask(fixture, "\(path)&known_at=2025-02-10T12:00:00Z")
            #expect(known["discharges"] == 0)
            #expect(known["alos_days"] == .null)
            #expect(known["adc"] == 2)
            // Before it was known that the last contact was on the day of the end.
            let first = try await ask(fixture, "\(path)&\(Self.before)")
            #expect(first["alos_days"] == 33)
            let now = try await ask(fixture, path)
            #expect(now["by_reason"] == [["reason": "completed", "n": 1]])
            #expect(now["discharges"] == 1)
            #expect(now["alos_days"] == 36)
            #expect(now["adc"] == 2)
        }
    }

    @Test("Episodes: by admission, the overlapping ones marked")
    func episodes() async throws {
        try await ClinicStory.with { fixture, story in
            func list(_ more: String) async throws -> [[JSONValue?]] {
                let answer = try await ask(fixture, "episodes\(more)")
                let members = ["episode_id", "status", "overlapping_episode"]
                return (answer["episodes"]?.elements ?? []).map { one in members.map { one[$0] } }
            }
            let (first, second) =
                story.ended < story.open
                ? (story.ended, story.open) : (story.open, story.ended)
            func both(_ episode: EpisodeID) -> [JSONValue?] {
                [.string("\(episode)"), episode == story.ended ? "ended" : "open", true]
            }
            let known = try await list("?\(Self.before)")
            #expect(known == [both(first), both(second)])
            let now = try await list("")
            let late: [JSONValue?] = [.string("\(story.lateAdmitted)"), "open", false]
            #expect(now == [both(first), both(second), late])
            let ofClient = try await list("?status=open&client_id=C-2")
            #expect(ofClient == [late])
        }
    }

    @Test("The medication review: in force, held, scheduled, and what does not fit")
    func medications() async throws {
        try await ClinicStory.with { fixture, story in
            func names(_ list: JSONValue?) -> [[JSONValue?]] {
                (list?.elements ?? []).map { [$0["medication"]?["name"], $0["daily_dose"]] }
            }
            let path = "medication-review?episode=\(story.open)"
            let now = try await ask(fixture, path)
            #expect(names(now["active"]) == [["sertraline", 75], ["prazosin", 2]])
            #expect(
                now["active"]?[0]?["scheduled_end"] == [
                    "at": "2025-03-10T10:00:00.000000Z", "change": "increase",
                ]
            )
            #expect(names(now["held"]) == [["lorazepam", 1]])
            #expect(now["held"]?[0]?["held_since"] == "2025-01-20T11:00:00.000000Z")
            #expect(names(now["scheduled"]) == [["sertraline", 100], ["melatonin", 3]])
            // An increase of what nobody had started stands as a medication of its own.
            #expect(now["changes"]?.elements.map { $0["change"] }.contains("increase") == true)
            // Before it was known that the dose would be raised.
            let known = try await ask(fixture, "\(path)&\(Self.before)")
            #expect(names(known["active"]) == [["sertraline", 75], ["prazosin", 2]])
            #expect(known["active"]?[0]?["scheduled_end"] == .null)
            #expect(names(known["scheduled"]) == [])
        }
    }

    @Test("The discharge summary: what was done, and what has become known since")
    func summary() async throws {
        try await ClinicStory.with { fixture, story in
            let path = "discharge-summaries/\(story.ended)"
            func medications(_ answer: JSONValue, _ list: String) -> [JSONValue?] {
                (answer["medications"]?[list]?.elements ?? []).map {
                    ($0["value"]?["medication"] ?? $0["value"]?["to"]?["medication"])?["name"]
                }
            }
            let known = try await ask(fixture, "\(path)?\(Self.before)")
            #expect(known["course_of_care"]?["attended"]?["value"] == 6)
            #expect(known["course_of_care"]?["hours"]?["value"] == 12)
            #expect(known["changed_since"]?["differences"] == [])
            let now = try await ask(fixture, path)
            #expect(now["status"] == "final")
            #expect(now["course_of_care"]?["attended"]?["value"] == 6)
            #expect(now["course_of_care"]?["hours"]?["value"] == 11)
            #expect(now["client"]?["length_of_stay_days"]?["value"] == 36)
            #expect(
                now["discharge"]?["reason"]?["value"] == ["reason": "completed", "teds_reason": 1]
            )
            let differences = now["changed_since"]?["differences"]?.elements ?? []
            let hours = differences.first { $0["item"] == "course_of_care/hours" }
            #expect(hours?["before"] == 12)
            #expect(hours?["after"] == 11)
            #expect(medications(now, "continued").contains("sertraline"))
            #expect(medications(now, "changed") == ["trazodone"])
            #expect(medications(now, "held").contains("lorazepam"))
            #expect(medications(now, "stopped") == ["quetiapine"])
            #expect(medications(now, "new") == ["melatonin"])
            #expect(medications(now, "started_and_stopped") == ["hydroxyzine"])
            let list = try await ask(fixture, "discharge-summaries?program=op-aftercare")
            #expect(
                list["summaries"]?.elements.map { $0["episode_id"]?.text } == ["\(story.ended)"]
            )
        }
    }

    @Test(
        "An answer waits for the position that it must reflect, and one beyond the head is refused"
    )
    func atLeast() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.administrator)
            for number in 1...5 {
                let posted = try await fixture.post(
                    .fresh,
                    [SampleEvent.admitted()],
                    token: token
                )
                #expect(posted.json.list("events").map { $0["position"] as? Int } == [number])
                let answer = try await fixture.get("episodes?at_least=\(number)", token: token)
                #expect(answer.json.integer("position") == number)
                #expect(answer.json.list("episodes").count == number)
            }
            let beyond = try await fixture.get("episodes?at_least=6", token: token)
            #expect(beyond.status == 400)
            #expect(beyond.json.string("detail") == "at_least is beyond the head, 5")
            #expect(beyond.json.list("errors").map { $0["pointer"] as? String } == ["at_least"])
        }
    }

    @Test("Where nobody folds, an answer that must reflect a position is refused for now")
    func neverThere() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.administrator)
            _ = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            let answer = try await fixture.get("census?at_least=1", token: token)
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "1")
        }
    }
}
