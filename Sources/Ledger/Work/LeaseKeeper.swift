import CareEpisode
public import Postgres
import Synchronization

/// Keeps the leases that this process holds, those of one table by one statement.
public final class LeaseKeeper: Sendable {
    /// How often leases are renewed; several times before the shortest ends.
    private static let interval: Duration = .seconds(3)
    /// How long a renewal may take.
    private static let limit: Duration = .seconds(3)

    private let pool: PostgresPool
    private let state = Mutex(State())

    private struct State {
        var held: [ObjectIdentifier: HeldLease] = [:]
        var isRunning = false
        /// Leases that could not be handed back, with their epochs.
        var unreturned: [Lease.Row: Int64] = [:]
    }

    init(_ pool: PostgresPool) { self.pool = pool }

    /// Keeps a lease for as long as a body runs, and hands it back when that has ended, however it ends.
    ///
    /// - Parameters:
    ///   - lease: has just been taken.
    ///   - feed: of whom whoever waits is woken where the lease is lost.
    ///   - body: asks ``HeldLease/isLost`` when it has waited. What it writes, it writes behind
    ///     ``Lease/fence(_:setting:if:)`` all the same.
    public func holding<Result>(
        _ lease: Lease,
        _ feed: LiveFeed? = nil,
        _ body: (HeldLease) async throws -> Result
    ) async throws -> Result {
        let held = HeldLease(lease, feed)
        add(held)
        defer { remove(held) }
        do {
            let result = try await body(held)
            remove(held)
            try await handBack(lease)
            return result
        } catch {
            remove(held)
            // Of a lease that was lost nothing is handed back.
            try? await handBack(lease)
            throw error
        }
    }

    private func handBack(_ lease: Lease) async throws {
        do {
            try await lease.release(pool)
        } catch {
            state.withLock { $0.unreturned[lease.row] = lease.epoch }
            throw error
        }
    }

    /// When a lease may be taken although somebody holds it: this process does, and could not hand it
    /// back, as while the database was away.
    ///
    /// Whoever takes it gives it another epoch.
    public func isUnreturned(_ row: Lease.Row) -> SQL {
        state.withLock { state in state.unreturned[row].map { "epoch = \($0)" } ?? "false" }
    }

    private func add(_ held: HeldLease) {
        let begins = state.withLock { state in
            state.held[ObjectIdentifier(held)] = held
            defer { state.isRunning = true }
            return !state.isRunning
        }
        // Of nobody who takes a lease: it goes on for the others when he has ended.
        if begins { Task.detached { await self.run() } }
    }

    private func remove(_ held: HeldLease) {
        state.withLock { $0.held[ObjectIdentifier(held)] = nil }
    }

    /// Renews until there is nothing to renew.
    private func run() async {
        while true {
            try? await Task.sleep(for: Self.interval)
            let held = state.withLock { state in
                if state.held.isEmpty { state.isRunning = false }
                return Array(state.held.values)
            }
            if held.isEmpty { return }
            let tables = Dictionary(grouping: held, by: \.lease.row.table)
            for (table, held) in tables {
                // Where that fails, there is time for another try before they end.
                guard let lost = try? await renew(held, table) else { continue }
                for lease in held where lost.contains(lease.lease.row) { lease.lose() }
            }
        }
    }

    /// Renews the leases of a table by one statement.
    ///
    /// A row that is locked is left: its holder is just writing, which renews the lease too, or somebody
    /// takes it.
    ///
    /// - Returns: those that are lost.
    private func renew(_ held: [HeldLease], _ table: String) async throws -> Set<Lease.Row> {
        let leases = held.map(\.lease)
        let names = leases.compactMap(\.row.name)
        let key: SQL = names.isEmpty ? "ledger_id" : "ledger_id, name"
        let (columns, values): (SQL, SQL) =
            names.isEmpty ? ("", "") : (", name", ", \(names)::text[]")
        let isSame: SQL =
            names.isEmpty
            ? "l.ledger_id = k.ledger_id" : "(l.ledger_id, l.name) = (k.ledger_id, k.name)"
        let rows = try await pool.query(
            """
            with held as materialized (
                select *
                from unnest(
                    \(leases.map(\.row.ledger.rawValue)), \(leases.map(\.epoch)),
                    \(leases.map(\.seconds))\(values)
                ) as h (ledger_id, epoch, seconds\(columns))
            ),
            kept as materialized (
                select h.*
                from \(raw: table) l
                join held h using (\(key))
                where l.epoch = h.epoch and l.lease_until is not null
                for update of l skip locked
            ),
            renewed as (
                update \(raw: table) l
                set lease_until = statement_timestamp() + make_interval(secs => k.seconds)
                from kept k
                where \(isSame)
            )
            select \(key)
            from held h
            left join \(raw: table) l using (\(key))
            where l.epoch is distinct from h.epoch or l.lease_until is null
            """,
            deadline: .now + Self.limit
        )
        return Set(
            try rows.map { row in
                Lease.Row(
                    table,
                    of: LedgerID(rawValue: try row.get("ledger_id")),
                    named: names.isEmpty ? nil : try row.get("name", as: String.self)
                )
            }
        )
    }
}

/// A lease that is kept.
public final class HeldLease: Sendable {
    let lease: Lease
    private let feed: LiveFeed?
    private let lost = Atomic(false)

    fileprivate init(_ lease: Lease, _ feed: LiveFeed?) {
        self.lease = lease
        self.feed = feed
    }

    /// Whether somebody else has it, or it was handed back.
    public var isLost: Bool { lost.load(ordering: .acquiring) }

    fileprivate func lose() {
        lost.store(true, ordering: .releasing)
        feed?.wake()
    }
}
