import CareEpisode
import Testing

@testable import Simulator

@Suite("Calibration")
struct CalibrationTests {
    /// Plans of 20,000 episodes of one seed.
    static func plans(seed: UInt64) -> [EpisodePlan] {
        let calendar = AdmissionCalendar(episodes: 20_000, until: Simulation.defaultEnd)
        return (0..<20_000).map { number in
            EpisodePlan(
                number: number,
                seed: seed,
                admission: calendar.day(ofEpisode: number),
                calendar: calendar
            )
        }
    }

    @Test(
        "A chi-square test at 0.001 accepts the planned endings as TEDS-D's of intensive outpatient",
        arguments: [1, 2, 3]
    )
    func plannedEndings(seed: UInt64) {
        let fit = GoodnessOfFit(
            observed: NationalFigures.tally(Self.plans(seed: seed).map(\.ending.teds)),
            table: NationalFigures.intensiveOutpatientEndings
        )
        #expect(fit.isGood, "\(fit)")
    }

    /// Of the episodes admitted more than 200 days before the end of the simulation none is open.
    /// The later ones are left out: those of them that have ended are the short ones.
    @Test(
        "A chi-square test at 0.001 accepts the endings that are written, of episodes that have had the time to end"
    )
    func writtenEndings() throws {
        let simulated = try SimulatedLines(
            episodes: 3200,
            seed: 11,
            types: [.admitted, .completed, .discharged, .entryRetracted]
        )
        let end = try LocalCalendar(timeZone: "UTC").startOfDay(Simulation.defaultEnd)
        let latest = end.advanced(bySeconds: -200 * 86_400)
        let courses = simulated.courses.filter { $0.admittedAt < latest }
        #expect(courses.count > 2700)
        #expect(courses.allSatisfy { $0.teds != nil })
        let fit = GoodnessOfFit(
            observed: NationalFigures.tally(courses.compactMap(\.teds)),
            table: NationalFigures.intensiveOutpatientEndings
        )
        #expect(fit.isGood, "\(fit)")
    }

    @Test(
        "A chi-square test at 0.001 accepts the referral sources as TEDS-D's of all services",
        arguments: [1, 2, 3]
    )
    func referralSources(seed: UInt64) throws {
        let codes = try Self.plans(seed: seed).prefix(5000).map { plan in
            // Nothing but the admission is known by the end of its day.
            let end = (plan.phases[0].first + 1).utcMidnight
            var writer = EpisodeWriter(plan: plan, seed: seed, end: end)
            let line = try #require(writer.write().first)
            guard case .admitted(let admission) = try EventParser.parseLine(line.bytes).1.data,
                let source = admission.referralSource,
                let index = NationalFigures.referralCodes.firstIndex(of: source)
            else { throw Unreferred() }
            return index + 1
        }
        let fit = GoodnessOfFit(
            observed: NationalFigures.tally(codes),
            table: NationalFigures.referralSources
        )
        #expect(fit.isGood, "\(fit)")
    }

    private struct Unreferred: Error {}

    @Test(
        "A chi-square test at 0.001 refuses the planned endings as those of treatment that is not intensive"
    )
    func otherService() {
        let fit = GoodnessOfFit(
            observed: NationalFigures.tally(Self.plans(seed: 1).map(\.ending.teds)),
            table: NationalFigures.outpatientEndings
        )
        #expect(!fit.isGood, "\(fit)")
    }

    @Test(
        "A chi-square test at 0.001 refuses TEDS-D's own shares with two in a hundred endings changed"
    )
    func twoPercent() {
        let total = NationalFigures.intensiveOutpatientEndings.reduce(0, +)
        var endings = NationalFigures.intensiveOutpatientEndings.map { 20_000 * $0 / total }
        let table = NationalFigures.intensiveOutpatientEndings
        #expect(GoodnessOfFit(observed: endings, table: table).isGood)
        endings[0] += 400
        endings[3] -= 400
        #expect(!GoodnessOfFit(observed: endings, table: table).isGood)
    }

    @Test(
        "A chi-square test at 0.001 refuses the endings of the first four weeks, when many are still open"
    )
    func censored() {
        let short = Self.plans(seed: 1).filter { $0.end - $0.phases[0].first < 28 }
        let fit = GoodnessOfFit(
            observed: NationalFigures.tally(short.map(\.ending.teds)),
            table: NationalFigures.intensiveOutpatientEndings
        )
        #expect(!fit.isGood, "\(fit)")
    }

    @Test(
        "A chi-square test at 0.001 computes Pearson's statistic, and wants five of everything expected"
    )
    func statistic() {
        let fit = GoodnessOfFit(
            observed: [16, 18, 16, 14, 12, 12],
            table: [1, 1, 1, 1, 1, 1]
        )
        #expect(abs(fit.statistic - 2) < 1e-12)
        #expect(fit.isGood)
        #expect(!GoodnessOfFit(observed: [4, 4], table: [1, 1]).isGood)
    }
}
