import CareEpisode
import Testing

@testable import Simulator

@Suite("The simulator's tables and rules")
struct SimulatorTablesTests {
    @Test("SplitMix64 gives the numbers that its authors publish")
    func splitMix() {
        var generator = SeededGenerator(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
        #expect(generator.next() == 9_817_491_932_198_370_423)
    }

    @Test("A number of a range reaches both ends and leaves neither")
    func ranges() {
        var generator = SeededGenerator(seed: 5)
        let found = Set((0..<500).map { _ in generator.integer(in: -2...3) })
        #expect(found == [-2, -1, 0, 1, 2, 3])
    }

    @Test("The clinic's clock is New York's on every open day from 2008 to 2030")
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
        "The clinic is closed at weekends and on holidays",
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

    @Test("Admissions never go back in time", arguments: [1, 7, 200, 5000, 40_000])
    func admissions(episodes: Int) throws {
        let until = try #require(CalendarDate(iso8601: "2024-07-05"))
        let calendar = AdmissionCalendar(episodes: episodes, until: until)
        let days = (0..<episodes).map { calendar.day(ofEpisode: $0) }
        #expect(zip(days, days.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(days.allSatisfy { $0.isOpen && $0.number < until.dayNumber })
        #expect(calendar.days <= 3650)
    }

    @Test("Endings and referral sources are weighted with the counts of TEDS-D 2019")
    func weights() {
        let endings = EpisodePlan.endings.sorted { $0.0.teds < $1.0.teds }
        #expect(endings.map(\.0.teds) == Array(1...7))
        #expect(endings.map(\.weight) == NationalFigures.intensiveOutpatientEndings)
        let sources = EpisodeWriter.referralSources
        #expect(sources.map(\.0) == NationalFigures.referralCodes)
        #expect(sources.map(\.weight) == NationalFigures.referralSources)
    }

    @Test(
        "The copied counts are those of the files",
        .enabled(if: SharedData.isThere, "needs shared/data beside the repository")
    )
    func files() throws {
        let reasons = try SharedData.rows("teds/tedsd2019_services_discharge_x_reason.csv")
        func endings(service: String) -> [Int?] {
            (1...7).map { reason in
                reasons.first { $0[0] == service && $0[1] == "\(reason)" }.flatMap { Int($0[2]) }
            }
        }
        #expect(endings(service: "6") == NationalFigures.intensiveOutpatientEndings)
        #expect(endings(service: "7") == NationalFigures.outpatientEndings)
        let frequencies = try SharedData.rows("teds/tedsd2019_codebook_frequencies.csv")
        let sources = (1...7).map { code in
            frequencies.first { $0[0] == "PSOURCE" && $0[2] == "\(code)" }
                .flatMap { Int($0[$0.count - 2]) }
        }
        #expect(sources == NationalFigures.referralSources)
    }

    @Test("Medications are twenty, of which whoever is prescribed one may be given")
    func formulary() {
        #expect(Formulary.all.count == 20)
        let programs = Program.admitting.map(\.0) + [Program.medicationClinic]
        let prescribed = programs.flatMap { Formulary.drugs(of: $0).map(\.0) }
        let injected = prescribed.flatMap { Formulary.injections(insteadOf: $0) }
        #expect(Set((prescribed + injected).map(\.brand)) == Set(Formulary.all.map(\.brand)))
        for drug in Formulary.all {
            #expect(drug.doses == drug.doses.sorted() && drug.doses[0] > 0)
            for dose in drug.doses {
                #expect([0.5, 1, 2, 3].contains(dose / drug.strength(for: dose)), "\(drug.brand)")
            }
        }
    }

    @Test("Medications have the doses, frequencies and weeks that their words say")
    func frequencies() {
        #expect(Frequency("twice daily").timesPerDay == 2)
        #expect(Frequency("every 8 hours as needed").asNeeded)
        #expect(abs(Frequency("weekly").timesPerDay * 7 - 1) < 1e-12)
        #expect(abs(Frequency("every 4 weeks").timesPerDay * 28 - 1) < 1e-12)
        let words = Set(
            Formulary.all.flatMap(\.frequencies).filter { $0.timesPerDay == 1 }.map(\.text)
        )
        #expect(
            words == ["daily", "every morning", "at bedtime", "at bedtime as needed"],
            "any other word is read as once a day"
        )
    }

    @Test(
        "Medications have the names and codes of RxNorm, and brands of the same substance",
        .enabled(if: SharedData.isThere, "needs shared/data beside the repository")
    )
    func names() throws {
        let rxnorm = Set(
            try SharedData.file("rxnorm/bh_rxnorm_value_sets.csv").split(
                whereSeparator: \.isNewline
            )
            .map { $0.split(separator: ",", maxSplits: 3).last.map(String.init) ?? "" }
        )
        let ingredients = Dictionary(
            try SharedData.rows("medications/names.csv").map { ($0[0], $0[2]) },
            uniquingKeysWith: { first, _ in first }
        )
        for drug in Formulary.all {
            for strength in drug.strengths {
                guard let code = strength.rxcui else {
                    #expect(drug.generic == "hydroxyzine")
                    continue
                }
                let name = drug.name(strength: strength.mg)
                #expect(rxnorm.contains("\(code),\(name)"), "\(name)")
            }
            let ingredient =
                drug.generic == "buprenorphine-naloxone"
                ? "buprenorphine + naloxone" : drug.generic
            #expect(ingredients[drug.brand.lowercased()[...]] ?? "" == ingredient, "\(drug.brand)")
            #expect(ingredients[drug.ingredient] == drug.ingredient)
        }
    }
}
