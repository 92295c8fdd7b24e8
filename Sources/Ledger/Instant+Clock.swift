package import CareEpisode
import Glibc

extension Instant {
    /// This machine's clock.
    ///
    /// What is recorded bears the database server's.
    package static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(
            microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
        )
    }
}
