import CareEpisode

/// Which sessions are wanted; all that is given must hold.
struct SessionSelection: Sendable {
    /// Those that begin in this time; nil for any.
    var time: Range<Instant>?
    /// Only this session, or series.
    var sessionID: String?
    /// Only those with an entry that names this person as one who held it.
    var facilitator: String?
    /// Only those with an entry that this person states.
    var author: String?
    /// Only entries of this program.
    var program: String?
    /// Only entries of this episode.
    var episode: EpisodeID?

    /// Whether an entry may be one of those wanted, whoever held its session.
    func mayHold(_ entry: SessionEntry) -> Bool {
        (time?.contains(entry.startsAt) ?? true)
            && (sessionID.map { $0 == entry.sessionID } ?? true)
            && (program.map { $0 == entry.program } ?? true)
            && (episode.map { $0 == entry.episodeID } ?? true)
    }

    /// Whether one of the entries of a session is by those whose sessions are wanted.
    func isBy(_ entries: [SessionEntry]) -> Bool {
        (facilitator.map { name in entries.contains { $0.facilitators.contains(name) } } ?? true)
            && (author.map { name in entries.contains { $0.author == name } } ?? true)
    }

    /// Whether the sessions are told for their own sake, with who is unmarked, and not for one
    /// client's.
    var hasRosters: Bool { episode == nil }
}
