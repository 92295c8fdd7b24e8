public import CareEpisode

/// The hours of a week, and whether they are held against a threshold.
public struct JudgedHours: Hashable, Sendable {
    /// The time that the sessions cover which count toward the hours, in microseconds.
    public var microseconds: Int64 = 0
    /// Below how many hours the week is flagged; nil where it is not judged.
    public var threshold: Double?
    /// Why it is not judged; nil where it is.
    public var notJudged: Exemption? = .notOver

    /// Why a week is held against no threshold; of several reasons, the first.
    public enum Exemption: String, ClosedCode {
        /// It is not over.
        case notOver = "not_over"
        /// The client was not at one level of care from the beginning of its first date to the end
        /// of its last one.
        case notThereAllWeek = "not_there_all_week"
        /// Nothing is expected of its level of care.
        case noThreshold = "no_threshold"
        /// The program cancelled all that was recorded of it: nobody could come.
        case closedByProgram = "closed_by_program"
    }

    /// ``microseconds`` in hours.
    public var hours: Double { Double(microseconds) / CoveredTime.microsecondsOfAnHour }

    /// Whether the hours are fewer than the threshold, to the microsecond.
    public var isBelow: Bool {
        guard let threshold else { return false }
        return microseconds < Int64((threshold * CoveredTime.microsecondsOfAnHour).rounded())
    }
}
