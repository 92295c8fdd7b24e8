/// Who has how many of a pool's connections, and who waits for his share.
///
/// Whoever is alone may have all. As soon as somebody else comes, each has his share, the smaller the more
/// there are, and what is more than that is not given again.
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
    ///   - limit: the most connections of one holder beside one other; what is left is for that one, and as
    ///     much for each further one.
    ///   - all: the most of one who is alone, one less than there are.
    ///   - waitLimit: the most callers of one holder that wait for his share.
    init(limit: Int, all: Int, waitLimit: Int) {
        (self.limit, self.all, self.waitLimit) = (limit, all, waitLimit)
    }

    /// The most that one may have now: beside several others never less than an equal part of all.
    private var most: Int {
        let (holders, total) = (shares.count, all + 1)
        guard holders > 1 else { return all }
        let left = limit - (total - limit) * (holders - 2)
        return min(limit, max(left, (total + holders - 1) / holders))
    }

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
        // The others may have what he leaves.
        return isLast ? shares.keys.sorted().flatMap { turns(of: $0) } : turns(of: holder)
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
