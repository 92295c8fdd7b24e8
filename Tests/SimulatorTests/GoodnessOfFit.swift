/// Pearson's chi-square test of counts against the shares that a table gives.
struct GoodnessOfFit {
    /// The sum of (observed − expected)² / expected.
    let statistic: Double
    /// The least of the expected counts, which the test wants to be five or more.
    let leastExpected: Double

    /// The statistic that six degrees of freedom (seven categories) exceed by chance once in a
    /// thousand times: the 0.999 quantile of the chi-square distribution, NIST/SEMATECH e-Handbook of
    /// Statistical Methods, 1.3.6.7.4.
    static let criticalValue = 22.458

    /// Tests how often each category was `observed` against the counts of a `table`, both in the
    /// same order.
    init(observed: [Int], table: [Int]) {
        precondition(observed.count == table.count)
        let total = Double(observed.reduce(0, +))
        let weights = Double(table.reduce(0, +))
        let expected = table.map { total * Double($0) / weights }
        statistic = zip(observed, expected).map { observed, expected in
            (Double(observed) - expected) * (Double(observed) - expected) / expected
        }.reduce(0, +)
        leastExpected = expected.min() ?? 0
    }

    /// Counts of seven categories that the table explains as well as chance allows.
    var isGood: Bool { leastExpected >= 5 && statistic < Self.criticalValue }
}
