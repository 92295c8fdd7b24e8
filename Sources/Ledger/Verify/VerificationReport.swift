public import CareEpisode
public import TransparencyLog

/// What a verification looked at, and what it found.
public struct VerificationReport: Sendable {
    /// How many faults are kept; more are only counted.
    public static let faultLimit = 100

    /// The events that were checked.
    public internal(set) var events: Int64 = 0
    /// The episodes they belong to.
    public internal(set) var episodes = 0
    /// The signed checkpoints that were checked.
    public internal(set) var checkpoints = 0
    /// The stored tiles that were compared.
    public internal(set) var tiles = 0
    /// What the newest checkpoint covers; nil where there is none.
    public internal(set) var newest: TreeCheckpoint?
    /// The size of the largest signed checkpoint that the events were found to lead to.
    public internal(set) var proven: Int64 = 0
    /// The events that no checkpoint covers.
    public internal(set) var unsealed: Int64 = 0
    /// When the oldest of those was recorded.
    public internal(set) var unsealedSince: Instant?
    /// The keys that signed the newest checkpoint.
    public internal(set) var signers: [NoteVerifierKey] = []
    /// What vouches for it from outside; nothing where what was verified only agrees with itself.
    public internal(set) var vouchers: [Voucher] = []
    /// Up to which position a checkpoint that somebody kept vouches; 0 where none does.
    public private(set) var keptThrough: Int64 = 0
    /// The read models whose rows were compared with what the events lead to.
    public internal(set) var readModels: [String] = []
    /// Of an export or a packet: the time, the position and the zone that its read models are of.
    public private(set) var readModelBasis: String?
    /// The zone of the days that the read models are in, as what was verified says.
    public private(set) var timeZone: String?
    /// What a reader should know and is not wrong: restores, read models that were not looked at.
    public private(set) var notices: [String] = []
    /// What was found of the access log; nil where it was not looked at.
    public private(set) var accessLog: AccessLogFindings?
    /// Whether it is of an export of the access log, which has no events.
    public private(set) var isOfAccessLogAlone = false
    /// How far a replica is behind what was signed; nil on a primary, and on a replica that has all.
    public internal(set) var shortfall: ReplicaShortfall?
    /// What is wrong, as far as it is kept, in the order in which it was found.
    public private(set) var faults: [EvidenceFault] = []
    /// How much is wrong.
    public private(set) var faultCount = 0
    /// How long it took.
    public internal(set) var duration: Duration = .zero

    /// Nothing looked at, nothing found.
    public init() {}

    /// Whether nothing is wrong with what is there.
    public var isClean: Bool { faultCount == 0 }

    /// Whether everything that was signed is there, and nothing is wrong with it.
    public var isVerified: Bool { isClean && shortfall == nil }

    /// The fault with the lowest position; one without a position only where no other is.
    public var first: EvidenceFault? {
        faults.filter { $0.position != nil }.min { $0.place < $1.place } ?? faults.first
    }

    /// The events checked a second.
    public var eventsPerSecond: Double {
        seconds > 0 ? Double(events) / seconds : 0
    }

    /// How long it took, in seconds.
    public var seconds: Double { duration / .seconds(1) }

    /// Adds what is wrong.
    public mutating func add(_ fault: EvidenceFault) {
        faultCount += 1
        if faults.count < Self.faultLimit {
            faults.append(fault)
        } else if let position = fault.position,
            let last = faults.indices.last, (faults[last].position ?? .zero) > position
        {
            // The lowest position is what a reader looks for first.
            faults[last] = fault
        }
    }

    /// Adds what is wrong, at a position or from one through another.
    public mutating func add(
        _ kind: EvidenceFault.Kind,
        at position: Position? = nil,
        through: Position? = nil
    ) {
        add(EvidenceFault(kind, at: position, through: through))
    }

