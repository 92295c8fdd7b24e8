extension PostgresPool {
    /// How often what only reads is begun, where a standby cancels it each time.
    private static let conflictLimit = 20
    /// How often a connection is tried again that was refused at once: a standby may cancel what reads before
    /// it has said anything but that.
    private static let dialLimit = 3
    private static let quickDial: Duration = .seconds(1)
    /// How long to wait after the first time; twice as long after each further one, up to the longest.
    private static let firstPause: Duration = .milliseconds(10)
    private static let longestPause: Duration = .milliseconds(500)

    /// Lends a connection to `body`, which only reads, and runs it again where a standby has cancelled it.
    ///
    /// A standby cancels what reads where that is in the way of changes that arrive from the primary:
    /// 40001, or 40P01 where both wait for each other; or it ends the session, in which nothing can have
    /// been written. Pools that are there to write run `body` once.
    ///
    /// - Parameters:
    ///   - deadline: for getting a connection, and after which nothing is begun any more.
    ///   - body: may run several times, each on any connection, and sees another snapshot each time.
    public func reading<Result: Sendable>(
        deadline: ContinuousClock.Instant? = nil,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        var pause = Self.firstPause
        var dials = 0
        for _ in 1..<Self.conflictLimit {
            // A session that is ended while it is set up has not said yet where it is.
            var isOnStandby = true
            let began = ContinuousClock.now
            do {
                return try await withConnection(deadline: deadline) { connection in
                    isOnStandby = connection.isOnStandby
                    return try await body(connection)
                }
            } catch let error as PostgresError
                where !configuration.isForWriting
                && (error.isConflict || isOnStandby && error.code == .connectionLost
                    || error.code == .connectionFailed && dials < Self.dialLimit
                        && began + Self.quickDial > .now)
            {
                if error.code == .connectionFailed { dials += 1 }
                if let deadline, deadline <= .now + pause { throw error }
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
        return try await withConnection(deadline: deadline, body)
    }
}

extension PostgresError {
    /// Whether a transaction was in the way of others.
    fileprivate var isConflict: Bool {
        sqlState == .serializationFailure || sqlState == .deadlockDetected
    }
}
