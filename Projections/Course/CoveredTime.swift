import CareEpisode

/// How long at least one of some sessions lasted: what two of them share counts once.
struct CoveredTime {
    /// The time, in microseconds.
    private(set) var microseconds: Int64 = 0
    private var end = Instant(microseconds: .min)

    /// The time that some sessions cover, which are given by start.
    init(_ sessions: some Sequence<EpisodeCensus.Session> = []) {
        for session in sessions { add(session) }
    }

    /// Adds a session that begins no earlier than those before it.
    mutating func add(_ session: EpisodeCensus.Session) {
        let end = session.start.advanced(bySeconds: Int64(session.minutes) * 60)
        guard end > self.end else { return }
        microseconds += end.microseconds - max(session.start, self.end).microseconds
        self.end = end
    }

    /// The time in hours.
    var hours: Double { Double(microseconds) / Self.microsecondsOfAnHour }

    static let microsecondsOfAnHour = 3_600_000_000.0
}
