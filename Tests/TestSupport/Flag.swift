import Synchronization

/// Something that one task has happen and another looks for.
public final class Flag: Sendable {
    private let state = Atomic(false)

    /// A flag that is not set.
    public init() {}

    /// Whether it has happened.
    public var isSet: Bool { state.load(ordering: .acquiring) }

    /// It happens.
    public func set() { state.store(true, ordering: .releasing) }
}
