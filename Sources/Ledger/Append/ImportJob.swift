import CareEpisode
import DequeModule

/// An import: lines of any number, each an event of its own, appended in their order.
///
/// Many are under way at once; what became of them is told in the order of the lines. Whoever sends
/// faster than the ledger records, or takes the results more slowly, is made to wait.
public struct ImportJob {
    /// The longest line, in bytes without its newline: an event, and white space.
    public static let lineLimit = 1 << 20
    /// The most lines under way.
    ///
    /// Two batches: while one is being flushed, the next is read.
    private static let windowLines = 2_048
    /// The most bytes of lines under way, which the longest events reach first.
    private static let windowBytes = 1 << 24
    /// How long a line waits while other writers fill the queue.
    private static let overloadLimit: Duration = .seconds(20)

    /// What became of one line.
    public struct Line: Sendable {
        /// Its number, from 1; empty lines count.
        public let number: Int
        /// What became of its event; what is no event is refused.
        public let outcome: AppendOutcome
    }

    private enum Progress {
        case submitted(AppendTicket)
        case refused(Refusal)

        /// The outcome; nil where there is none yet and nobody waits.
        func outcome(waiting: Bool) async throws -> AppendOutcome? {
            switch self {
            case .refused(let refusal): return .refused(refusal)
            case .submitted(let ticket):
                if waiting { return try await ticket.outcome() }
                return try ticket.settled?.get()
            }
        }
    }

    private let sequencer: Sequencer
    private let recordedBy: String
    private var number = 0
    /// The line that is being read, up to a byte beyond its limit.
    private var line: [UInt8] = []
    private var underWay: Deque<(number: Int, bytes: Int, progress: Progress)> = []
    private var bytesUnderWay = 0

    /// Makes a job that has read nothing yet.
    ///
    /// - Parameter recordedBy: the authenticated principal.
    public init(_ sequencer: Sequencer, recordedBy: String) {
        self.sequencer = sequencer
        self.recordedBy = recordedBy
    }

    /// Appends all lines; call once.
    ///
    /// Empty lines mean nothing. The last line may lack its newline.
    ///
    /// - Parameters:
    ///   - read: the next bytes, however they are cut; nil at the end.
    ///   - tell: takes the next results, at least one and in the order of the lines.
    /// - Throws: what the two throw, and as ``Sequencer/append(_:)``; then the results before the
    ///   failure have been told, and importing all lines again appends the rest.
    @concurrent
    public mutating func run(
        reading read: @concurrent () async throws -> [UInt8]?,
        telling tell: @concurrent ([Line]) async throws -> Void
    ) async throws {
        while let chunk = try await read() {
            var rest = chunk[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                extendLine(rest[..<end])
                try await endLine(tell)
                rest = rest[(end + 1)...]
            }
            extendLine(rest)
            // Who sends slowly, or waits for results before he sends more, gets what there is.
            try await tellResults(tell)
        }
        try await endLine(tell)
        try await tellResults(tell, untilLines: 0)
    }

    private mutating func extendLine(_ part: ArraySlice<UInt8>) {
        // What is too long is not kept; it goes on to its newline all the same.
        line += part.prefix(Self.lineLimit + 1 - line.count)
    }

    @concurrent
    private mutating func endLine(_ tell: @concurrent ([Line]) async throws -> Void) async throws {
        number += 1
        defer { line.removeAll(keepingCapacity: true) }
        guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { return }
        let progress: Progress
        do {
            progress = .submitted(try await submit(parsed(), tell))
        } catch let refusal as Refusal {
            progress = .refused(refusal)
        } catch let error as AppendError {
            // What is under way is recorded all the same.
            try await tellResults(tell, untilLines: 0)
            throw error
        }
        underWay.append((number, line.count, progress))
        bytesUnderWay += line.count
        if underWay.count >= Self.windowLines || bytesUnderWay >= Self.windowBytes {
            try await tellResults(
                tell,
                untilLines: Self.windowLines / 2,
                bytes: Self.windowBytes / 2
            )
        }
    }

    private func parsed() throws(Refusal) -> AppendRequest {
        guard line.count <= Self.lineLimit else {
            throw Refusal(errors: [
                FieldError(
                    pointer: "",
                    code: "too_large",
                    detail: "is in a line of more than \(Self.lineLimit) bytes"
                )
            ])
        }
        let (episode, draft) = try EventParser.parseLine(line)
        return AppendRequest(episodeID: episode, events: [draft], recordedBy: recordedBy)
    }

    /// Puts a line in the queue, and waits while others fill it.
    @concurrent
    private mutating func submit(
        _ request: AppendRequest,
        _ tell: @concurrent ([Line]) async throws -> Void
    ) async throws -> AppendTicket {
        var retry = Retry(limit: Self.overloadLimit)
        while true {
            do throws(AppendError) {
                return try sequencer.submit(request)
            } catch {
                guard error == .overloaded else { throw error }
            }
            if !underWay.isEmpty {
                try await tellResults(tell, untilLines: underWay.count / 2)
            } else if try await !retry.pause() {
                throw AppendError.overloaded
            }
        }
    }

    /// Tells the results that there are, and waits for more until no more than this is under way.
    @concurrent
    private mutating func tellResults(
        _ tell: @concurrent ([Line]) async throws -> Void,
        untilLines lines: Int = .max,
        bytes: Int = .max
    ) async throws {
        var results: [Line] = []
        let failure: (any Error)?
        do {
            while let first = underWay.first {
                let waits = underWay.count > lines || bytesUnderWay > bytes
                guard let outcome = try await first.progress.outcome(waiting: waits) else { break }
                results.append(Line(number: first.number, outcome: outcome))
                underWay.removeFirst()
                bytesUnderWay -= first.bytes
            }
            failure = nil
        } catch {
            failure = error
        }
        if !results.isEmpty { try await tell(results) }
        if let failure { throw failure }
    }
}
