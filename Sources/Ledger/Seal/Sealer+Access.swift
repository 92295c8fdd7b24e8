import CareEpisode
import Metrics
import Postgres
public import TransparencyLog

/// What the holder of the lease remembers of the access log, from one look to the next.
struct AccessSealing {
    let lease: SealLease
    let held: HeldLease
    /// Nil before anything was sealed here, and after a failure.
    var state: SealState?
    /// The last number that was given, and to which entry; nil before that was looked up.
    var last: (number: Int64, entry: Int64)?
    /// What has to be over before more can be numbered.
    var mark: AccessNumbering.Mark?
    /// How many looks at the tables have been heeded.
    var looks = -1
    /// When there may be a next try.
    var notBefore = ContinuousClock.now

    /// How long after one try the next one comes: seals of the access log are not many.
    static let pause: Duration = .milliseconds(500)
    /// How long transactions that are writing are waited for before it is looked again.
    static let writersPause: Duration = .milliseconds(50)
    /// How long after a failure the next try comes.
    static let troublePause: Duration = .seconds(5)

    init(_ lease: SealLease, _ held: HeldLease) {
        self.lease = lease
        self.held = held
    }

    /// Whether the last try has failed.
    var hasFailed = false

    /// How long to rest before the next try, where there is more to do; nil where there is not.
    var rest: Duration? {
        if hasFailed { return max(.milliseconds(50), ContinuousClock.now.duration(to: notBefore)) }
        return mark == nil ? nil : Self.writersPause
    }

    /// Whether a look has found entries that have no number.
    static func isCalled(_ seen: LiveFeed.Seen, after looks: Int) -> Bool {
        seen.looks > looks && seen.calls.contains(WorkCall.accesses)
    }
}

extension Sealer {
    /// Numbers and seals entries of the access log, one batch, where there is something to do and the
    /// last try was not just now.
    ///
    /// What is wrong with the access log keeps no event from being sealed.
    ///
    /// - Returns: what is wrong, once it is known to the database.
    func seal(_ sealing: inout AccessSealing, _ feed: LiveFeed) async throws -> SealError? {
        let seen = feed.seen
        guard
            sealing.mark != nil || sealing.last == nil || !feed.isFresh
                || AccessSealing.isCalled(seen, after: sealing.looks)
        else { return nil }
        sealing.looks = seen.looks
        guard .now >= sealing.notBefore else { return nil }
        do {
            do {
                try await sealBatch(&sealing)
            } catch {
                throw SealError.damage(error, .access) ?? error
            }
            let pause = sealing.mark == nil ? AccessSealing.pause : AccessSealing.writersPause
            sealing.notBefore = .now + pause
            sealing.hasFailed = false
            return nil
        } catch let error as SealError where !error.isTransient {
            try? await access.registry.report(error, sealing.lease)
            failures.increment()
            let looks = sealing.looks
            sealing = AccessSealing(sealing.state?.lease ?? sealing.lease, sealing.held)
            sealing.looks = looks
            sealing.hasFailed = true
            sealing.notBefore = .now + AccessSealing.troublePause
            return error
        }
    }

    /// Numbers what is settled, and seals what is numbered.
    private func sealBatch(_ sealing: inout AccessSealing) async throws {
        let registry = access.registry
        let numbering = AccessNumbering(database: registry.database, ledger: registry.ledger)
        if sealing.state == nil, try await registry.identity() != nil {
            // Before anything is numbered: the database may have gone back.
            sealing.state = try await access.state(sealing.lease, sealing.held)
        }
        var last = try await lastNumbered(sealing)
        sealing.last = last
        var mark: AccessNumbering.Mark
        if let known = sealing.mark { mark = known } else { mark = try await numbering.mark() }
        if !mark.writers.isEmpty {
            mark.writers.formIntersection(try await numbering.writers())
        }
        sealing.mark = mark
        if !mark.writers.isEmpty, mark.since + settings.writersPatience < .now {
            throw SealError.damaged(
                .checkpoint(
                    "somebody has been writing to it for more than a minute, so that no entry after it is "
                        + "numbered: pg_stat_activity says who is in a transaction"
                )
            )
        }
        var rows: [AccessRow] = []
        if mark.writers.isEmpty {
            let lease = sealing.lease
            let numbered = try await numbering.number(
                after: last,
                through: mark.entry,
                registry,
                lease
            )
            last = (numbered.number, numbered.entry)
            rows = numbered.rows
            sealing.last = last
            if numbered.isAll { sealing.mark = nil }
        }
        guard last.number > sealing.state?.edge.size ?? 0 else { return }
        var state: SealState
        if let known = sealing.state {
            state = known
        } else {
            state = try await access.state(sealing.lease, sealing.held)
        }
        while state.edge.size < last.number {
            _ = try await access.seal(
                &state,
                through: last.number,
                batch: AccessNumbering.batchLimit,
                // What was read just now is not read again.
                numbered: state.edge.size + Int64(rows.count) == last.number ? rows : []
            )
            sealing.state = state
        }
    }

    private func lastNumbered(
        _ sealing: AccessSealing
    ) async throws -> (number: Int64, entry: Int64) {
        if let last = sealing.last { return last }
        return try await AccessNumbering.last(access.registry.database, access.registry.ledger)
    }

    /// Seals the access log up to the entries that there are now, in this process if nobody else has the
    /// lease.
    ///
    /// - Parameters:
    ///   - limit: how long to wait for another sealer, or for who is writing, without progress.
    ///   - progress: told how many entries are sealed.
    /// - Returns: the newest checkpoint; nil where the access log is empty and was never sealed.
    /// - Throws: ``SealError``.
    @discardableResult
    public func sealAccessLog(
        limit: Duration = .seconds(30),
        progress: @Sendable (Int64) -> Void = { _ in }
    ) async throws -> SignedCheckpoint? {
        let (database, ledger) = (access.registry.database, access.registry.ledger)
        let goal = try await AccessStatus.lastEntry(database, ledger)
        var end = ContinuousClock.now + limit
        var sealed: Int64 = -1
        while true {
            let now = try await AccessStatus.sealedEntry(database, ledger)
            if now >= goal { break }
            if now > sealed { end = .now + limit }
            sealed = now
            if .now > end {
                let size = try await access.registry.newest()?.checkpoint.size ?? 0
                throw SealError.notReached(Position(goal), sealed: size)
            }
            _ = try await withBareLease { lease, held in
                if try await self.registry.identity() == nil {
                    // The access log is named after the events' log.
                    _ = try await self.record.state(lease, held)
                }
                var sealing = AccessSealing(lease, held)
                repeat {
                    do {
                        try await self.sealBatch(&sealing)
                    } catch let error as SealError where !error.isTransient {
                        try? await self.access.registry.report(error, lease)
                        throw error
                    }
                    progress(sealing.last?.number ?? 0)
                    if sealing.mark?.writers.isEmpty == false {
                        try await Task.sleep(for: AccessSealing.writersPause)
                    }
                } while sealing.last?.entry ?? 0 < goal && .now < end
            }
            try await Task.sleep(for: AccessSealing.writersPause)
        }
        try await access.checkLog()
        return try await access.registry.newest()
    }
}
