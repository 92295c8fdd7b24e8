import Foundation

/// Processor time of this program, of the programs it ran and of the cluster: other
/// work on the machine spoils it less than it does a rate.
struct ProcessorTime: Sendable {
    private let bench: Bench

    init(_ bench: Bench) { self.bench = bench }

    /// Seconds since the processes began; nan where the system has no `/proc`.
    var seconds: Double {
        Self.seconds(of: Self.thisProcess) + Self.seconds(of: Self.endedChildren) + clusterSeconds
    }

    /// `RUSAGE_SELF` and `RUSAGE_CHILDREN`, which systems import with different types.
    private static let (thisProcess, endedChildren): (Int32, Int32) = (0, -1)

    private static func seconds(of processes: Int32) -> Double {
        var usage = rusage()
        getrusage(processes, &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) {
            $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
        }
    }

    /// The postmaster, its children, and those of its children that have ended.
    private var clusterSeconds: Double {
        let file = "\(bench.folder)/postgresql/postmaster.pid"
        guard let lines = try? String(contentsOfFile: file, encoding: .utf8),
            let postmaster = lines.split(separator: "\n").first,
            let own = Self.status(of: String(postmaster)),
            let processes = try? FileManager.default.contentsOfDirectory(atPath: "/proc")
        else { return .nan }
        let children = processes.filter { Int($0) != nil }
            .compactMap { Self.status(of: $0) }
            .filter { $0.parent == postmaster }
        let ticks = children.reduce(own.ticks + own.endedTicks) { $0 + $1.ticks }
        return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// See `man 5 proc_pid_stat`; what follows the name in parentheses is numbers.
    private static func status(
        of process: String
    ) -> (parent: String, ticks: Int, endedTicks: Int)? {
        guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = line.lastIndex(of: ")")
        else { return nil }
        let fields = line[line.index(after: name)...].split(separator: " ")
        guard fields.count > 14 else { return nil }
        let ticks = fields[11...14].map { Int($0) ?? 0 }
        return (String(fields[1]), ticks[0] + ticks[1], ticks[2] + ticks[3])
    }
}
