public import CareEpisode
import Synchronization

/// The history of one episode, and what has been worked out of it once for all read models.
public final class EpisodeHistory: Sendable {
    /// All of its events up to a position, by version.
    public let events: [HistoryEvent]
    private let parts = Mutex<[ObjectIdentifier: any Sendable]>([:])

    /// Events of one episode, by version.
    public init(_ events: [HistoryEvent]) { self.events = events }

    /// All that is known of the episode, now.
    public func effective() throws -> EffectiveHistory { try once { try EffectiveHistory(events) } }

    /// What `make` returns: worked out for the first who asks for a value of this type.
    ///
    /// - Parameter make: a pure function of the events; where it throws, the next one tries again.
    public func once<Part: Sendable>(_ make: () throws -> Part) rethrows -> Part {
        let key = ObjectIdentifier(Part.self)
        if let known = parts.withLock({ $0[key] }), let part = known as? Part { return part }
        let part = try make()
        parts.withLock { $0[key] = part }
        return part
    }
}
