import Postgres
import Synchronization

/// Does something, but not for longer than that: then it is cancelled.
///
/// - Throws: what `body` throws, or the problem where the time is up.
func withTimeout<Result: Sendable>(
    _ limit: Duration,
    or problem: Problem = .unavailable("the database does not answer in time: try again"),
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let work = Task { try await body() }
    let isOver = Flag()
    let alarm = Alarm(at: .now + limit) {
        isOver.value.store(true, ordering: .relaxed)
        work.cancel()
    }
    defer { alarm.callOff() }
    return try await withTaskCancellationHandler {
        do {
            return try await work.value
        } catch {
            throw isOver.value.load(ordering: .relaxed) ? problem : error
        }
    } onCancel: {
        work.cancel()
    }
}

private final class Flag: Sendable {
    let value = Atomic(false)
}
