import CareEpisode

/// Services that ended, how they ended, and how long they lasted.
public struct EndedServices: Hashable, Sendable {
    /// How many ended how: those above zero, in the order of TEDS.
    public var byReason: [PeriodOutcomes.Count] {
        EndReason.allCases.compactMap { reason in
            counts[reason].map {
                PeriodOutcomes.Count(reason: reason, tedsReason: reason.teds, records: $0)
            }
        }.sorted { $0.reason.teds < $1.reason.teds }
    }

    /// How many ended so.
    func number(of reason: EndReason) -> Int { counts[reason] ?? 0 }

    private var counts: [EndReason: Int] = [:]
    /// Their lengths.
    private(set) var lengthsOfStay = LengthsOfStay()

    /// None.
    init() {}

    /// Adds one.
    mutating func add(_ reason: EndReason, days: Int) {
        counts[reason, default: 0] += 1
        lengthsOfStay.add(LengthsOfStay([days]))
    }

    /// How many ended.
    public var count: Int { lengthsOfStay.days.count }

    /// Their mean length in days; nil where there are none.
    public var meanLength: Double? { lengthsOfStay.mean }

    /// Their median length in days; nil where there are none.
    public var medianLength: Double? { lengthsOfStay.median }

    /// The first and the third quartile of their lengths in days; nil where there are none.
    public var quartilesOfLength: [Double]? { lengthsOfStay.quartiles }

    /// How many of them were completed.
    public var completed: Int { counts[.completed] ?? 0 }

    /// The most numbers of ``byWeek``: ten years.
    static let weekLimit = 520

    /// How many lasted 1 to 7 days, 8 to 14 days, and so on; the last number is above zero.
    ///
    /// Of ``weekLimit`` numbers the last one counts all that lasted longer as well.
    public var byWeek: [Int] {
        let weeks = lengthsOfStay.days.map { min(($0 - 1) / 7, Self.weekLimit - 1) }
        return weeks.reduce(into: Array(repeating: 0, count: (weeks.max() ?? -1) + 1)) {
            $0[$1] += 1
        }
    }

    /// The share that was completed, with its 95 % interval; nil where none ended.
    public var completion: (share: Double, low: Double, high: Double)? {
        guard count > 0 else { return nil }
        let (low, high) = wilsonInterval(completed, of: count)
        return (Double(completed) / Double(count), low, high)
    }
}

/// The 95 % interval of a share, 0 to 1: which true shares make what was counted no surprise.
///
/// Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
/// Journal of the American Statistical Association 22 (1927), 209–212.
///
/// - Parameters:
///   - count: how many have what is counted.
///   - total: of how many, above zero.
func wilsonInterval(_ count: Int, of total: Int) -> (low: Double, high: Double) {
    precondition(total > 0 && (0...total).contains(count), "a share of some")
    let z = 1.959_963_984_540_054
    let (n, share) = (Double(total), Double(count) / Double(total))
    let middle = share + z * z / (2 * n)
    let half = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    // Of none the lower end is 0, of all the upper one 1, but for rounding.
    return (
        count == 0 ? 0 : max((middle - half) / scale, 0),
        count == total ? 1 : min((middle + half) / scale, 1)
    )
}
