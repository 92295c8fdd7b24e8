import CareEpisode
import Ledger
import TestSupport

extension SealedAccessLog {
    /// Changes the access log in every way in turn, and asks `verify` with the checkpoint log at hand and
    /// with the key alone; in the end it is as it was, and raises no alarm.
    ///
    /// - Parameter count: how many changes.
    public func forged(_ count: Int, seed: UInt64) async throws -> Campaign.Result {
        var random = SeededRandom(seed: seed)
        var result = Campaign.Result()
        let keys = try await keys()
        try await copy()
        let kinds = AccessForgery.allCases
        for number in 0..<count {
            let kind = kinds[number % kinds.count]
            let script = kind.script(&random)
            try await asSuperuser(script)
            if kind == .madeAnew { try await seal(place("forger-\(number)")) }
            result.made[kind.rawValue, default: 0] += 1
            for hasLog in kind.isFoundByKey ? [true, false] : [true] {
                let report = try await verify(pinned: hasLog ? [] : keys, hasLog: hasLog)
                if !report.faults.contains(where: { $0.kind.code == "access_log" }) {
                    result.failures.append(
                        "seed \(seed), access log \(number), \(hasLog ? "the log" : "a key") at hand: \(script)"
                    )
                }
            }
            try await restore()
        }
        for hasLog in [true, false] {
            let report = try await verify(pinned: keys, hasLog: hasLog)
            result.failures += report.faults.map { "untouched access log: \($0)" }
        }
        return result
    }

    /// Forges exports of the access log in every way in turn, and asks both verifiers, also about the
    /// untouched one.
    ///
    /// - Parameter count: how many forgeries.
    public func forgedExports(_ count: Int, seed: UInt64) async throws -> Campaign.Result {
        let genuine = "\(folder)/genuine"
        guard let key = try await keys().first, try await export(to: genuine).size == Self.count
        else { throw NeverHappened(description: "all of the access log was exported") }
        // The stays of a census are in exports with events alone.
        return try await Verifiers(folder: folder).refuse(
            count,
            ExportForgery.allCases.filter { $0 != .stays && $0 != .parked },
            of: .accesses,
            genuine,
            key,
            newest(),
            seed: seed
        )
    }
}
