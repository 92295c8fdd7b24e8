/// Who has how many of a pool's connections, and who waits for his share.
///
/// Whoever is alone may have all; as soon as somebody else comes, each has his share, and what is more than
/// that is not given again.
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
    private let all: Int
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
    ///   - limit: the most connections of one holder beside others.
    ///   - all: the most of one who is alone.
    ///   - waitLimit: the most callers of one holder that wait for his share.
    init(limit: Int, all: Int, waitLimit: Int) {
        (self.limit, self.all, self.waitLimit) = (limit, all, waitLimit)
    }

    /// The most that one may have now.
    private var most: Int { shares.count > 1 ? limit : all }

    /// How many wait for their share.
    var waitingCount: Int { shares.values.reduce(0) { $0 + $1.waiting.count } }

    /// A caller wants a connection.
    mutating func acquire(_ holder: Holder) -> Decision {
        shares[holder, default: Share()].held += 0
        let most = most
        guard let share = shares[holder], share.held >= most else {
            shares[holder]?.held += 1
            return .proceed
        }
        guard share.waiting.count < waitLimit else { return .refuse }
        nextTicket += 1
        shares[holder]?.waiting.append(nextTicket)
        return .wait(ticket: nextTicket)
    }

    /// A caller has given back what he had of a share.
    ///
    /// - Returns: those whose turn it is now.
    mutating func release(_ holder: Holder) -> [Int] {
        guard let share = shares[holder], share.held > 0 else {
            preconditionFailure("nothing was held")
        }
        let isLast = share.held == 1 && share.waiting.isEmpty
        if isLast { shares[holder] = nil } else { shares[holder]?.held -= 1 }
        // Whoever is alone now may have what the other one left.
        guard isLast else { return turns(of: holder) }
        return shares.count == 1 ? turns(of: shares.keys.first ?? holder) : []
    }

    private mutating func turns(of holder: Holder) -> [Int] {
        let most = most
        var turns: [Int] = []
        while let share = shares[holder], share.held < most, let first = share.waiting.first {
            turns.append(first)
            shares[holder]?.waiting.removeFirst()
            shares[holder]?.held += 1
        }
        return turns
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
