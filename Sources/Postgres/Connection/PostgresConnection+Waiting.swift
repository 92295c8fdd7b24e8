/// Waiting for the server, and what ends it.
extension PostgresConnection {
    /// How long a server may be silent in a call before it is asked whether it is there at all.
    private static let silenceLimit: Duration = .seconds(4)
    /// How long it may take to answer that.
    private static let probeSeconds = 4

    /// Suspends until the socket is ready; ends the call when it has to end.
    ///
    /// A machine that has fallen silent ends the call before its deadline: while the call waits, the
    /// server is asked for another connection now and then, and one that does not even answer that
    /// will not answer this call either. A statement that merely takes long is left alone.
    func wait(
        for interest: Readiness,
        _ limit: CallLimit
    ) async throws(PostgresError) -> Readiness {
        var isSilent = false
        while true {
            let end = stop?.end ?? limit.nextWaitEnds
            let next = isSilent ? .now : ContinuousClock.now + Self.silenceLimit
            let outcome = await reactor.wait(
                for: interest,
                on: session.socket,
                until: end.map { min($0, next) } ?? next,
                cancellable: limit.isCancellable && stop == nil
            )
            switch outcome {
            case .ready(let readiness): return readiness
            case .timedOut where end.map { $0 > .now } ?? true:
                guard !isSilent else { throw lost("the server has fallen silent", limit) }
                isSilent = await !isServerThere(until: end)
            case .timedOut:
                try stopCall(.timedOut, "the deadline passed in mid-call", limit)
            case .cancelled:
                try stopCall(.cancelled, "in mid-call", limit)
            case .failed:
                throw lost("the socket cannot be waited for", limit)
            }
        }
    }

    /// Whether the server takes connections; yes where nobody waits for the answer any more.
    private func isServerThere(until end: ContinuousClock.Instant?) async -> Bool {
        let answer = OneShot<Bool>()
        session.isServerThere(withinSeconds: Self.probeSeconds) { answer.settle(.value($0)) }
        guard case .value(let isThere) = await answer.wait(until: end, reactor: reactor) else {
            return true
        }
        return isThere
    }

    // MARK: Stopping

    /// Has the server stop the call, whose end is then read as any other answer is; gives the session
    /// up where it was asked already, or cannot be.
    ///
    /// Behind a pooler it cannot: there is no knowing whose statement is stopped by the time the pooler
    /// has passed it on.
    func stopCall(
        _ code: PostgresError.Code,
        _ context: String,
        _ limit: CallLimit
    ) throws(PostgresError) {
        if stop == nil, limit.isStoppable, keepsSettings, let asked = session.askToStop() {
            stop = CallStop(code: code, context: context, asked: asked)
            return
        }
        throw spend(
            PostgresError(
                stop?.code ?? code,
                stop?.context ?? context,
                mayHaveCommitted: limit.isInDoubt
            ),
            sendCancel: true
        )
    }

    /// Ends a call that the server was asked to stop: the session goes on, once nothing is on its way
    /// any more that could stop its next call instead.
    ///
    /// - Parameters:
    ///   - failure: what the call has failed with; nil where it was done before the server came to stop
    ///     it.
    ///   - isWhole: whether what it has answered by then is kept.
    /// - Throws: that the call was stopped.
    func finishStop(
        _ failure: ServerMessage?,
        isWhole: Bool = true
    ) async throws(PostgresError) {
        guard let stop else { return }
        var isAsked = false
        if case .value(true) = await stop.asked.wait(
            until: stop.end,
            reactor: reactor,
            cancellable: false
        ) {
            isAsked = true
        }
        if !isAsked { _ = spend(PostgresError(stop.code, stop.context), sendCancel: false) }
        guard failure?.sqlState == .queryCanceled || !isWhole else { return }
        throw PostgresError(stop.code, stop.context, connectionIsUsable: spent == nil)
    }
}

/// That a server was asked to stop a call.
struct CallStop {
    /// How long it may take to do so: whoever has given up waits for that.
    private static let limit: Duration = .milliseconds(300)

    /// What the call ends with.
    let code: PostgresError.Code
    let context: String
    /// Settled once the server has taken it in.
    let asked: OneShot<Bool>
    let end = ContinuousClock.now + Self.limit
}
