public import CareEpisode

/// Whether a session entry is a session of its episode, and if not, why.
public enum SessionStanding: String, ClosedCode {
    /// It is.
    case counted
    /// It lies on a date before the admission's or after the end's.
    case outsideEpisode = "outside_episode"
    /// Another entry of the same session counts.
    case duplicateSession = "duplicate_session"
    /// Missed, and attended after all: the attended entry counts.
    case missedAndAttended = "missed_and_attended"
    /// Missed after the date of the end, before anybody knew of the end: counts apart.
    case missedAfterEnd = "missed_after_end"
}
