public import CoreMetrics
import Synchronization

/// Metrics in memory, printed as Prometheus text (exposition format 0.0.4).
///
/// Names end as Prometheus wants them: `_total` of counters, `_seconds` of timers, which are
/// histograms.
public final class PrometheusMetrics: MetricsFactory, Sendable {
    private struct Key: Hashable, Comparable {
        let name: String
        let labels: String

        static func < (left: Key, right: Key) -> Bool {
            (left.name, left.labels) < (right.name, right.labels)
        }
    }

    private struct Histogram {
        let bounds: [Double]
        var counts: [Int]
        var sum = 0.0

        private static let seconds = [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
        ]
        private static let numbers: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

        init(of name: String) {
            bounds = name.hasSuffix("_seconds") ? Self.seconds : Self.numbers
            counts = [Int](repeating: 0, count: bounds.count + 1)
        }

        mutating func record(_ value: Double) {
            counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
            sum += value
        }
    }

    private struct State {
        var counters: [Key: Int64] = [:]
        var gauges: [Key: Double] = [:]
        var histograms: [Key: Histogram] = [:]
        /// Kinds of metrics have a limit, so that no caller makes the process grow.
        static let limit = 10_000

        var isFull: Bool { counters.count + gauges.count + histograms.count >= Self.limit }
    }

    private let state = Mutex(State())

    /// No metrics yet.
    public init() {}

    private static func key(_ label: String, _ dimensions: [(String, String)]) -> Key {
        var labels = ""
        for (name, value) in dimensions {
            if !labels.isEmpty { labels += "," }
            labels += name
            labels += "=\""
            labels += escaped(value)
            labels += "\""
        }
        return Key(name: label, labels: labels)
    }

    private static func escaped(_ value: String) -> String {
        let special = [UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "\n")]
        guard value.utf8.contains(where: { special.contains($0) }) else { return value }
        return value.map { character -> String in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
    }

    // MARK: - The factory

    private final class CounterCell: CounterHandler {
        private let body: @Sendable (Int64) -> Void
        init(_ body: @escaping @Sendable (Int64) -> Void) { self.body = body }
        func increment(by amount: Int64) { body(amount) }
        func reset() {}
    }

    private final class ValueCell: RecorderHandler, MeterHandler {
        private let body: @Sendable (Double) -> Void
        private let change: @Sendable (Double) -> Void
        init(
            _ body: @escaping @Sendable (Double) -> Void,
            change: @escaping @Sendable (Double) -> Void
        ) {
            (self.body, self.change) = (body, change)
        }
        func record(_ value: Int64) { body(Double(value)) }
        func record(_ value: Double) { body(value) }
        func set(_ value: Int64) { body(Double(value)) }
        func set(_ value: Double) { body(value) }
        func increment(by amount: Double) { change(amount) }
        func decrement(by amount: Double) { change(-amount) }
    }

    private final class TimerCell: TimerHandler {
        private let body: @Sendable (Double) -> Void
        init(_ body: @escaping @Sendable (Double) -> Void) { self.body = body }
        func recordNanoseconds(_ duration: Int64) { body(Double(duration) / 1e9) }
    }

    /// A counter.
    public func makeCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any CounterHandler {
        let key = Self.key(label, dimensions)
        return CounterCell { [self] amount in
            state.withLock { state in
                guard state.counters[key] != nil || !state.isFull else { return }
                state.counters[key, default: 0] += amount
            }
        }
    }

    private func cell(_ label: String, _ dimensions: [(String, String)]) -> ValueCell {
        let key = Self.key(label, dimensions)
        return ValueCell { [self] value in
            state.withLock { state in
                guard state.gauges[key] != nil || !state.isFull else { return }
                state.gauges[key] = value
            }
        } change: { [self] amount in
            state.withLock { state in
                guard state.gauges[key] != nil || !state.isFull else { return }
                state.gauges[key, default: 0] += amount
            }
        }
    }

    /// A gauge: the last value counts.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(label, dimensions)
    }

    /// A gauge, or a histogram where values are to be aggregated.
    public func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return cell(label, dimensions) }
        let key = Self.key(label, dimensions)
        return ValueCell { [self] value in
            observe(key, value)
        } change: { _ in
        }
    }

    /// A histogram of seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let key = Self.key("\(label)_seconds", dimensions)
        return TimerCell { [self] seconds in observe(key, seconds) }
    }

    private func observe(_ key: Key, _ value: Double) {
        state.withLock { state in
            guard state.histograms[key] != nil || !state.isFull else { return }
            state.histograms[key, default: Histogram(of: key.name)].record(value)
        }
    }

    /// Metrics live as long as the process.
    public func destroyCounter(_ handler: any CounterHandler) {}
    /// Metrics live as long as the process.
    public func destroyMeter(_ handler: any MeterHandler) {}
    /// Metrics live as long as the process.
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    /// Metrics live as long as the process.
    public func destroyTimer(_ handler: any TimerHandler) {}

    // MARK: - The text

    /// All metrics, and gauges that are measured now.
    public func text(_ now: [(name: String, labels: [(String, String)], value: Double)]) -> String {
        let state = state.withLock { $0 }
        var gauges = state.gauges
        for gauge in now { gauges[Self.key(gauge.name, gauge.labels)] = gauge.value }
        var text = ""
        var last = ""
        func type(_ name: String, _ kind: String) {
            if name != last { text += "# TYPE \(name) \(kind)\n" }
            last = name
        }
        func line(_ name: String, _ labels: String, _ value: some CustomStringConvertible) {
            text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
        }
        for (key, value) in state.counters.sorted(by: { $0.key < $1.key }) {
            let name = "\(key.name)_total"
            type(name, "counter")
            line(name, key.labels, value)
        }
        for (key, value) in gauges.sorted(by: { $0.key < $1.key }) {
            type(key.name, "gauge")
            line(key.name, key.labels, value)
        }
        for (key, histogram) in state.histograms.sorted(by: { $0.key < $1.key }) {
            type(key.name, "histogram")
            let before = key.labels.isEmpty ? "" : key.labels + ","
            var count = 0
            for (bound, number) in zip(histogram.bounds, histogram.counts) {
                count += number
                line("\(key.name)_bucket", "\(before)le=\"\(bound)\"", count)
            }
            count += histogram.counts[histogram.bounds.count]
            line("\(key.name)_bucket", "\(before)le=\"+Inf\"", count)
            line("\(key.name)_sum", key.labels, histogram.sum)
            line("\(key.name)_count", key.labels, count)
        }
        return text
    }
}
