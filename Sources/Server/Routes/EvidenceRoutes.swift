public import CareEpisode
import HTTPTypes
import Hummingbird
public import Ledger
import ProjectionRuntime
import Projections
public import TransparencyLog

/// Checkpoints, proofs, the log as tiles, and packets.
enum EvidenceRoutes {
    static func checkpoint(_ call: Call, of tree: LedgerTree) async throws -> Reply {
        let seals = try call.read { $0.choice("seal") } == "true"
        let newest =
            seals
            ? try await call.service.checkpoint(call.ledger, of: tree)
            : try await newest(call, tree)
        let note = newest.signed.note.description
        if call.accepts("application/json") {
            return .json(newest.json)
        }
        return .bytes(Array(note.utf8), "text/plain; charset=utf-8")
    }

    static func inclusion(_ call: Call, in tree: LedgerTree) async throws -> Reply {
        let name = tree == .events ? "position" : "number"
        let (named, wanted) = try call.read { reader in
            (reader.integer(name), reader.has("size") ? reader.integer("size") : nil)
        }
        let newest = try await newest(call, tree)
        let size = try within("size", wanted, 1...newest.signed.checkpoint.size)
        let place = try within(name, named, 1...size)
        let store = TileStore(call.database, ledger: call.ledger, tree: tree)
        let answer = InclusionProof(
            place: place,
            size: size,
            root: try await store.root(size: size),
            proof: try await store.inclusionProof(of: Position(place), size: size),
            checkpoint: newest.signed.note
        )
        return .json(
            .object(
                fields: tree == .events
                    ? InclusionProof.fields : InclusionProof.ofAccessLog,
                of: answer
            )
        )
    }

    static func consistency(_ call: Call, in tree: LedgerTree) async throws -> Reply {
        let (first, last) = try call.read { reader in
            (reader.integer("from"), reader.has("to") ? reader.integer("to") : nil)
        }
        let newest = try await newest(call, tree)
        let to = try within("to", last, 1...newest.signed.checkpoint.size)
        let from = try within("from", first, 0...to)
        let store = TileStore(call.database, ledger: call.ledger, tree: tree)
        let proof = try await store.consistencyProof(from: from, to: to)
        let answer = ConsistencyProof(
            from: from,
            fromRoot: try await store.root(size: from),
            to: to,
            toRoot: try await store.root(size: to),
            proof: proof,
            checkpoint: newest.signed.note
        )
        return .json(answer.json)
    }

    /// A number that the tree must have; without it the highest.
    private static func within(
        _ name: String,
        _ number: Int64?,
        _ range: ClosedRange<Int64>
    ) throws -> Int64 {
        guard let number else { return range.upperBound }
        guard range.contains(number) else {
            throw Problem.badRequest(
                name,
                "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// A tile, or the entries of one, as a client of C2SP tlog-tiles asks for them: of what is sealed.
    static func tile(_ call: Call, of tree: LedgerTree) async throws -> Reply {
        let path = call.context.parameters.getCatchAll().joined(separator: "/")
        guard let (tile, isEntries) = TileID.parse(path) else {
            throw Problem.notFound("there is no such tile; the paths are those of C2SP tlog-tiles")
        }
        let size = try await newest(call, tree).signed.checkpoint.size
        let available = TileID(level: tile.level, number: tile.number, treeSize: size).width
        guard tile.level < 8, tile.width <= available else {
            throw Problem.notFound("the tree has no such tile yet")
        }
        let store = TileStore(call.database, ledger: call.ledger, tree: tree)
        let bytes =
            isEntries
            ? try await store.entries(tile) : TreeHash.bytes(of: try await store.hashes(tile))
        return .bytes(
            bytes,
            "application/octet-stream",
            // What was sealed once never changes.
            headers: [.cacheControl: "private, max-age=31536000, immutable"]
        )
    }

    private static func newest(
        _ call: Call,
        _ tree: LedgerTree
    ) async throws -> PublishedCheckpoint {
        let newest = try await PublishedCheckpoint.newest(call.database, call.ledger, tree)
        guard let newest else { throw Problem.noCheckpoint(of: tree, call.ledger) }
        return newest
    }

    static func packet(_ call: Call) async throws -> Reply {
        let episode = try call.episode()
        let checkpoint = try await call.service.checkpoint(call.ledger)
        let patience = call.service.settings.requestTimeout / 2
        let bytes = try await call.service.folds.takingTurns(patience: patience) {
            try await Folds.apart {
                try await EpisodePacket.archive(
                    of: episode,
                    call.database,
                    ledger: call.ledger,
                    checkpoint: checkpoint.signed
                ).bytes
            }
        }
        return .bytes(
            bytes,
            "application/zip",
            headers: [.contentDisposition: "attachment; filename=\"\(episode).zip\""]
        )
    }
}

extension PublishedCheckpoint: JSONObject {
    /// A checkpoint's members, and the signed note itself.
    public static let fields: [JSONField<Self>] = [
        .init("origin", \.signed.checkpoint.origin),
        .init("size", \.signed.checkpoint.size),
        .init("root", \.signed.checkpoint.root),
        .init("note", \.signed.note),
        .init("sealed_at", \.sealedAt),
    ]
}

extension Problem {
    /// Nothing of a tree was sealed.
    static func noCheckpoint(of tree: LedgerTree, _ ledger: LedgerDescription) -> Problem {
        let of = tree == .events ? "the ledger" : "the access log of the ledger"
        return .notFound("\(of) \(ledger.name) has no checkpoint yet")
    }
}

/// The proof that an event, or an entry of the access log, is in a tree.
struct InclusionProof: JSONObject {
    /// The event's position, or the entry's number.
    let place: Int64
    let size: Int64
    let root: TreeHash
    let proof: [TreeHash]
    let checkpoint: SignedNote

    static let fields: [JSONField<Self>] = members(.init("position", \.place))
    /// The members of a proof in the access log's tree.
    static let ofAccessLog: [JSONField<Self>] = members(.init("number", \.place))

    private static func members(_ place: JSONField<Self>) -> [JSONField<Self>] {
        [
            place,
            .init("size", \.size),
            .init("root", \.root),
            .init("proof", \.proof),
            .init("checkpoint", \.checkpoint),
        ]
    }
}

/// The proof that one tree begins with another.
struct ConsistencyProof: JSONObject {
    let from: Int64
    let fromRoot: TreeHash
    let to: Int64
    let toRoot: TreeHash
    let proof: [TreeHash]
    let checkpoint: SignedNote

    static let fields: [JSONField<Self>] = [
        .init("from", \.from),
        .init("from_root", \.fromRoot),
        .init("to", \.to),
        .init("to_root", \.toRoot),
        .init("proof", \.proof),
        .init("checkpoint", \.checkpoint),
    ]
}

extension SignedNote: JSONText {
    /// A signed note (C2SP signed-note).
    public static var schema: AnswerJSON { String.schema }
}
