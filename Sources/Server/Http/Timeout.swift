/// Does something, but not for longer than that: then it is cancelled.
///
/// - Throws: what `body` throws, or the problem where the time is up.
func withTimeout<Result: Sendable>(
    _ limit: Duration,
    or problem: Problem = .unavailable("the database does not answer in time: try again"),
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw problem
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw problem }
        return result
    }
}
