/// A condition did not come about in time.
public struct NeverHappened: Error, CustomStringConvertible {
    public var description: String
}

/// Waits until a condition holds.
public func eventually(
    _ what: String,
    within limit: Duration = .seconds(30),
    _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now.advanced(by: limit)
    while try await !holds() {
        guard ContinuousClock.now < end else { throw NeverHappened(description: what) }
        await Task.yield()
    }
}

/// Runs something that must throw an error of one type, and returns the error.
public func error<Failure: Error>(
    _ type: Failure.Type,
    _ body: () async throws -> Void
) async throws -> Failure {
    do {
        try await body()
    } catch let error as Failure {
        return error
    }
    throw NeverHappened(description: "nothing was thrown")
}
