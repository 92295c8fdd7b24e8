import CareEpisode
import Testing

@testable import Ledger

@Suite("The database's clock, carried forward")
struct LedgerClockTests {
    private static let time = Instant(microseconds: 1_750_000_000_000_000)

    /// Whether the clock is about so many seconds after the time.
    private static func isAbout(_ clock: LedgerClock, _ seconds: Int64) -> Bool {
        guard let now = clock.now else { return false }
        return abs(now.microseconds - time.advanced(bySeconds: seconds).microseconds) < 60_000_000
    }

    @Test("What is recorded by the clock keeps it right")
    func followed() throws {
        var clock = LedgerClock()
        #expect(clock.now == nil)
        clock.saw(Self.time, askedAt: .now - .seconds(500))
        #expect(Self.isAbout(clock, 500))
        let now = try #require(clock.now)
        clock.recorded(at: now, askedAt: .now)
        #expect(Self.isAbout(clock, 500))
    }

    @Test("A head ahead of the clock says nothing about the time: the clock is asked again")
    func ahead() {
        var clock = LedgerClock()
        clock.saw(Self.time, askedAt: .now - .seconds(500))
        clock.recorded(at: Self.time.advanced(bySeconds: 400 * 86_400), askedAt: .now)
        #expect(clock.now == nil)
        // Not more than once a second, as long as the head is ahead.
        clock.saw(Self.time, askedAt: .now + .seconds(60))
        clock.recorded(at: Self.time.advanced(bySeconds: 400 * 86_400), askedAt: .now)
        #expect(Self.isAbout(clock, -60))
    }

    @Test("A clock that was set back is asked again")
    func setBack() {
        var clock = LedgerClock()
        clock.saw(Self.time, askedAt: .now - .seconds(500))
        clock.recorded(at: Self.time, askedAt: .now)
        #expect(clock.now == nil)
    }
}
