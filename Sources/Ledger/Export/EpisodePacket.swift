public import CareEpisode
public import TransparencyLog

/// What an auditor takes away of one episode: its events with their proofs, the checkpoint, and how
/// to check them without this program.
public struct EpisodePacket: Sendable {
    /// A file that goes along.
    public struct Document: Sendable {
        /// Its name in the packet.
        public let name: String
        /// What is in it.
        public let bytes: [UInt8]

        /// A file.
        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// The events of the episode that the checkpoint covers, by version.
    public let events: [EventRow]
    /// What proves them.
    public let checkpoint: SignedCheckpoint
    /// The newest event that the checkpoint covers, of any episode: when it was recorded is the time
    /// that the read models are of.
    public let newest: EventRow
    private let newestProof: [TreeHash]
    private let proofs: [[TreeHash]]
    private let keys: [NoteVerifierKey]
    let ledger: LedgerDescription

    static let events = "events.ndjson"
    static let readable = "readable-events.ndjson"
    static let checkpoint = "checkpoint"
    static let verifierKeys = "verifier-keys"
    static let newestEntry = "newest-entry.json"
    static let instructionsName = "VERIFY.md"
    static let scriptName = "verify.py"

    /// The files of every packet, in their order; after them come the documents.
    static let fileNames = [
        instructionsName, scriptName, checkpoint, verifierKeys, newestEntry, events, readable,
    ]

    /// The documents that there may be besides: on what the read models rest, and the read models.
    public static let documentNames = [
        "basis", "replay-by-source-clock", "replay-by-ledger-clock", "attendance",
        "medication-review", "discharge-summary",
    ].map { "read-models/\($0).json" }

    /// The longest basis of read models, in bytes: most of it are settings of the ledger.
    static let basisLimit = 1 << 26

    static let allNames = Set(fileNames + documentNames)

    /// How many bytes a file of a packet has at most; nil where it is none.
    static func longest(_ name: String) -> Int? {
        switch name {
        case instructionsName: instructions.utf8.count
        case scriptName: script.utf8.count
        case checkpoint, verifierKeys: SignedNote.lengthLimit
        case newestEntry: EvidenceLine.lengthLimit
        case documentNames[0]: basisLimit
        default: allNames.contains(name) ? ZipArchive.limit : nil
        }
    }

    /// Collects the events of an episode that a checkpoint covers.
    ///
    /// - Parameters:
    ///   - episode: whose.
    ///   - database: where the ledger is.
    ///   - ledger: which.
    ///   - checkpoint: what proves them.
    /// - Throws: ``LedgerError/unknownEpisode(_:)`` where it covers none; ``SealError/damaged(_:)``
    ///   where a proof does not hold.
    public init(
        of episode: EpisodeID,
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        checkpoint: SignedCheckpoint
    ) async throws {
        let size = checkpoint.checkpoint.size
        let reader = EvidenceReader(database: database, ledger: ledger)
        events = try await reader.rows(of: episode, through: Position(size))
        guard !events.isEmpty else { throw LedgerError.unknownEpisode(episode) }
        var newest: EventRow?
        try await reader.rows(after: Position(size - 1), through: Position(size)) { newest = $0 }
        guard let newest else { throw LedgerError.missingEvent(Position(size)) }
        self.newest = newest
        let all = events + [newest]
        let subtrees = all.map { TreeProof.inclusion(of: $0.position.rawValue - 1, in: size) }
        let store = TileStore(database, ledger: ledger)
        var tiles: [TileID: [TreeHash]] = [:]
        for tile in TreeProof.tiles(for: subtrees.flatMap { $0 }, treeSize: size) {
            tiles[tile] = try await store.hashes(tile)
        }
        let proofs = subtrees.map { path in
            path.map { TreeProof.root(of: $0, treeSize: size, tiles: tiles) }
        }
        (self.proofs, newestProof) = (proofs.dropLast(), proofs.last ?? [])
        for (event, proof) in zip(all, proofs) {
            let (leaf, fault) = event.check(ledger: ledger.name)
            if let fault { throw SealError.damaged(fault, at: event.position) }
            guard checkpoint.checkpoint.includes(leaf, at: event.position, by: proof) else {
                throw SealError.damaged(
                    .root("the checkpoint does not cover the event"),
                    at: event.position
                )
            }
        }
        let registry = SealRegistry(database: database, ledger: ledger)
        keys = try await registry.identity()?.keys(signersFirst: checkpoint) ?? []
        self.checkpoint = checkpoint
        self.ledger = ledger
    }

    /// The events as they are served.
    public var recordedEvents: [RecordedEvent] { events.compactMap { try? $0.recordedEvent() } }

    /// The packet as a ZIP archive: the same bytes for the same state, checkpoint and documents.
    ///
    /// - Parameter documents: what goes along, such as the read models.
    /// - Throws: ``SealError/refused(_:)`` where it would be larger than a gigabyte.
    public func archive(with documents: [Document]) throws -> [UInt8] {
        let lines = zip(events, proofs).map { Self.line($0, $1) + "\n" }
        let readable = recordedEvents.reduce(into: [UInt8]()) {
            $0 += $1.served() + [0x0A]
        }
        let contents = [
            Array(Self.instructions.utf8), Array(Self.script.utf8),
            Array(checkpoint.note.description.utf8), Array(keys.map { "\($0)\n" }.joined().utf8),
            Array((Self.line(entry: newest.entry, newestProof) + "\n").utf8),
            Array(lines.joined().utf8), readable,
        ]
        var files = zip(Self.fileNames, contents).map { ZipArchive.File(name: $0, bytes: $1) }
        files += documents.map { ZipArchive.File(name: $0.name, bytes: $0.bytes) }
        guard files.reduce(0, { $0 + $1.bytes.count }) < ZipArchive.limit else {
            throw SealError.refused("the packet would be larger than a gigabyte")
        }
        return ZipArchive.pack(files)
    }

    /// An event as a line of `events.ndjson`, without the newline: there is no other way to write it.
    static func line(_ event: EventRow, _ proof: [TreeHash]) -> String {
        """
        {"entry":"\(Base64.encode(event.entry))","header":"\(Base64.encode(event.header))",\
        "nonce":"\(Base64.encode(event.nonce))","payload":"\(Base64.encode(event.payload))",\
        "proof":[\(list(proof))]}
        """
    }

    /// The newest entry with its proof, as `newest-entry.json` has it, without the newline.
    static func line(entry: [UInt8], _ proof: [TreeHash]) -> String {
        """
        {"entry":"\(Base64.encode(entry))","proof":[\(list(proof))]}
        """
    }

    private static func list(_ proof: [TreeHash]) -> String {
        proof.map { "\"\($0)\"" }.joined(separator: ",")
    }
}
