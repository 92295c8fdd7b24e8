import CareEpisode
import Ledger
import Postgres
import TestSupport

/// Changes sealed ledgers one way after the other and asks the verifiers.
public struct Campaign: Sendable {
    /// What came of it.
    public struct Result: Sendable {
        /// Changes made, by kind.
        public var made: [String: Int] = [:]
        /// Changes that the independent verifier found in an export, by kind.
        public var foundIndependently: [String: Int] = [:]
        /// Changes that kept the ledger from being exported at all.
        public var notExported = 0
        /// What was not detected, or reported at a wrong place.
        public var failures: [String] = []

        /// Nothing yet.
        public init() {}

        /// Adds what came of more.
        public mutating func add(_ other: Result) {
            made.merge(other.made, uniquingKeysWith: +)
            foundIndependently.merge(other.foundIndependently, uniquingKeysWith: +)
            notExported += other.notExported
            failures += other.failures
        }
    }

    let sealed: SealedLedger
    let seed: UInt64

    /// A campaign on one ledger.
    public init(_ sealed: SealedLedger, seed: UInt64) {
        self.sealed = sealed
        self.seed = seed
    }

    /// Makes changes of every kind in turn, or of some; each is detected by `verify`, or it is a failure.
    public func changes(
        _ count: Int,
        _ kinds: [Change.Kind] = Change.Kind.allCases
    ) async throws -> Result {
        var result = Result()
        for number in 0..<count {
            let kind = kinds[number % kinds.count]
            let change = try await make(kind, number, onlyExported: false)
            let report = try await sealed.verify(readModels: kind == .readModel)
            result.made[kind.rawValue, default: 0] += 1
            if let failure = judge(change, report) {
                result.failures.append("seed \(seed), change \(number): \(failure)")
            }
            try await sealed.restore(change.tables)
        }
        return result
    }

    /// Makes changes until the independent verifier has found so many of each kind in exports.
    public func exportedChanges(_ count: Int) async throws -> Result {
        var result = Result()
        for kind in Change.Kind.allCases {
            var number = 0
            while result.foundIndependently[kind.rawValue, default: 0] < count {
                number += 1
                let change = try await make(kind, number, onlyExported: true)
                result.made[kind.rawValue, default: 0] += 1
                if let export = try await sealed.export() {
                    let verdict = try await sealed.verifyIndependently(export)
                    if verdict.status == 1 {
                        result.foundIndependently[kind.rawValue, default: 0] += 1
                    } else {
                        result.failures.append(
                            "seed \(seed), \(kind.rawValue), \(change.detail), care \(change.care): "
                                + "independent verifier: \(verdict.status) \(verdict.output)"
                        )
                    }
                } else {
                    result.notExported += 1
                }
                try await sealed.restore(change.tables)
                guard number < 20 * count, result.failures.count < 20 else { break }
            }
        }
        return result
    }

    /// Verifies the ledger as it is, and an export of it, by both verifiers.
    ///
    /// - Returns: false alarms.
    public func untouched() async throws -> [String] {
        var alarms: [String] = []
        let report = try await sealed.verify(readModels: true)
        alarms += report.faults.map { "\(sealed.ledger.name): \($0)" }
        guard let export = try await sealed.export() else {
            return alarms + ["\(sealed.ledger.name): not exported"]
        }
        let verifiers = Verifiers(folder: sealed.folder, zone: sealed.ledger.timeZone)
        return try await alarms
            + verifiers.judge([
                Verifiers.Task(
                    kind: .export,
                    path: export,
                    keys: [],
                    kept: [sealed.kept],
                    what: "\(sealed.ledger.name), untouched export",
                    isGenuine: true
                )
            ])
    }

    private func make(
        _ kind: Change.Kind,
        _ number: Int,
        onlyExported: Bool
    ) async throws -> Change {
        // One transaction: what a verifier sees is all of the change.
        try await sealed.superuser.withTransaction { connection in
            var forger = Forger(
                sealed: sealed,
                connection: connection,
                random: SeededRandom(seed: seed &* 1_000_003 &+ UInt64(number)),
                onlyExported: onlyExported
            )
            return try await forger.make(kind)
        }
    }

    /// What is wrong about a report; nil where it detects the change and says where.
    private func judge(_ change: Change, _ report: VerificationReport) -> String? {
        let what = "\(change.kind.rawValue), \(change.detail), care \(change.care)"
        guard let fault = report.first else { return "not detected: \(what)" }
        guard let first = change.first else { return nil }
        guard let position = fault.position?.rawValue else {
            return "no position, should be \(first): \(what): \(fault)"
        }
        // An exact place, or a range that begins where the last good checkpoint ends.
        let through = fault.through?.rawValue ?? position
        return position <= first && first <= through
            ? nil : "first bad position \(fault), should be \(first): \(what)"
    }
}
