import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Synchronization

/// How many requests are being answered at once: of a token, of a ledger, and behind proxies of a
/// client's address; and how many streams and large answers are on their way.
final class WorkAtOnce: Sendable {
    /// The most of a token, and of a ledger, unless said otherwise.
    ///
    /// 200 people, with six requests at once as browsers have, are below it.
    static let tokenLimit = 512
    static let ledgerLimit = 2_048
    /// The most streams of a token, and of an address behind proxies; of a ledger twice as many.
    ///
    /// Never more than half of all connections.
    static let streamLimit = 4_096
    /// The most forms at a time that come without a session.
    static let lateFormLimit = 16

    /// For whom something counts.
    indirect enum Payer: Hashable, Sendable {
        case token(subject: String)
        case ledger(LedgerName)
        case address(String)
        /// A stream of somebody, for as long as it lasts.
        case stream(Payer)
        /// Whoever sends a form without a session.
        case lateForms

        fileprivate var words: String {
            switch self {
            case .token: "requests of this token"
            case .ledger: "requests of this ledger"
            case .address: "requests of this address"
            case .stream(let payer): payer.words.replacing("requests", with: "streams")
            case .lateForms: "forms without a session"
            }
        }
    }

    /// A place among those for whom something counts, until it is given back or nobody has it any more.
    final class Share: Sendable {
        private let work: WorkAtOnce
        private let payers: Mutex<[Payer]>

        fileprivate init(_ work: WorkAtOnce, _ payers: [Payer]) {
            self.work = work
            self.payers = Mutex(payers)
        }

        deinit { release() }

        /// Gives it back.
        func release() {
            let payers = payers.withLock { payers in
                defer { payers = [] }
                return payers
            }
            if !payers.isEmpty { work.release(payers) }
        }
    }

    private let (token, ledger, address, streams): (Int, Int, Int, Int)
    private let counts = Mutex<[Payer: Int]>([:])

    /// - Parameters:
    ///   - token: the most of a token.
    ///   - ledger: the most of a ledger.
    ///   - address: the most of an address.
    ///   - connections: the most connections in all.
    init(token: Int, ledger: Int, address: Int, connections: Int = .max) {
        (self.token, self.ledger, self.address) = (token, ledger, address)
        streams = max(1, connections / 2)
    }

    private func limit(_ payer: Payer) -> Int {
        switch payer {
        case .token: token
        case .ledger: ledger
        case .address: address
        case .stream(.ledger): min(streams, 2 * Self.streamLimit)
        case .stream: min(streams, Self.streamLimit)
        case .lateForms: Self.lateFormLimit
        }
    }

    /// Counts something until its share is given back.
    ///
    /// - Throws: ``Problem`` 429 where one of those for whom it counts has too many.
    func share(_ payers: [Payer]) throws -> Share {
        let full = counts.withLock { counts -> Payer? in
            if let full = payers.first(where: { counts[$0] ?? 0 >= limit($0) }) { return full }
            for payer in payers { counts[payer, default: 0] += 1 }
            return nil
        }
        if let full { throw Problem.tooManyRequests("too many \(full.words) at once") }
        return Share(self, payers)
    }

    private func release(_ payers: [Payer]) {
        counts.withLock { counts in
            for payer in payers {
                let left = (counts[payer] ?? 1) - 1
                counts[payer] = left > 0 ? left : nil
            }
        }
    }

    /// How many there are for somebody.
    func count(_ payer: Payer) -> Int { counts.withLock { $0[payer] ?? 0 } }
}

extension Response {
    /// The same, which keeps a share for as long as it is on its way; what is small is no burden.
    func keeping(_ share: WorkAtOnce.Share) -> Response {
        guard body.contentLength ?? .max > ResponseBody.smallLength else { return self }
        var kept = self
        let body = body
        kept.body = ResponseBody(contentLength: body.contentLength) { writer in
            defer { share.release() }
            try await body.write(writer)
        }
        return kept
    }
}

extension ResponseBody {
    /// So many bytes of an answer are handed over at once.
    static let smallLength = 65_536

    /// Bytes, of which no more are handed over than the client has taken.
    init(_ bytes: [UInt8]) {
        guard bytes.count > 4 * Self.smallLength else {
            self.init(byteBuffer: ByteBuffer(bytes: bytes))
            return
        }
        self.init(contentLength: bytes.count) { writer in
            var buffer = ByteBuffer(bytes: bytes)
            while let slice = buffer.readSlice(
                length: min(Self.smallLength, buffer.readableBytes)
            ), slice.readableBytes > 0 {
                try await writer.write(slice)
            }
            try await writer.finish(nil)
        }
    }
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
