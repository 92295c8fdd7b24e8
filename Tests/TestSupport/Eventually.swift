/// A condition did not come about in time.
public struct NeverHappened: Error, CustomStringConvertible {
    /// What was waited for.
    public let description: String

    /// Names what was waited for.
    public init(description: String) { self.description = description }
}

/// Waits until a condition holds, looking again every few milliseconds.
///
/// The one place where tests sleep.
///
/// - Parameters:
///   - what: what holds then, such as "the server runs".
///   - limit: how long it may take.
public func eventually(
    _ what: String,
    within limit: Duration = .seconds(300),
    _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now.advanced(by: limit)
    while try await !holds() {
        guard ContinuousClock.now < end else {
            throw NeverHappened(description: "not within \(limit): \(what)")
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}
