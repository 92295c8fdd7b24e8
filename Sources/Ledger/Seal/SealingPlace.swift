import CareEpisode

/// Where the private key and the checkpoint log of a ledger lie, and under which name it is sealed.
public struct SealingPlace: Sendable {
    /// The private keys.
    public let keys: SigningKeyFile
    /// What was signed.
    public let log: CheckpointLog
    /// The configured name, nil where none is: the origin is this, a slash and the ledger's name.
    ///
    /// Without one it is ``defaultName``, and whatever the ledger is sealed as already.
    public let name: String?

    /// The configured name of who configures none.
    public static let defaultName = "episode-ledger"

    /// Names the files.
    public init(keys: SigningKeyFile, log: CheckpointLog, name: String? = nil) {
        self.keys = keys
        self.log = log
        self.name = name
    }

    /// The place of one of the ledger's trees: the keys are in one file, and the checkpoint log of the
    /// access log lies beside that of the events, `.access` behind its name.
    public func of(_ tree: LedgerTree) -> SealingPlace {
        guard tree == .access else { return self }
        return SealingPlace(keys: keys, log: Self.accessLog(beside: log), name: name)
    }

    /// The checkpoint log of the access log, beside that of the events.
    public static func accessLog(beside log: CheckpointLog) -> CheckpointLog {
        CheckpointLog("\(log.path).access")
    }

    /// The origin of the first log of a ledger.
    func origin(of ledger: LedgerName) -> String { "\(name ?? Self.defaultName)/\(ledger)" }
}
