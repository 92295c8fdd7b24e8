import CareEpisode
import HTTPTypes
import Ledger
import Synchronization

/// How many requests are being answered at once: of a token, of a ledger, and behind proxies of a
/// client's address.
///
/// A stream counts until it has begun.
final class WorkAtOnce: Sendable {
    /// The most of a token, and of a ledger, unless said otherwise.
    ///
    /// 200 people, with six requests at once as browsers have, are below it.
    static let tokenLimit = 512
    static let ledgerLimit = 2_048

    /// For whom something counts.
    enum Payer: Hashable, Sendable {
        case token(subject: String)
        case ledger(LedgerName)
        case address(String)

        fileprivate var words: String {
            switch self {
            case .token: "this token"
            case .ledger: "this ledger"
            case .address: "this address"
            }
        }
    }

    private let (token, ledger, address): (Int, Int, Int)
    private let counts = Mutex<[Payer: Int]>([:])

    /// - Parameters:
    ///   - token: the most of a token.
    ///   - ledger: the most of a ledger.
    ///   - address: the most of an address.
    init(token: Int, ledger: Int, address: Int) {
        (self.token, self.ledger, self.address) = (token, ledger, address)
    }

    private func limit(_ payer: Payer) -> Int {
        switch payer {
        case .token: token
        case .ledger: ledger
        case .address: address
        }
    }

    /// Counts a request for as long as it is answered.
    ///
    /// - Throws: ``Problem`` 429 where one of those for whom it counts has too many.
    func counting<Result>(
        _ payers: [Payer],
        _ body: () async throws -> Result
    ) async throws -> Result {
        let full = counts.withLock { counts -> Payer? in
            if let full = payers.first(where: { counts[$0] ?? 0 >= limit($0) }) { return full }
            for payer in payers { counts[payer, default: 0] += 1 }
            return nil
        }
        if let full { throw Problem.tooManyRequests("too many requests of \(full.words) at once") }
        defer {
            counts.withLock { counts in
                for payer in payers {
                    let left = (counts[payer] ?? 1) - 1
                    counts[payer] = left > 0 ? left : nil
                }
            }
        }
        return try await body()
    }

    /// How many there are for somebody.
    func count(_ payer: Payer) -> Int { counts.withLock { $0[payer] ?? 0 } }
}

extension Problem {
    /// Fewer at a time.
    static func tooManyRequests(_ detail: String) -> Problem {
        Problem(
            status: .tooManyRequests,
            code: "too-many-requests",
            detail: "\(detail): try again",
            headers: [.retryAfter: "1"]
        )
    }

    /// A connection that is one too many.
    static let tooManyConnections = Problem(
        status: .tooManyRequests,
        code: "too-many-connections",
        detail: "there are too many connections, of this address or in all: close some, try again",
        headers: [.retryAfter: "5"]
    )
}
