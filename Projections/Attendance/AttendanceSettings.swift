import CareEpisode
public import Ledger

/// From how many counted hours on a week is not flagged, when weeks begin, and who is to be looked
/// at.
///
/// Thresholds are advisory: what a payer certifies is that so many hours are needed, not that they
/// were attended.
public struct AttendanceSettings: Hashable, Sendable {
    /// 9: Medicare covers intensive outpatient services for those who are certified to need at
    /// least so many hours a week (42 CFR 424.24(d)), and ASAM level 2.1 begins there for adults.
    public static let intensiveOutpatientHours = 9.0

    /// 6: where ASAM level 2.1 begins for adolescents.
    public static let adolescentHours = 6.0

    /// 20: partial hospitalization is for those who need at least so many (42 CFR 424.24(e)), and
    /// ASAM level 2.5 begins there, for adolescents too.
    public static let partialHospitalizationHours = 20.0

    /// 3: after how many no-shows in a row a client is flagged, where the ledger has set nothing.
    public static let noShowsInARow = 3

    /// 7: after how many days without an attended session, where the ledger has set nothing.
    public static let notSeenDays = 7

    /// Hours a week that the question gives programs by their keys, not negative: they beat what the
    /// ledger has set.
    public var given: [String: Double]
    /// What the ledger has set.
    public var ledger: LedgerSettings

    /// The thresholds of single programs, and what the ledger has set.
    public init(_ given: [String: Double] = [:], ledger: LedgerSettings = LedgerSettings()) {
        self.given = given
        self.ledger = ledger
    }

    /// Hours a week, and the setting that says so; nil where weeks of the level are not judged.
    ///
    /// - Parameters:
    ///   - program: the program's key; intensive outpatient care of one with the word `adolescent`
    ///     (words end where letters do) has ``adolescentHours``.
    ///   - level: the level of care.
    ///   - date: the last date of the week.
    func threshold(
        _ program: String,
        _ level: LevelOfCare,
        on date: CalendarDate
    ) -> (hours: Double, by: LedgerSetting?)? {
        let standard: Double
        switch level {
        case .partialHospitalization: standard = Self.partialHospitalizationHours
        case .intensiveOutpatient:
            let words = program.lowercased().split { !$0.isLetter }
            standard =
                words.contains("adolescent")
                ? Self.adolescentHours : Self.intensiveOutpatientHours
        case .inpatient, .residential, .outpatient, .recoveryMonitoring: return nil
        }
        if let hours = given[program] { return (hours, nil) }
        let set = ledger.weeklyHours(of: program, on: date)
        return (set?.hours ?? standard, set?.by)
    }
}
