import DequeModule

/// The requests that wait for the next batch.
///
/// A value: what the sequencer does on each event is returned as an action, so that tests need
/// neither tasks nor a database.
struct SequencerQueue {
    /// Limits that keep memory and batches bounded.
    struct Limits {
        /// The most events that may wait.
        var queuedEvents = 16_384
        /// The most events of one batch.
        var batchEvents = 1_024
    }

    enum Submission: Equatable {
        case queued(wake: Bool)
        case overloaded
        case stopped
    }

    private var waiting: Deque<AppendTicket> = []
    private(set) var queuedEvents = 0
    /// How many requests wait.
    var count: Int { waiting.count }
    private(set) var isStopped = false
    private let limits: Limits

    init(limits: Limits) {
        self.limits = limits
    }

    mutating func submit(_ ticket: AppendTicket) -> Submission {
        if isStopped { return .stopped }
        let events = ticket.request.events.count
        guard queuedEvents + events <= limits.queuedEvents else { return .overloaded }
        waiting.append(ticket)
        queuedEvents += events
        return .queued(wake: waiting.count == 1)
    }

    /// No request is taken from now on; those that wait are still served.
    mutating func stop() { isStopped = true }

    /// The next requests in order, without those that were withdrawn; empty when none wait.
    mutating func take(besides others: Int) -> [AppendTicket] {
        var batch: [AppendTicket] = []
        var events = others
        while let next = waiting.first {
            let count = next.request.events.count
            if events > 0 && events + count > limits.batchEvents { break }
            waiting.removeFirst()
            queuedEvents -= count
            guard next.take() else { continue }
            batch.append(next)
            events += count
        }
        return batch
    }
}
