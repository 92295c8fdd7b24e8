/// SplitMix64: randomness that a printed seed repeats.
public struct SeededRandom: RandomNumberGenerator, Sendable, CustomStringConvertible {
    private let seed: UInt64
    private var state: UInt64

    /// The sequence of a seed.
    public init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// Names the seed, for the message of a test that fails.
    public var description: String { "seed \(seed)" }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Whether something of this chance happens.
    public mutating func happens(_ chance: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < chance
    }
}
