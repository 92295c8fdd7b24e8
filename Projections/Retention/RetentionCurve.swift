public import CareEpisode

/// How many are still in care on each day, and how many have ended how, by the estimator of Aalen and
/// Johansen: ends of several kinds compete, and who is still in care is counted up to now alone.
///
/// Source: O. O. Aalen, S. Johansen, An empirical transition matrix for non-homogeneous Markov chains
/// based on censored observations, Scandinavian Journal of Statistics 5 (1978), 141–150; of ends that
/// exclude one another it is the cumulative incidence.
public struct RetentionCurve: Hashable, Sendable {
    /// A day and all before it.
    public struct Day: Hashable, Sendable {
        /// 1 is the first day of a service.
        public var day: Int
        /// Services that reached the day.
        public var atRisk: Int
        /// Those of them that ended on it, by reason; those above zero.
        public var ended: [EndReason: Int]
        /// The estimated share that is in care after the day, 0 to 1.
        public var retained: Double
        /// The estimated shares that have ended by then, by reason; together with ``retained``
        /// they are 1.
        public var endedShares: [EndReason: Double]
    }

    /// A service: how many days it lasted, at least 1, and why it ended; nil where it lasts.
    typealias Length = (days: Int, reason: EndReason?)

    /// So few say nothing: days that fewer services reached are not told.
    public static let least = 10

    /// The most days that are told, as many as a period has: a mistyped year makes services of
    /// centuries.
    static let longest = 3_660

    /// From day 1, as long as enough services reached the day, at most ``longest``.
    public let days: [Day]

    /// Estimates.
    ///
    /// - Parameters:
    ///   - lengths: of each service, in any order.
    ///   - least: how many services must have reached a day.
    init(_ lengths: [Length], least: Int = least) {
        var atRisk = lengths.count
        var retained = 1.0
        var shares: [EndReason: Double] = [:]
        let ofDay = Dictionary(grouping: lengths, by: \.days)
        var days: [Day] = []
        while atRisk >= max(least, 1), days.count < Self.longest {
            let day = days.count + 1
            let last = ofDay[day] ?? []
            var ended: [EndReason: Int] = [:]
            for reason in last.compactMap(\.reason) { ended[reason, default: 0] += 1 }
            for (reason, count) in ended {
                shares[reason, default: 0] += retained * Double(count) / Double(atRisk)
            }
            let all = ended.values.reduce(0, +)
            retained *= Double(atRisk - all) / Double(atRisk)
            days.append(
                Day(
                    day: day,
                    atRisk: atRisk,
                    ended: ended,
                    retained: retained,
                    endedShares: shares
                )
            )
            // Who is still in care on its last day was seen no longer.
            atRisk -= last.count
        }
        self.days = days
    }
}
