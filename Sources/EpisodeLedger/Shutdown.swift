import Glibc
import Synchronization
import UnixSignals

/// Ends a command when Ctrl-C or a termination signal asks for it.
final class Shutdown: Sendable {
    /// How long a command that ends by itself may take.
    private static let grace: Duration = .seconds(15)

    private let isGraceful: Bool
    private let requested = Atomic(false)

    /// - Parameter isGraceful: whether the command looks at ``isRequested`` and ends by itself;
    ///   else it is cancelled at once.
    init(isGraceful: Bool) {
        self.isGraceful = isGraceful
    }

    /// Whether a signal has asked to end.
    var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Waits until a signal asks to end, or for a while.
    func wait(atMost limit: Duration) async {
        let end = ContinuousClock.now + limit
        while !isRequested, .now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    private enum Happening {
        case ended(Result<Void, any Error>)
        case isToBeCancelled
        case nothing
    }

    /// Runs a command's body until it ends.
    ///
    /// The first signal asks it to end; the second one, or the end of its grace, cancels it, and so
    /// does a standard output that takes no more.
    func listening(
        _ body: @escaping @Sendable () async throws -> Void
    ) async -> Result<Void, any Error> {
        // A reader that goes away is told by the error of the write.
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let (outputFailures, outputFailure) = AsyncStream.makeStream(of: Void.self)
        Console.whenOutputFails { outputFailure.yield() }
        return await withTaskGroup(of: Happening.self) { group in
            group.addTask {
                do {
                    try await body()
                    return .ended(.success(()))
                } catch {
                    return .ended(.failure(error))
                }
            }
            group.addTask { [self] in
                for await _ in signals {
                    if requested.exchange(true, ordering: .acquiringAndReleasing) || !isGraceful {
                        return .isToBeCancelled
                    }
                }
                return .nothing
            }
            group.addTask {
                for await _ in outputFailures { return .isToBeCancelled }
                return .nothing
            }
            if isGraceful {
                group.addTask { [self] in
                    while !isRequested && !Task.isCancelled { await wait(atMost: .seconds(3_600)) }
                    try? await Task.sleep(for: Self.grace)
                    return .isToBeCancelled
                }
            }
            while let happening = await group.next() {
                switch happening {
                case .ended(let result):
                    group.cancelAll()
                    return result
                case .isToBeCancelled:
                    group.cancelAll()
                case .nothing:
                    break
                }
            }
            return .failure(CancellationError())
        }
    }
}
