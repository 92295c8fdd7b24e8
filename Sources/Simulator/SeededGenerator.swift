/// SplitMix64: the same numbers for the same seed on every machine and in every Swift version.
///
/// The standard library's ways of picking are not used, since they may change between versions.
/// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A generator for one thing among many of its kind, independent of all the others.
    init(seed: UInt64, stream: UInt64, index: UInt64) {
        var mixer = SeededGenerator(seed: seed)
        mixer.state = mixer.next() ^ stream
        mixer.state = mixer.next() ^ index
        state = mixer.next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number of the range, each equally likely (to one part in 2⁶⁴).
    mutating func integer(in range: ClosedRange<Int>) -> Int {
        let count = UInt64(range.upperBound - range.lowerBound) + 1
        return range.lowerBound + Int(next().multipliedFullWidth(by: count).high)
    }

    /// True in so many of a thousand cases.
    mutating func chance(perMille: Int) -> Bool {
        integer(in: 0...999) < perMille
    }

    /// True in so many of a million cases: the same ones as so many thousandths of a thousand.
    mutating func chance(perMillion: Int) -> Bool {
        integer(in: 0...999_999) < perMillion
    }

    /// One element, each equally likely.
    mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[integer(in: 0...choices.count - 1)]
    }

    /// One element, each as likely as its weight says.
    mutating func pick<Element>(weighted choices: [(Element, weight: Int)]) -> Element {
        var total = 0
        for choice in choices { total += choice.weight }
        var rest = integer(in: 0...total - 1)
        for choice in choices {
            if rest < choice.weight { return choice.0 }
            rest -= choice.weight
        }
        preconditionFailure("the weights add up to the total")
    }

    /// A number distributed as the quantiles say: equally likely between each two neighbors.
    mutating func integer(quantiles: [Int]) -> Int {
        let step = integer(in: 0...quantiles.count - 2)
        return integer(in: quantiles[step]...quantiles[step + 1])
    }

    /// A number distributed as the quantiles say, its rank drawn before: `rank` of `ranks`, from 0.
    mutating func integer(quantiles: [Int], rank: Int, of ranks: Int) -> Int {
        let step = rank * (quantiles.count - 1) / ranks
        return integer(in: quantiles[step]...quantiles[step + 1])
    }
}
