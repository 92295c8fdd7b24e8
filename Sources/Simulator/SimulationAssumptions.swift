/// What a simulation assumes for want of published figures about intensive outpatient programs.
///
/// How episodes end and who refers to them is not assumed: TEDS-D 2019 counts both. The defaults
/// were chosen to be plausible; docs/simulation.md says what each one rests on. Rates are in
/// thousandths, so that the same assumptions give the same bytes on every machine.
public struct SimulationAssumptions: Sendable, Hashable {
    /// The median length of stay of all episodes, in days from the admission to the end.
    ///
    /// Every stay is stretched or shortened by the same factor, save those of early drop-outs.
    /// An assumption: programs describe themselves as lasting four to eight weeks.
    public let medianDays: Int
    /// Of a thousand who drop out, how many leave in their first two weeks, whatever the median is.
    ///
    /// How many drop out at all is not assumed.
    public let earlyDropOutsPerMille: Int
    /// Of a thousand notes, how many are written one to six days late.
    ///
    /// Ends and steps, which are late more often, are so in proportion.
    public let lateEntriesPerMille: Int
    /// Of a thousand events, about how many are corrections.
    public let correctionsPerMille: Int
    /// Of a thousand events, about how many are retractions.
    public let retractionsPerMille: Int

    /// The medians that may be assumed: two to sixteen weeks.
    public static let medianDays = 14...112
    /// The shares of early drop-outs that may be assumed: none to all.
    public static let earlyDropOutsPerMille = 0...1000
    /// The rates of late entries that may be assumed: up to a fifth.
    public static let lateEntriesPerMille = 0...200
    /// The rates of corrections that may be assumed: up to a tenth.
    public static let correctionsPerMille = 0...100
    /// The rates of retractions that may be assumed: up to a twentieth.
    public static let retractionsPerMille = 0...50

    /// The assumptions of every simulation that does not say otherwise.
    public static let standard = SimulationAssumptions()

    /// Assumptions, each of them within the range of its name; anything else is a programming error.
    public init(
        medianDays: Int = 39,
        earlyDropOutsPerMille: Int = 300,
        lateEntriesPerMille: Int = 30,
        correctionsPerMille: Int = 13,
        retractionsPerMille: Int = 6
    ) {
        precondition(Self.medianDays.contains(medianDays))
        precondition(Self.earlyDropOutsPerMille.contains(earlyDropOutsPerMille))
        precondition(Self.lateEntriesPerMille.contains(lateEntriesPerMille))
        precondition(Self.correctionsPerMille.contains(correctionsPerMille))
        precondition(Self.retractionsPerMille.contains(retractionsPerMille))
        self.medianDays = medianDays
        self.earlyDropOutsPerMille = earlyDropOutsPerMille
        self.lateEntriesPerMille = lateEntriesPerMille
        self.correctionsPerMille = correctionsPerMille
        self.retractionsPerMille = retractionsPerMille
    }
}

extension SimulationAssumptions {
    /// A time of the standard simulation, stretched or shortened as the median is.
    func stretched(_ days: Int) -> Int {
        days * medianDays / Self.standard.medianDays
    }

    /// In millionths, how often something is late that is so in `perMille` thousandths by default.
    func late(_ perMille: Int) -> Int {
        perMille * 1000 * lateEntriesPerMille / Self.standard.lateEntriesPerMille
    }

    /// In millionths, how often something is corrected that is so in `perMille` thousandths by default.
    func corrected(_ perMille: Int) -> Int {
        perMille * 1000 * correctionsPerMille / Self.standard.correctionsPerMille
    }

    /// In millionths, how often something is retracted that is so in `perMille` thousandths by default.
    func retracted(_ perMille: Int) -> Int {
        perMille * 1000 * retractionsPerMille / Self.standard.retractionsPerMille
    }
}
