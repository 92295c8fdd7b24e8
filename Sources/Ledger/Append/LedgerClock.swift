import CareEpisode

/// The database server's clock, as last seen, carried forward by this process's own.
struct LedgerClock {
    private var seen: Instant?
    private var at: ContinuousClock.Instant = .now

    /// Nil until the database's clock has been seen.
    var now: Instant? {
        guard let seen else { return nil }
        let elapsed = at.duration(to: .now).components
        return Instant(
            microseconds: seen.microseconds + elapsed.seconds * 1_000_000
                + elapsed.attoseconds / 1_000_000_000_000
        )
    }

    /// - Parameters:
    ///   - instant: what the server's clock said.
    ///   - askedAt: when it was asked: the clock is never behind the server's.
    mutating func saw(_ instant: Instant, askedAt: ContinuousClock.Instant) {
        seen = instant
        at = askedAt
    }
}
