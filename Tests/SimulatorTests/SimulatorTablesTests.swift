import CareEpisode
import Foundation
import Testing

@testable import Simulator

@Suite("The simulator's tables and rules")
struct SimulatorTablesTests {
    /// `shared/data` beside the repository, which a checkout by itself does not have.
    static let data = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared/data")
    static let hasData = FileManager.default.fileExists(atPath: data.path)

    @Test("SplitMix64 gives the numbers that its authors publish")
    func splitMix() {
        var generator = SeededGenerator(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
        #expect(generator.next() == 9_817_491_932_198_370_423)
    }

    @Test("a number of a range reaches both ends and leaves neither")
    func ranges() {
        var generator = SeededGenerator(seed: 5)
        let found = Set((0..<500).map { _ in generator.integer(in: -2...3) })
        #expect(found == [-2, -1, 0, 1, 2, 3])
    }

    @Test("the clinic's clock is New York's on every open day from 2008 to 2030")
    func clock() throws {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        let first = try #require(CalendarDate(iso8601: "2008-01-01")).dayNumber
        let last = try #require(CalendarDate(iso8601: "2030-12-31")).dayNumber
        for number in first...last {
            let day = ClinicDay(number)
            guard day.isOpen else { continue }
            #expect(day.at(minute: 0) == calendar.startOfDay(day.date), "\(day.date)")
        }
    }

    @Test(
        "the clinic is closed at weekends and on holidays",
        arguments: [
            "2025-11-27", "2025-12-25", "2025-07-04", "2026-01-01", "2025-11-29", "2025-11-30",
        ]
    )
    func closed(date: String) throws {
        let day = ClinicDay(try #require(CalendarDate(iso8601: date)).dayNumber)
        #expect(!day.isOpen)
        #expect(day.openOrNext.isOpen)
        #expect(day.openOrPrevious.isOpen)
        #expect(day.openOrPrevious < day)
        #expect(day < day.openOrNext)
    }

    @Test("admissions never go back in time", arguments: [1, 7, 200, 5000, 40_000])
    func admissions(episodes: Int) throws {
        let until = try #require(CalendarDate(iso8601: "2024-07-05"))
        let calendar = AdmissionCalendar(episodes: episodes, until: until)
        let days = (0..<episodes).map { calendar.day(ofEpisode: $0) }
        #expect(zip(days, days.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(days.allSatisfy { $0.isOpen && $0.number < until.dayNumber })
        #expect(calendar.days <= 3650)
    }

    @Test(
        "endings are weighted with the counts of TEDS-D 2019",
        .enabled(if: hasData, "needs shared/data beside the repository")
    )
    func teds() throws {
        let file = Self.data.appending(path: "teds/tedsd2019_services_discharge_x_reason.csv")
        var counts: [Int: Int] = [:]
        for row in try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
        {
            let cells = row.split(separator: ",")
            guard cells[0] == "6", let reason = Int(cells[1]) else { continue }
            counts[reason] = Int(cells[2])
        }
        #expect(EpisodePlan.endings.count == counts.count)
        for (ending, weight) in EpisodePlan.endings {
            switch ending {
            case .completed: #expect(weight == counts[1])
            case .discharged(let reason): #expect(weight == counts[reason.teds])
            }
        }
    }

    @Test(
        "medications have the names and codes of RxNorm",
        .enabled(if: hasData, "needs shared/data beside the repository")
    )
    func rxnorm() throws {
        let file = Self.data.appending(path: "rxnorm/bh_rxnorm_value_sets.csv")
        let text = try String(contentsOf: file, encoding: .utf8)
        let programs = Program.admitting.map(\.0)
        let drugs = programs.flatMap { Formulary.drugs(of: $0).map(\.0) }
        #expect(Set(drugs.map(\.rxcui)).count == 12)
        for drug in drugs { #expect(text.contains(",\(drug.rxcui),\(drug.name)"), "\(drug.name)") }
    }
}
