import CareEpisode

extension EventType {
    /// Types for `type in (…)`, from the table of event types.
    ///
    /// Literals and not a parameter: the plans are those of a statement written by hand.
    static func sqlList(_ isWanted: (EventType) -> Bool) -> String {
        allCases.filter(isWanted).map { "'\($0.rawValue)'" }.joined(separator: ", ")
    }
}
