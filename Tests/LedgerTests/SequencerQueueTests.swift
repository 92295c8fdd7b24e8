import CareEpisode
import TestSupport
import Testing

@testable import Ledger

@Suite("Sequencer queue")
struct SequencerQueueTests {
    private func ticket(_ events: Int = 1) -> AppendTicket {
        AppendTicket(
            AppendRequest(
                episodeID: .fresh,
                events: (0..<events).map { _ in SampleEvent.session() },
                recordedBy: "cli:test"
            )
        )
    }

    private func queue(queued: Int = 100, batch: Int = 10) -> SequencerQueue {
        SequencerQueue(limits: .init(queuedEvents: queued, batchEvents: batch))
    }

    @Test("Requests are taken in the order in which they came")
    func order() {
        var queue = queue()
        let tickets = (0..<5).map { _ in ticket() }
        for ticket in tickets { _ = queue.submit(ticket) }
        #expect(
            queue.take(besides: 0).map(ObjectIdentifier.init) == tickets.map(ObjectIdentifier.init)
        )
        #expect(queue.take(besides: 0).isEmpty)
        #expect(queue.queuedEvents == 0)
    }

    @Test("Only the first request of an empty queue wakes the sequencer")
    func wakes() {
        var queue = queue()
        #expect(queue.submit(ticket()) == .queued(wake: true))
        #expect(queue.submit(ticket()) == .queued(wake: false))
        _ = queue.take(besides: 0)
        #expect(queue.submit(ticket()) == .queued(wake: true))
    }

    @Test("A batch is bounded by its events, those that wait to be decided again included")
    func batchLimit() {
        var queue = queue()
        for _ in 0..<4 { _ = queue.submit(ticket(4)) }
        #expect(queue.take(besides: 0).count == 2)
        #expect(queue.take(besides: 6).count == 1)
        #expect(queue.take(besides: 10).isEmpty)
        #expect(queue.take(besides: 7).isEmpty)
        #expect(queue.queuedEvents == 4)
    }

    @Test("A request larger than a batch is a batch of its own")
    func oversize() {
        var queue = queue()
        _ = queue.submit(ticket(20))
        _ = queue.submit(ticket())
        #expect(queue.take(besides: 1).isEmpty)
        #expect(queue.take(besides: 0).count == 1)
        #expect(queue.take(besides: 0).count == 1)
    }

    @Test("A full queue takes nothing until something is taken from it")
    func overload() {
        var queue = queue(queued: 8)
        #expect(queue.submit(ticket(5)) == .queued(wake: true))
        #expect(queue.submit(ticket(4)) == .overloaded)
        #expect(queue.submit(ticket(3)) == .queued(wake: false))
        #expect(queue.submit(ticket()) == .overloaded)
        _ = queue.take(besides: 0)
        #expect(queue.submit(ticket(8)) == .queued(wake: true))
    }

    @Test("A stopped queue takes nothing more and still gives what waits")
    func stop() {
        var queue = queue()
        _ = queue.submit(ticket())
        queue.stop()
        #expect(queue.submit(ticket()) == .stopped)
        #expect(queue.isStopped)
        #expect(queue.take(besides: 0).count == 1)
    }

    @Test("A withdrawn request is left out and makes room")
    func withdrawn() async throws {
        var queue = queue(queued: 2)
        let withdrawn = ticket()
        let kept = ticket()
        _ = queue.submit(withdrawn)
        _ = queue.submit(kept)
        let waiting = Task { try await withdrawn.outcome() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(queue.take(besides: 0).map(ObjectIdentifier.init) == [ObjectIdentifier(kept)])
        #expect(queue.queuedEvents == 0)
    }
}

@Suite("Append ticket")
struct AppendTicketTests {
    private let ticket = AppendTicket(request(.fresh, SampleEvent.session()))

    @Test("The first outcome counts, whether it is awaited before or after")
    func firstOutcome() async throws {
        async let outcome = ticket.outcome()
        ticket.settle(.success(.conflict(current: Version(3))))
        ticket.settle(.success(.partlyRecorded))
        #expect(try await outcome.conflict == Version(3))
    }

    @Test("A request that has been taken is waited for, even by a cancelled task")
    func takenIsNotWithdrawn() async throws {
        #expect(ticket.take())
        let waiting = Task { try await ticket.outcome() }
        waiting.cancel()
        ticket.settle(.success(.partlyRecorded))
        #expect(try await waiting.value.isPartlyRecorded)
    }

    @Test("A withdrawn request cannot be taken, and what is settled later is not told")
    func withdrawn() async throws {
        let waiting = Task { try await ticket.outcome() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(!ticket.take())
        ticket.settle(.success(.partlyRecorded))
    }
}
