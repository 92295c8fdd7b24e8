import CareEpisode

/// The database server's clock, as last seen, carried forward by this process's own.
struct LedgerClock {
    private var seen: Instant?
    private var at: ContinuousClock.Instant = .now
    /// So far, in microseconds, what is recorded may be from the clock without being doubted.
    private static let tolerance: Int64 = 1_000_000

    /// Nil until the database's clock has been seen, and where it has to be asked again.
    var now: Instant? { carried(to: .now) }

    private func carried(to moment: ContinuousClock.Instant) -> Instant? {
        guard let seen else { return nil }
        let elapsed = at.duration(to: moment).components
        return Instant(
            microseconds: seen.microseconds + elapsed.seconds * 1_000_000
                + elapsed.attoseconds / 1_000_000_000_000
        )
    }

    /// - Parameters:
    ///   - recorded: when a batch was recorded: by the server's clock, unless the ledger's head lies
    ///     ahead of that, which then says nothing about the time.
    ///   - askedAt: when the batch was sent.
    mutating func recorded(at recorded: Instant, askedAt: ContinuousClock.Instant) {
        guard let expected = carried(to: .now) else { return }
        if abs(recorded.microseconds - expected.microseconds) <= Self.tolerance {
            saw(recorded, askedAt: askedAt)
        } else if at + .microseconds(Self.tolerance) < .now {
            // The clock was set, or the head lies ahead: the clock itself knows.
            seen = nil
        }
    }

    /// - Parameters:
    ///   - instant: what the server's clock said.
    ///   - askedAt: when it was asked: the clock is never behind the server's.
    mutating func saw(_ instant: Instant, askedAt: ContinuousClock.Instant) {
        seen = instant
        at = askedAt
    }
}
