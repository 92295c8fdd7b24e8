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
            arguments. Every author is "simulator" and every client id begins with SIM-.
            """
    )

    @Option(help: ArgumentHelp("How many episodes.", valueName: "number"))
    var episodes: Int

    @Option(help: ArgumentHelp("Another seed gives other episodes.", valueName: "number"))
    var seed: UInt64

    @Option(help: ArgumentHelp("Nothing is recorded on this date or later.", valueName: "date"))
    var until: CalendarDate = Simulation.defaultEnd

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
        var buffer: [UInt8] = []
        Simulation(episodes: episodes, seed: seed, until: until).lines { line in
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
