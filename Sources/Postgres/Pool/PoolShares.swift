/// Who has how many of a pool's connections, and who waits for his share.
///
/// Pure, like the pool's own machine: what is decided is returned.
struct PoolShares {
    /// For whom connections are lent, such as a ledger's id.
    typealias Holder = Int64

    private struct Share {
        var held = 0
        var waiting: [Int] = []
    }

    private let limit: Int
    private let waitLimit: Int
    private var shares: [Holder: Share] = [:]
    private var nextTicket = 0

    /// What becomes of a caller.
    enum Decision: Equatable {
        /// He asks the pool.
        case proceed
        /// He waits until one of his share is given back.
        case wait(ticket: Int)
        /// Too many of his share wait.
        case refuse
    }

    /// - Parameters:
    ///   - limit: the most connections of one holder.
    ///   - waitLimit: the most callers of one holder that wait for his share.
    init(limit: Int, waitLimit: Int) {
        (self.limit, self.waitLimit) = (limit, waitLimit)
    }

    /// How many wait for their share.
    var waitingCount: Int { shares.values.reduce(0) { $0 + $1.waiting.count } }

    /// A caller wants a connection.
    mutating func acquire(_ holder: Holder) -> Decision {
        var share = shares[holder] ?? Share()
        defer { shares[holder] = share }
        if share.held < limit {
            share.held += 1
            return .proceed
        }
        guard share.waiting.count < waitLimit else { return .refuse }
        nextTicket += 1
        share.waiting.append(nextTicket)
        return .wait(ticket: nextTicket)
    }

    /// A caller has given back what he had of a share.
    ///
    /// - Returns: the one whose turn it is now; nil for nobody.
    mutating func release(_ holder: Holder) -> Int? {
        guard var share = shares[holder] else { preconditionFailure("nothing was held") }
        precondition(share.held > 0, "nothing was held")
        guard share.waiting.isEmpty else {
            defer { shares[holder] = share }
            return share.waiting.removeFirst()
        }
        share.held -= 1
        shares[holder] = share.held > 0 ? share : nil
        return nil
    }

    /// A caller has stopped waiting.
    ///
    /// - Returns: whether he still waited; else his turn has come.
    mutating func stoppedWaiting(_ ticket: Int, _ holder: Holder) -> Bool {
        guard let index = shares[holder]?.waiting.firstIndex(of: ticket) else { return false }
        shares[holder]?.waiting.remove(at: index)
        return true
    }
}