    /// Takes in what was found of the access log.
    ///
    /// - Parameter other: a report of its tree alone, in which places are numbers.
    mutating func add(_ findings: AccessLogFindings, _ other: VerificationReport) {
        accessLog = findings
        for fault in other.faults { add(fault.ofAccessLog) }
        faultCount += other.faultCount - other.faults.count
        for notice in other.notices where !notices.contains(notice) {
            add(notice: "access log: \(notice)")
        }
        if shortfall == nil { shortfall = other.shortfall }
    }

    /// The same of an export of the access log alone: there are no events in it.
    func ofAccessLog(_ checkpoint: TreeCheckpoint) -> VerificationReport {
        var report = VerificationReport()
        let findings = AccessLogFindings(
            entries: events,
            newest: checkpoint,
            vouchers: vouchers,
            isVouched: isVouched,
            unsealed: 0,
            unsealedSince: nil
        )
        report.add(findings, self)
        report.isOfAccessLogAlone = true
        (report.checkpoints, report.tiles, report.signers) = (checkpoints, tiles, signers)
        (report.keptThrough, report.duration) = (keptThrough, duration)
        return report
    }

    /// Adds what a reader should know.
    public mutating func add(notice: String) {
        if notices.count < Self.faultLimit { notices.append(notice) }
    }

    /// Tells in days of which zone the read models are.
    public mutating func add(timeZone: String) { self.timeZone = timeZone }

    /// Tells that what was verified leads to a checkpoint that somebody kept.
    mutating func add(kept size: Int64) {
        if !vouchers.contains(.keptCheckpoint) { vouchers.append(.keptCheckpoint) }
        keptThrough = max(keptThrough, size)
    }

    /// Whether what vouches covers all that is sealed, and not only what a kept checkpoint covers.
    public var isVouched: Bool {
        vouchers.contains { $0 != .keptCheckpoint } || keptThrough >= events && keptThrough > 0
    }

    /// Tells that a read model was compared with what the events lead to.
    ///
    /// - Parameters:
    ///   - name: which.
    ///   - basis: which time or position it says that it is of, where it says so.
    public mutating func add(readModel name: String, basis: String? = nil) {
        readModels.append(name)
        readModelBasis = basis ?? readModelBasis
    }
}

/// What a verification found of a ledger's access log.
public struct AccessLogFindings: Hashable, Sendable {
    /// The entries that were checked: those that have a number.
    public let entries: Int64
    /// What its newest checkpoint covers; nil where there is none.
    public let newest: TreeCheckpoint?
    /// What vouches for it from outside.
    public let vouchers: [Voucher]
    /// Whether that covers all that is sealed.
    public let isVouched: Bool
    /// The entries that no checkpoint covers, at most ``AccessStatus/countLimit``.
    public let unsealed: Int64
    /// When the oldest of those was written.
    public let unsealedSince: Instant?
}

/// What lies outside of what was verified, and vouches for it.
public enum Voucher: String, Hashable, Sendable {
    /// A key that somebody has from elsewhere has signed the newest checkpoint.
    case verifierKey = "verifier_key"
    /// The checkpoint log was at hand.
    case checkpointLog = "checkpoint_log"
    /// Somebody has kept a checkpoint that it leads to.
    case keptCheckpoint = "kept_checkpoint"
}

/// That a replica has not got to what was signed on the primary.
///
/// No fault: what was signed may still be on its way. Whether it is there can be told later, or by the
/// primary.
public struct ReplicaShortfall: Hashable, Sendable, CustomStringConvertible {
    /// How many events, or entries of the access log, the replica has.
    public let events: Int64
    /// How many the largest checkpoint covers that it has not got to.
    public let expected: Int64
    /// What is counted.
    var noun = LedgerTree.events.noun

    /// What is missing and what to do.
    public var description: String {
        let missing =
            events < expected
            ? "this replica has \(events) of \(expected) \(noun)"
            : "this replica has the \(expected) \(noun) that were signed, and not yet their checkpoint"
        return "not there yet: \(missing); wait, or ask the primary"
    }
}

extension EvidenceFault {
    /// The lower the earlier, and the more exact where the position is the same.
    fileprivate var place: (Int64, Int64) {
        (position?.rawValue ?? .max, through?.rawValue ?? 0)
    }
}
