/// Pauses between tries: twice as long each time, with jitter, up to a second, for a bounded time.
struct Retry {
    private let end: ContinuousClock.Instant
    private var pauseMilliseconds = 20

    init(limit: Duration) {
        end = .now + limit
    }

    /// Waits before the next try.
    ///
    /// - Returns: false when the time is up.
    mutating func pause() async throws -> Bool {
        let pause = Duration.milliseconds(Int.random(in: pauseMilliseconds / 2...pauseMilliseconds))
        guard .now + pause < end else { return false }
        try await Task.sleep(for: pause)
        pauseMilliseconds = min(1_000, pauseMilliseconds * 2)
        return true
    }
}
