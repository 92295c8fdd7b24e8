import CareEpisode
import Foundation
import TestSupport
import Testing

@Suite("Settings of a ledger, asked and set")
struct SettingsCommandTests {
    /// A week of 5 hours of intensive outpatient care.
    private static func record(_ riverside: Riverside) async throws -> EpisodeID {
        let episode = EpisodeID.fresh
        try await riverside.record([
            Riverside.admitted(episode, at: "01-06T14:00"),
            Riverside.session(episode, at: "01-07T15:00", minutes: 300),
            Riverside.line(
                episode,
                "medication_adjusted",
                at: "01-07T16:00",
                #""change":"start","medication":{"name":"sertraline"},"prescriber":"p","#
                    + #""regimen":{"dose":50,"unit":"mg"}"#
            ),
        ])
        return episode
    }

    @Test("A setting is listed with who set it and when, and is in the answers that go by it")
    func setting() async throws {
        try await Riverside.with { riverside in
            let episode = try await Self.record(riverside)
            func settings(_ words: String = "") async throws -> [PrintedJSON] {
                let answer = try await riverside.json("ledgers settings \(Riverside.name)\(words)")
                #expect(answer.names == ["ledger", "settings"])
                return answer["settings"].elements
            }
            let attendance = "attendance --episode \(episode) --effective-at 2025-01-20"
            func flags(_ more: String = "") async throws -> [String?] {
                let answer = try await riverside.json(attendance + more)
                return answer["weeks"][0]["flags"].elements.map { $0["flag"].string }
            }
            #expect(try await settings().isEmpty)
            #expect(try await flags() == ["below_weekly_hours"])

            let hours = " --set weekly_hours.iop-day=5 --from 2025-01-01"
            let set = try await settings(hours)
            #expect(
                set.map(\.names) == [
                    ["entry", "key", "value", "from_date", "recorded_by", "recorded_at"]
                ]
            )
            #expect(set[0]["key"] == .string("weekly_hours.iop-day"))
            #expect(set[0]["value"] == .string("5"))
            #expect(set[0]["from_date"] == .string("2025-01-01"))
            #expect(try #require(set[0]["recorded_by"].string).hasPrefix("cli:"))
            #expect(try await flags() == [])
            #expect(try await riverside.json(attendance)["settings"] == .array(set))
            #expect(try await flags(" --weekly-hours iop-day=6") == ["below_weekly_hours"])
            // Before it was recorded, nobody had set it.
            let known = " --known-at 2025-02-01"
            #expect(try await flags(known) == ["below_weekly_hours"])
            #expect(try await riverside.json(attendance + known)["settings"] == .array([]))
            let text = try await riverside.text(attendance)
            #expect(text.contains("Settings: weekly_hours.iop-day = 5 from 2025-01-01."))

            #expect(try await settings(hours).count == 1, "set already")
            let undone = " --set weekly_hours.iop-day=default --from 2025-01-01"
            #expect(try await settings(undone).count == 2)
            #expect(try await flags() == ["below_weekly_hours"])
            let list = try await riverside.text("ledgers settings \(Riverside.name)")
            let rows = list.split(separator: "\n").filter { $0.contains("2025-01-01") }
            #expect(rows.count == 2 && !rows[0].contains("yes") && rows[1].contains("yes"))
            #expect(list.contains("not_reviewed_days[.PROGRAM]: a whole number of days, 1 to 366"))
        }
    }

    @Test("Days without a review are a ledger's and a program's setting, and the option beats both")
    func notReviewed() async throws {
        try await Riverside.with { riverside in
            let episode = try await Self.record(riverside)
            func isFlagged(_ words: String) async throws -> Bool {
                let review = try await riverside.json(
                    "medication-review \(words) --effective-at 2025-01-20"
                )
                let list = words.contains("--program") ? review["episodes"][0] : review
                return list["flags"].elements.contains { $0["flag"].string == "not_reviewed" }
            }
            let one = "--episode \(episode)"
            #expect(try await !isFlagged(one))
            let set = "ledgers settings \(Riverside.name) --from 2025-01-01 --set"
            _ = try await riverside.json("\(set) not_reviewed_days=7")
            #expect(try await isFlagged(one))
            #expect(try await isFlagged("--program iop-day"))
            #expect(try await !isFlagged("\(one) --not-reviewed-days 30"))
            #expect(try await !isFlagged("\(one) --known-at 2025-02-01"))
            _ = try await riverside.json("\(set) not_reviewed_days.iop-day=21")
            #expect(try await !isFlagged(one))
            #expect(try await !isFlagged("--program iop-day"))
            let review = try await riverside.json(
                "medication-review \(one) --effective-at 2025-01-20"
            )
            #expect(review["settings"].elements.map { $0["value"].string } == ["21"])
        }
    }

    @Test("A comparison of two knowledge times has what a setting changed, and no event for it")
    func difference() async throws {
        try await Riverside.with { riverside in
            let episode = try await Self.record(riverside)
            let before = try #require(try await riverside.json("status")["head_recorded_at"].string)
            _ = try await riverside.json(
                "ledgers settings \(Riverside.name) --from 2025-01-01 "
                    + "--set weekly_hours.iop-day=5 --set not_reviewed_days=7"
            )
            for (question, items) in [
                // The flag of one week, the threshold of both.
                ("attendance --episode \(episode)", ["weeks/2025-W02", "weeks/2025-W03"]),
                ("attendance", ["enrolled/\(episode)"]),
                ("medication-review --episode \(episode)", ["flags/not_reviewed"]),
            ] {
                let answer = try await riverside.json(
                    "\(question) --effective-at 2025-01-20 --diff \(before) 2999-01-01"
                )
                let differences = answer["differences"].elements
                #expect(differences.count == items.count, "\(question)")
                for (difference, item) in zip(differences, items) {
                    #expect(try #require(difference["item"].string).hasPrefix(item))
                    #expect(difference["because"] == .array([]))
                }
            }
        }
    }

    @Test("A packet holds the settings that its answers go by, and is verified with them")
    func packet() async throws {
        try await Riverside.with { riverside in
            let episode = try await Self.record(riverside)
            let fixture = riverside.fixture
            let (file, folder) = ("\(fixture.folder)/packet.zip", "\(fixture.folder)/unpacked")
            func pack() async throws -> (attendance: PrintedJSON, basis: PrintedJSON) {
                _ = try await riverside.output("packet --episode \(episode) -o \(file)")
                try? FileManager.default.removeItem(atPath: folder)
                let unpacked = try await fixture.launch([
                    "python3", "-m", "zipfile", "-e", file, folder,
                ]).end()
                #expect(unpacked.status == 0)
                func read(_ name: String) throws -> PrintedJSON {
                    let path = "\(folder)/read-models/\(name).json"
                    return try PrintedJSON(Array(Data(contentsOf: URL(filePath: path))))
                }
                return (try read("attendance"), try read("basis"))
            }
            _ = try await riverside.json(
                "ledgers settings \(Riverside.name) --from 2025-01-01 "
                    + "--set weekly_hours.iop-day=5 --set not_reviewed_days=7"
            )
            // What was set after the newest event is in no packet of it.
            let before = try await pack()
            #expect(before.basis.names == ["at", "position", "time_zone"])
            #expect(before.attendance["settings"] == .array([]))
            try await riverside.record([Riverside.admitted(.fresh, at: "01-08T14:00")])
            let after = try await pack()
            #expect(after.basis.names == ["at", "position", "settings", "time_zone"])
            #expect(after.basis["settings"].elements.count == 2)
            #expect(
                after.attendance["settings"].elements.map { $0["key"].string }
                    == ["weekly_hours.iop-day"]
            )
            for place in [file, folder] { #expect(try await fixture.verify([place]).verified) }
            // Other settings do not lead to the answers in it.
            let path = "\(folder)/read-models/basis.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let changed = text.replacing(#""value":"5""#, with: #""value":"6""#)
            #expect(changed != text)
            try changed.write(toFile: path, atomically: true, encoding: .utf8)
            let fault = try await fixture.verify([folder], fails: true)
            #expect(fault.faults.allSatisfy { $0.code == "read_model" })
        }
    }

    @Test(
        "What is no setting is wrong usage, and names the option",
        arguments: [
            ("--set weekly_hours=9", "--set must be weekly_hours.PROGRAM=VALUE"),
            ("--set weekly_hours.iop=200", "--set has a value for weekly_hours that is none"),
            ("--set colour=red", "--set has an unknown key"),
            ("--from 2025-01-01", "--from goes with --set"),
            ("--set weekly_hours.iop=9 --from 2025-13-01", "--from"),
        ]
    )
    func wrong(_ words: String, _ told: String) async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let end = try await fixture.run(
                ["ledgers", "settings", "clinic"] + words.split(separator: " ").map(String.init)
            )
            #expect(end.status == 64 && end.errors.contains(told), "\(end.errors)")
            #expect(!end.errors.contains("200") && !end.errors.contains("red"))
        }
    }
}
