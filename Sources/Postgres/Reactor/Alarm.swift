/// Something that is done at a time, unless it is called off before.
///
/// Cheaper than a task that sleeps: nothing is woken for one that is called off in time.
package struct Alarm: Sendable {
    private let ticket: UInt64

    /// - Parameters:
    ///   - deadline: when; at once where it has passed.
    ///   - action: runs on the thread that watches the sockets, so that it must be done at once.
    package init(at deadline: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) {
        ticket = SocketReactor.shared.schedule(at: deadline, action)
    }

    /// Has nothing done, unless it is done already.
    package func callOff() { SocketReactor.shared.cancelTimer(ticket) }
}
