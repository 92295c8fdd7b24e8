import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import ProjectionRuntime
import Projections
import TransparencyLog

/// Checkpoints, proofs, the log as tiles, and packets.
enum EvidenceRoutes {
    static func checkpoint(_ call: Call) async throws -> Response {
        let seals = call.query.string("seal") ?? "true"
        guard ["true", "false"].contains(seals) else {
            throw Problem.badRequest("seal", "must be true or false")
        }
        let newest: PublishedCheckpoint
        if seals == "true" {
            newest = try await call.service.checkpoint(call.ledger)
        } else {
            guard let kept = try await PublishedCheckpoint.newest(call.database, call.ledger) else {
                throw Problem.notFound("the ledger \(call.ledger.name) has no checkpoint yet")
            }
            newest = kept
        }
        let note = newest.signed.note.description
        if call.request.headers[.accept]?.contains("application/json") == true {
            let tree = newest.signed.checkpoint
            return .json([
                "origin": .string(tree.origin),
                "size": .integer(tree.size),
                "root": .string("\(tree.root)"),
                "note": .string(note),
                "sealed_at": .instant(newest.sealedAt),
            ])
        }
        return .bytes(Array(note.utf8), "text/plain; charset=utf-8")
    }

    static func inclusion(_ call: Call) async throws -> Response {
        let newest = try await newest(call)
        let size = try call.query.integer(
            "size",
            in: 1...newest.signed.checkpoint.size,
            default: newest.signed.checkpoint.size
        )
        _ = try call.query.required("position")
        let position = Position(try call.query.integer("position", in: 1...size, default: 1))
        let store = TileStore(call.database, ledger: call.ledger)
        let proof = try await store.inclusionProof(of: position, size: size)
        let root = try await store.root(size: size)
        return .json([
            "position": .integer(position.rawValue),
            "size": .integer(size),
            "root": .string("\(root)"),
            "proof": .array(proof.map { .string("\($0)") }),
            "checkpoint": .string(newest.signed.note.description),
        ])
    }

    static func consistency(_ call: Call) async throws -> Response {
        let newest = try await newest(call)
        let size = newest.signed.checkpoint.size
        _ = try call.query.required("from")
        let to = try call.query.integer("to", in: 1...size, default: size)
        let from = try call.query.integer("from", in: 0...to, default: 0)
        let store = TileStore(call.database, ledger: call.ledger)
        let proof = try await store.consistencyProof(from: from, to: to)
        let (first, second) = (try await store.root(size: from), try await store.root(size: to))
        return .json([
            "from": .integer(from),
            "from_root": .string("\(first)"),
            "to": .integer(to),
            "to_root": .string("\(second)"),
            "proof": .array(proof.map { .string("\($0)") }),
            "checkpoint": .string(newest.signed.note.description),
        ])
    }

    /// A tile, or the entries of one, as a client of C2SP tlog-tiles asks for them: of what is sealed.
    static func tile(_ call: Call) async throws -> Response {
        let path = call.context.parameters.getCatchAll().joined(separator: "/")
        guard let (tile, isEntries) = TileID.parse(path) else {
            throw Problem.notFound("there is no such tile; the paths are those of C2SP tlog-tiles")
        }
        let size = try await newest(call).signed.checkpoint.size
        let available = TileID(level: tile.level, number: tile.number, treeSize: size).width
        guard tile.level < 8, tile.width <= available else {
            throw Problem.notFound("the tree has no such tile yet")
        }
        let store = TileStore(call.database, ledger: call.ledger)
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

    private static func newest(_ call: Call) async throws -> PublishedCheckpoint {
        guard let newest = try await PublishedCheckpoint.newest(call.database, call.ledger) else {
            throw Problem.notFound("the ledger \(call.ledger.name) has no checkpoint yet")
        }
        return newest
    }

    static func packet(_ call: Call) async throws -> Response {
        let episode = try call.episode()
        let checkpoint = try await call.service.checkpoint(call.ledger)
        let archive = try await EpisodePacket.archive(
            of: episode,
            call.database,
            ledger: call.ledger,
            checkpoint: checkpoint.signed
        )
        return .bytes(
            archive.bytes,
            "application/zip",
            headers: [.contentDisposition: "attachment; filename=\"\(episode).zip\""]
        )
    }
}
