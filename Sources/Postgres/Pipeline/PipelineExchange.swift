/// What was sent up to a Sync, and what has come back: the state of one round trip.
///
/// Generic over the rows so that tests drive it without a server.
struct PipelineExchange<Rows> {
    /// One message sequence that the server answers with one result.
    enum Step: Equatable {
        /// Something of the connection's own (settings, dropping a statement), by the name it concerns.
        case housekeeping(drops: String?)
        /// Prepares a statement under a name.
        case prepare(String)
        /// Executes the caller's statement at an index, by a name prepared earlier, if by one.
        case execute(Int, name: String?)
    }

    /// What the connection should do next.
    enum Action: Equatable {
        case readOn
        /// The server has answered the Sync: the connection is idle.
        case finish
        /// The connection will not answer any more.
        case giveUp
    }

    /// The first failure of the round trip.
    struct Failure {
        /// The step that failed; nil if it was the commit at the Sync.
        var step: Step?
        var message: ServerMessage
    }

    private(set) var steps: [Step] = []
    private(set) var rows: [Int: Rows] = [:]
    private(set) var failure: Failure?
    private var succeeded: Set<Int> = []
    private var index = 0
    private var hasResult = false
    private var emptyReads = 0

    /// Records that a step was sent.
    mutating func sent(_ step: Step) { steps.append(step) }

    /// A statement's rows, or that it was done.
    mutating func received(rows result: Rows) -> Action {
        emptyReads = 0
        guard index < steps.count else { return .giveUp }
        hasResult = true
        succeeded.insert(index)
        if case .execute(let statement, _) = steps[index] { rows[statement] = result }
        return .readOn
    }

    /// An error, of the server or of libpq itself.
    mutating func received(error message: ServerMessage) -> Action {
        emptyReads = 0
        hasResult = true
        // A later message about the broken connection does not hide what the server said first.
        if failure == nil {
            failure = Failure(step: index < steps.count ? steps[index] : nil, message: message)
        }
        return .readOn
    }

    /// A statement the server skipped because an earlier one had failed.
    mutating func receivedSkipped() -> Action {
        emptyReads = 0
        guard index < steps.count, failure != nil else { return .giveUp }
        hasResult = true
        return .readOn
    }

    /// libpq's NULL, which ends a statement's results.
    mutating func receivedEnd(connectionIsOpen: Bool) -> Action {
        guard hasResult else {
            // A dying server can leave libpq with NULLs and no Sync.
            emptyReads += 1
            return emptyReads > 2 || !connectionIsOpen ? .giveUp : .readOn
        }
        hasResult = false
        if index < steps.count { index += 1 }
        return .readOn
    }

    /// The server's answer to the Sync.
    mutating func receivedSync() -> Action { .finish }

    /// Whether, if the connection has ended now, an implicit transaction may have been committed.
    ///
    /// Not if the server reported an error that came before the commit. Results arrive in order, so
    /// a FATAL where a statement's result was due came before the commit as well.
    var isInDoubt: Bool {
        guard let failure, failure.message.sqlState != nil else { return true }
        return failure.step == nil && failure.message.endsSession
    }

    /// Every step with whether the server did it.
    var outcomes: [(step: Step, succeeded: Bool)] {
        steps.enumerated().map { ($0.element, succeeded.contains($0.offset)) }
    }
}
