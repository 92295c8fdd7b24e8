import Foundation

/// What a figure is worth nothing without.
struct Machine: Sendable {
    /// PostgreSQL's version.
    let postgres: String
    /// The median time of writing 8 KiB and flushing them to the disk.
    let flush: Duration

    static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

    /// The load averages over 1, 5 and 15 minutes: other work on the machine spoils the figures.
    static var load: String {
        var averages = [Double](repeating: 0, count: 3)
        guard getloadavg(&averages, 3) == 3 else { return "unknown" }
        return averages.map { decimal($0, places: 2) }.joined(separator: " ")
    }

    func say() {
        benchmarks.say("machine     \(Self.processor), \(Self.cores) cores")
        benchmarks.say("system      \(ProcessInfo.processInfo.operatingSystemVersionString)")
        benchmarks.say("PostgreSQL  \(postgres)")
        benchmarks.say("flush       \(decimal(flush.milliseconds, places: 2)) ms for 8 KiB, median")
        benchmarks.say("load        \(Self.load)")
    }

    private static var processor: String {
        let facts = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = facts.split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
        return name ?? "unknown processor"
    }

    /// Flushes as a commit does: what bounds the commits per second of one connection.
    static func measuredFlush(in folder: String) throws -> Duration {
        let path = "\(folder)/flush-test"
        let file = open(path, O_CREAT | O_RDWR, 0o600)
        guard file >= 0 else { throw CocoaError(.fileWriteUnknown) }
        defer {
            close(file)
            unlink(path)
        }
        let block = [UInt8](repeating: 0x45, count: 8_192)
        let times = (0..<100).map { _ in
            ContinuousClock().measure {
                _ = pwrite(file, block, block.count, 0)
                #if canImport(Darwin)
                    _ = fcntl(file, F_FULLFSYNC)
                #else
                    _ = fdatasync(file)
                #endif
            }
        }
        return times.sorted()[times.count / 2]
    }
}
