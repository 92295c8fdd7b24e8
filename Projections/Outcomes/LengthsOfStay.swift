/// Lengths of stay, in days, and what is said of them.
struct LengthsOfStay: Hashable, Sendable {
    /// In any order.
    private(set) var days: [Int]

    /// Lengths in any order.
    init(_ days: [Int] = []) {
        self.days = days
    }

    /// Adds others.
    mutating func add(_ other: LengthsOfStay) {
        days += other.days
    }

    /// Nil where there are none.
    var mean: Double? {
        days.isEmpty ? nil : Double(days.reduce(0, +)) / Double(days.count)
    }

    /// Nil where there are none.
    var median: Double? { quantile(0.5) }

    /// The first and the third; nil where there are none.
    var quartiles: [Double]? {
        guard let first = quantile(0.25), let third = quantile(0.75) else { return nil }
        return [first, third]
    }

    /// By linear interpolation between the two nearest, as QUARTILE.INC of spreadsheets: of 4, 6, 9
    /// and 20 the first quartile is 5.5.
    private func quantile(_ part: Double) -> Double? {
        let days = days.sorted()
        guard let last = days.last else { return nil }
        let place = part * Double(days.count - 1)
        let below = Int(place)
        let above = below + 1 < days.count ? days[below + 1] : last
        return Double(days[below]) + (place - Double(below)) * Double(above - days[below])
    }
}
