import Synchronization

/// Which place of each list of hosts answered last, so that it is asked first.
///
/// After a failover nobody has to find out again that the first host says nothing.
final class HostMemory: Sendable {
    /// What the process remembers.
    static let shared = HostMemory()

    /// Different lists in one process are few; what is more is forgotten.
    private static let limit = 64
    private let last = Mutex<[[Endpoint]: Endpoint]>([:])

    /// The places, with the one first that answered last of this list.
    func inOrder(_ places: [Endpoint], of list: [Endpoint]) -> [Endpoint] {
        guard let first = last.withLock({ $0[list] }), places.contains(first) else { return places }
        return [first] + places.filter { $0 != first }
    }

    /// Notes who answered.
    func answered(_ place: Endpoint, of list: [Endpoint]) {
        last.withLock { last in
            if last.count >= Self.limit, last[list] == nil { last = [:] }
            last[list] = place
        }
    }
}
