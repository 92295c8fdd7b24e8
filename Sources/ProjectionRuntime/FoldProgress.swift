import Synchronization

/// How many events folds of histories have read, for who waits for their answer.
public final class FoldProgress: Sendable {
    /// That of the work at hand; nil where nobody waits to know.
    @TaskLocal public static var current: FoldProgress?

    private let count = Atomic<Int>(0)

    /// Nothing is read yet.
    public init() {}

    /// How many events have been read so far.
    public var events: Int { count.load(ordering: .relaxed) }

    func add(_ events: Int) { count.wrappingAdd(events, ordering: .relaxed) }
}
