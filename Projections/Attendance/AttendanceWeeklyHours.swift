/// From how many counted hours on a week of intensive outpatient care is not flagged.
///
/// Advisory: what a payer certifies is that so many hours are needed, not that they were attended.
public struct WeeklyHours: Hashable, Sendable {
    /// 9: Medicare covers intensive outpatient services for those who are certified to need at
    /// least so many hours a week (42 CFR 424.24(d)), and ASAM level 2.1 begins there for adults.
    public static let certifiedNeed = 9.0

    /// 6: where ASAM level 2.1 begins for adolescents.
    public static let adolescentNeed = 6.0

    /// What programs have instead, by their keys; hours a week, not negative.
    public var ofProgram: [String: Double]

    /// The thresholds, with those of single programs by their keys.
    public init(_ ofProgram: [String: Double] = [:]) {
        self.ofProgram = ofProgram
    }

    /// Hours a week.
    ///
    /// - Parameter program: the program's key; one with the word `adolescent` (words end where
    ///   letters do) has ``adolescentNeed``.
    public func threshold(_ program: String) -> Double {
        if let hours = ofProgram[program] { return hours }
        let words = program.lowercased().split { !$0.isLetter }
        return words.contains("adolescent") ? Self.adolescentNeed : Self.certifiedNeed
    }
}
