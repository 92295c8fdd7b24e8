/// What one round achieved.
struct Throughput: CustomStringConvertible {
    /// Transactions or requests for each second.
    let perSecond: Double
    /// The median latency in milliseconds.
    let p50: Double
    /// The latency in milliseconds that 99 of 100 stay below.
    let p99: Double
    /// How many were completed.
    let count: Int
    /// What each of them took of the processors, client and server together.
    var processorMicroseconds = Double.nan

    /// - Parameter microseconds: how long each took.
    init(perSecond: Double, microseconds: [Int]) {
        self.perSecond = perSecond
        count = microseconds.count
        let ordered = microseconds.sorted()
        func percentile(_ part: Int) -> Double {
            ordered.isEmpty ? .nan : Double(ordered[(ordered.count - 1) * part / 100]) / 1_000
        }
        p50 = percentile(50)
        p99 = percentile(99)
    }

    var description: String {
        "\(grouped(perSecond))/s (p50 \(decimal(p50, places: 2)), p99 \(decimal(p99, places: 2)) ms, "
            + "CPU \(decimal(processorMicroseconds, places: 0)) µs)"
    }
}

extension ProcessorTime {
    /// Adds to what a round achieved what it took of the processors.
    func measured(_ round: () async throws -> Throughput) async throws -> Throughput {
        let before = seconds
        var throughput = try await round()
        throughput.processorMicroseconds = (seconds - before) * 1e6 / Double(throughput.count)
        return throughput
    }
}
