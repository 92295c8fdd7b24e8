import ArgumentParser
import CareEpisode
import Glibc
import Simulator

struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print plausible episodes of people who do not exist, ready to import.",
        usage: "episode-ledger simulate --episodes <number> --seed <number> [<options>]",
        discussion: """
            NDJSON in the order in which the events became known, the same bytes for the same \
            arguments. Every author is "simulator" and every client id begins with SIM-. How \
            episodes end and who refers to them follows national figures (TEDS-D 2019); what is \
            assumed for want of figures can be set.
            """
    )

    @Option(help: ArgumentHelp("How many episodes.", valueName: "number"))
    var episodes: Int

    @Option(help: ArgumentHelp("Another seed gives other episodes.", valueName: "number"))
    var seed: UInt64

    @Option(help: ArgumentHelp("Nothing is recorded on this date or later.", valueName: "date"))
    var until: CalendarDate = Simulation.defaultEnd

    @OptionGroup(title: "Assumptions")
    var assumed: AssumptionOptions

    /// 1990-01-01: admissions reach back ten years, and event ids hold times after 1970.
    private static let earliestEnd = CalendarDate(dayNumber: 7_305)

    func validate() throws {
        guard (1...1_000_000).contains(episodes) else {
            throw ValidationError("--episodes must be 1 to 1,000,000")
        }
        guard until >= Self.earliestEnd else {
            throw ValidationError("--until must be \(Self.earliestEnd) or later")
        }
    }

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let simulation = Simulation(
            episodes: episodes,
            seed: seed,
            until: until,
            assumptions: assumed.assumptions
        )
        var buffer: [UInt8] = []
        simulation.lines { line in
            buffer += line
            buffer.append(0x0A)
            if buffer.count > 1 << 16 {
                Console.write(buffer)
                buffer.removeAll(keepingCapacity: true)
            }
        }
        Console.write(buffer)
    }
}

/// What a simulation assumes for want of published figures.
struct AssumptionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The median length of stay in days, 14 to 112.",
            valueName: "days"
        )
    )
    var medianDays: Int = SimulationAssumptions.standard.medianDays

    @Option(
        help: ArgumentHelp(
            "Of those who drop out, how many do so in their first two weeks.",
            valueName: "percent"
        )
    )
    var earlyDropOut = Percent(perMille: SimulationAssumptions.standard.earlyDropOutsPerMille)

    @Option(
        help: ArgumentHelp("How many notes are written days late, 0 to 20.", valueName: "percent")
    )
    var lateEntries = Percent(perMille: SimulationAssumptions.standard.lateEntriesPerMille)

    @Option(help: ArgumentHelp("How many events are corrections, 0 to 10.", valueName: "percent"))
    var corrections = Percent(perMille: SimulationAssumptions.standard.correctionsPerMille)

    @Option(help: ArgumentHelp("How many events are retractions, 0 to 5.", valueName: "percent"))
    var retractions = Percent(perMille: SimulationAssumptions.standard.retractionsPerMille)

    /// The assumptions, once they have been validated.
    var assumptions: SimulationAssumptions {
        SimulationAssumptions(
            medianDays: medianDays,
            earlyDropOutsPerMille: earlyDropOut.perMille,
            lateEntriesPerMille: lateEntries.perMille,
            correctionsPerMille: corrections.perMille,
            retractionsPerMille: retractions.perMille
        )
    }

    func validate() throws {
        let days = SimulationAssumptions.medianDays
        guard days.contains(medianDays) else {
            throw ValidationError(
                "--median-days must be \(days.lowerBound) to \(days.upperBound)"
            )
        }
        try check("--early-drop-out", earlyDropOut, SimulationAssumptions.earlyDropOutsPerMille)
        try check("--late-entries", lateEntries, SimulationAssumptions.lateEntriesPerMille)
        try check("--corrections", corrections, SimulationAssumptions.correctionsPerMille)
        try check("--retractions", retractions, SimulationAssumptions.retractionsPerMille)
    }

    /// Throws if the value of an option is outside its range.
    private func check(
        _ option: String,
        _ percent: Percent,
        _ range: ClosedRange<Int>
    ) throws {
        guard !range.contains(percent.perMille) else { return }
        let most = Percent(perMille: range.upperBound)
        throw ValidationError("\(option) must be 0 to \(most.defaultValueDescription) percent")
    }
}

/// A share as a person writes it: percent with at most one decimal place.
struct Percent: ExpressibleByArgument {
    let perMille: Int

    init(perMille: Int) {
        self.perMille = perMille
    }

    init?(argument: String) {
        let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
        let areDigits = argument.utf8.allSatisfy { (48...57).contains($0) || $0 == 46 }
        guard areDigits, let whole = parts.first, (1...3).contains(whole.count),
            let percent = Int(whole)
        else { return nil }
        switch parts.count {
        case 1:
            perMille = 10 * percent
        case 2 where parts[1].count == 1:
            guard let tenths = Int(parts[1]) else { return nil }
            perMille = 10 * percent + tenths
        default:
            return nil
        }
    }

    var defaultValueDescription: String {
        perMille % 10 == 0 ? "\(perMille / 10)" : "\(perMille / 10).\(perMille % 10)"
    }
}
