import CareEpisode
import Ledger
import Postgres
import TestSupport

/// One change of a sealed ledger that must be detected.
public struct Change: Sendable {
    /// What is changed: the list at the end of docs/tamper-evidence.md.
    public enum Kind: String, CaseIterable, Sendable {
        case payloadByte = "a payload byte changed"
        case headerField = "a header field changed"
        case column = "a column that repeats a header field changed"
        case recordedAt = "recorded_at changed"
        case swapped = "two events swapped"
        case deleted = "an event deleted"
        case inserted = "an event inserted"
        case episodeDeleted = "a whole episode deleted"
        case tailCut = "the tail cut after a checkpoint"
        case regrown = "rolled back to a backup and grown again"
        case tile = "a tile or a stored leaf changed"
        case checkpoint = "a checkpoint changed"
        case readModel = "a read-model row changed"
    }

    /// How much of the rest the forger adapts.
    public enum Care: Int, CaseIterable, Sendable {
        /// Nothing.
        case none
        /// Commitments and leaf hashes of the rows that were touched.
        case leaves
        /// Those, and the stored tiles.
        case tiles
    }

    /// What was done.
    public let kind: Kind
    /// How carefully.
    public let care: Care
    /// The first position that is not what it was; nil where no event was touched.
    public let first: Int64?
    /// What exactly, for a failure's message.
    public let detail: String
    /// The tables to put back.
    let tables: [String]

    /// A ledger's number that no ledger has.
    static let elsewhere = 999_999
}

/// Makes changes, at random places.
struct Forger {
    let sealed: SealedLedger
    let connection: PostgresConnection
    var random: SeededRandom
    /// Of read-model rows only the columns that an export shows.
    let onlyExported: Bool

    var id: String { "\(sealed.ledger.id.rawValue)" }

    mutating func make(_ kind: Change.Kind) async throws -> Change {
        let care = Change.Care.allCases.randomElement(using: &random) ?? .none
        let (first, detail) = try await apply(kind, care)
        if kind != .readModel && kind != .tile && kind != .checkpoint {
            if care != .none { try await run(Self.recomputed + " where ledger_id = \(id)") }
            if care == .tiles { try await retile() }
        }
        return Change(
            kind: kind,
            care: care,
            first: first,
            detail: detail,
            tables: kind == .readModel
                ? SealedLedger.parking + (try sealed.readModelTables()) : SealedLedger.evidence
        )
    }

    private static let recomputed = """
        update event set
            commitment = sha256(
                sha256(substring(nonce from 1 for 16) || header)
                || sha256(substring(nonce from 17) || payload)
            ),
            leaf_hash = sha256(
                '\\x00657069736f64652d6c6564676572310a'::bytea || uuid_send(event_id)
                || uuid_send(episode_id) || int8send(version) || int8send(position)
                || int8send(recorded_at) || '\\x0000000000000000'::bytea
                || sha256(
                    sha256(substring(nonce from 1 for 16) || header)
                    || sha256(substring(nonce from 17) || payload)
                )
            )
        """

    /// Writes the full tiles of level 0 anew from the stored leaf hashes.
    private func retile() async throws {
        try await run(
            """
            update tile t set hashes = n.hashes
            from (
                select (position - 1) / 256 as number, string_agg(leaf_hash, '' order by position)
                    as hashes
                from event where ledger_id = \(id) group by 1 having count(*) = 256
            ) n
            where t.ledger_id = \(id) and t.level = 0 and t.number = n.number
            """
        )
    }

    func run(_ sql: String) async throws {
        _ = try await connection.query("\(raw: sql)")
    }

    private mutating func place() -> Int64 { Int64.random(in: 1...sealed.size, using: &random) }

    mutating func pick<Element>(_ list: [Element]) -> Element {
        guard let element = list.randomElement(using: &random) else {
            preconditionFailure("nothing to pick from")
        }
        return element
    }

    private func length(_ column: String, _ position: Int64) async throws -> Int {
        let rows = try await connection.query(
            """
            select octet_length(\(raw: column)) as length from event
            where ledger_id = \(raw: id) and position = \(position)
            """
        )
        return Int(try rows.first?.get("length", as: Int32.self) ?? 0)
    }

    private mutating func apply(
        _ kind: Change.Kind,
        _ care: Change.Care
    ) async throws -> (Int64?, String) {
        switch kind {
        case .payloadByte: try await flip("payload")
        case .headerField: try await header()
        case .column: try await column()
        case .recordedAt: try await recordedAt()
        case .swapped: try await swap()
        case .deleted: try await delete()
        case .inserted: try await insert()
        case .episodeDeleted: try await deleteEpisode()
        case .tailCut: try await cut()
        case .regrown: try await regrow()
        case .tile: try await tile()
        case .checkpoint: try await checkpoint()
        case .readModel: try await readModel()
        }
    }

    // MARK: - Rows of events

    private mutating func flip(_ column: String) async throws -> (Int64?, String) {
        let position = place()
        let length = try await length(column, position)
        let bit = Int.random(in: 0..<max(1, length * 8), using: &random)
        try await run(
            """
            update event set \(column) = set_bit(\(column), \(bit), 1 - get_bit(\(column), \(bit)))
            where ledger_id = \(id) and position = \(position)
            """
        )
        return (position, "bit \(bit) of \(column)")
    }

    /// A field of the header says otherwise: its text is still JSON.
    private mutating func header() async throws -> (Int64?, String) {
        let position = place()
        let (from, to) = pick([
            ("\"recorded_by\":\"tests\"", "\"recorded_by\":\"nurse\""),
            ("\"schema_version\":1", "\"schema_version\":2"),
            ("\"author\":{\"id\":\"", "\"author\":{\"id\":\"x"),
            ("\"occurred_at\":\"20", "\"occurred_at\":\"19"),
            ("\"episode_id\":\"0", "\"episode_id\":\"1"),
            ("\"event_id\":\"0", "\"event_id\":\"f"),
            ("\"ledger\":\"", "\"ledger\":\"x"),
        ])
        try await run(
            """
            update event set header = convert_to(
                replace(convert_from(header, 'UTF8'), '\(from)', '\(to)'), 'UTF8'
            )
            where ledger_id = \(id) and position = \(position)
            """
        )
        return (position, "\(from) → \(to)")
    }

    private mutating func column() async throws -> (Int64?, String) {
        let position = place()
        let (column, value) = pick([
            ("type", "case type when 'admitted' then 'completed' else 'admitted' end"),
            ("occurred_at", "occurred_at + 1000000"), ("known_at", "known_at - 1"),
            ("event_id", "gen_random_uuid()"), ("episode_id", "gen_random_uuid()"),
            ("version", "version + 100000"), ("ledger_id", "\(Change.elsewhere)"),
        ])
        try await run(
            """
            update event set \(column) = \(value)
            where ledger_id = \(id) and position = \(position)
            """
        )
        return (position, column)
    }

    private mutating func recordedAt() async throws -> (Int64?, String) {
        let position = place()
        let by = pick([-1, 1, -3_600_000_000, 86_400_000_000])
        // The knowledge time goes along where it is the recorded one.
        try await run(
            """
            update event set recorded_at = recorded_at + \(by),
                known_at = case when known_at = recorded_at then known_at + \(by) else known_at end
            where ledger_id = \(id) and position = \(position)
            """
        )
        return (position, "by \(by)")
    }

    private mutating func swap() async throws -> (Int64?, String) {
        let first = Int64.random(in: 1..<sealed.size, using: &random)
        let second = Int64.random(in: first + 1...sealed.size, using: &random)
        // Through places that no event has, since the keys are checked row by row.
        try await run(
            """
            update event set position = position + 100000000
            where ledger_id = \(id) and position in (\(first), \(second))
            """
        )
        try await run(
            """
            update event set position = case position when \(first + 100_000_000) then \(second)
                else \(first) end
            where ledger_id = \(id) and position > 100000000
            """
        )
        return (first, "\(first) and \(second)")
    }

    /// Moves everything after a position up or down, and the head with it.
    private func shift(after position: Int64, by: Int64) async throws {
        try await run(
            """
            update event set position = position + 100000000
            where ledger_id = \(id) and position > \(position)
            """
        )
        try await run(
            """
            update event set position = position - 100000000 + \(by)
            where ledger_id = \(id) and position > 100000000
            """
        )
        try await run("update ledger_head set position = position + \(by) where ledger_id = \(id)")
    }

    private mutating func delete() async throws -> (Int64?, String) {
        let position = pick([1, sealed.size, place(), place()])
        try await run("delete from event where ledger_id = \(id) and position = \(position)")
        if random.happens(0.5) {
            try await shift(after: position, by: -1)
            return (position, "\(position), those after it moved up")
        }
        return (position, "\(position)")
    }

    private mutating func insert() async throws -> (Int64?, String) {
        let source = place()
        func insert(at position: Int64, copying source: Int64) async throws {
            try await run(
                EventTable.insert(
                    [
                        "position": "\(position)", "version": "version + 1000",
                        "event_id": "gen_random_uuid()",
                    ],
                    from: "event where ledger_id = \(id) and position = \(source)"
                )
            )
        }
        if !onlyExported && random.happens(0.3) {
            // Beyond the head, which is left where it was: an export ends before it.
            try await insert(at: sealed.size + 1, copying: source)
            return (sealed.size + 1, "after the head")
        }
        let position = Int64.random(in: 1...sealed.size, using: &random)
        try await shift(after: position - 1, by: 1)
        let moved = source >= position ? source + 1 : source
        try await insert(at: position, copying: moved)
        return (position, "at \(position)")
    }

    private mutating func deleteEpisode() async throws -> (Int64?, String) {
        let position = place()
        let rows = try await connection.query(
            """
            select episode_id, min(position) as first from event
            where ledger_id = \(raw: id) and episode_id = (
                select episode_id from event
                where ledger_id = \(raw: id) and position = \(position)
            )
            group by episode_id
            """
        )
        guard let row = rows.first else { throw NeverHappened(description: "there is an event") }
        let episode = try row.get("episode_id", as: EpisodeID.self)
        try await run("delete from event where ledger_id = \(id) and episode_id = '\(episode)'")
        let first = try row.get("first", as: Int64.self)
        guard random.happens(0.5) else { return (first, "\(episode)") }
        // The rest closes ranks.
        try await run("update event set position = position + 100000000 where ledger_id = \(id)")
        try await run(
            """
            update event e set position = n.position
            from (
                select event_id, row_number() over (order by position) as position
                from event where ledger_id = \(id)
            ) n
            where e.ledger_id = \(id) and e.event_id = n.event_id
            """
        )
        try await run(
            """
            update ledger_head set position = (
                select count(*) from event where ledger_id = \(id)
            ) where ledger_id = \(id)
            """
        )
        return (first, "\(episode), those after it moved up")
    }

    // MARK: - The end of the ledger

    /// Takes everything after a size away, as a restore from a backup does.
    private func rollBack(to size: Int64) async throws {
        try await run("delete from event where ledger_id = \(id) and position > \(size)")
        try await run("delete from checkpoint where ledger_id = \(id) and size > \(size)")
        try await run(
            """
            delete from tile where ledger_id = \(id)
            and (number + 1) << (8 * (level + 1)) > \(size)
            """
        )
        try await run(
            """
            update sealer set size = coalesce((
                select max(c.size) from checkpoint c where c.ledger_id = \(id)
            ), 0) where ledger_id = \(id)
            """
        )
        try await run(
            "update ledger_head set position = \(size) where ledger_id = \(id)"
        )
    }

    private mutating func cut() async throws -> (Int64?, String) {
        let size = Int64.random(in: 0..<sealed.size, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0:
            try await run("delete from event where ledger_id = \(id) and position > \(size)")
            return (size + 1, "events after \(size)")
        case 1:
            try await run("delete from event where ledger_id = \(id) and position > \(size)")
            try await run(
                "update ledger_head set position = \(size) where ledger_id = \(id)"
            )
            return (size + 1, "events after \(size), and the head")
        default:
            try await rollBack(to: size)
            return (size + 1, "everything after \(size)")
        }
    }

    private mutating func regrow() async throws -> (Int64?, String) {
        let size = Int64.random(in: 0..<sealed.size, using: &random)
        let grown = Int64.random(in: 1...(sealed.size - size), using: &random)
        // What grows is what was there, recorded a moment later with other random bytes.
        try await run(
            """
            create temporary table grown on commit drop as
            select * from event
            where ledger_id = \(id) and position > \(size) and position <= \(size + grown)
            """
        )
        try await rollBack(to: size)
        try await run(
            """
            update grown set recorded_at = recorded_at + 1,
                known_at = case when known_at = recorded_at then known_at + 1 else known_at end,
                nonce = sha256(nonce)
            """
        )
        try await run(EventTable.insert(from: "grown"))
        try await run(Self.recomputed + " where ledger_id = \(id) and position > \(size)")
        try await run(
            "update ledger_head set position = \(size + grown) where ledger_id = \(id)"
        )
        return (size + 1, "back to \(size), grown to \(size + grown)")
    }

    // MARK: - What is stored beside the events

    private mutating func tile() async throws -> (Int64?, String) {
        let tiles = try await connection.query(
            "select level, number from tile where ledger_id = \(raw: id) order by level, number"
        )
        // What the tree has not is not exported either.
        let choice = pick(onlyExported ? [0, 2, 3] : [0, 1, 2, 3])
        if choice == 0 || tiles.isEmpty {
            let (position, detail) = try await flip("leaf_hash")
            return (position, detail)
        }
        if choice == 1 {
            try await run(
                """
                insert into tile (ledger_id, level, number, hashes)
                values (\(id), \(pick([0, 1, 9])), 4000, decode(repeat('00', 8192), 'hex'))
                """
            )
            return (nil, "a tile that the tree has not")
        }
        let row = tiles[Int.random(in: 0..<tiles.count, using: &random)]
        let level = try row.get("level", as: Int32.self)
        let number = try row.get("number", as: Int64.self)
        let place = "ledger_id = \(id) and level = \(level) and number = \(number)"
        let start = (number * 256) << Int64(8 * level) + 1
        if choice == 2 {
            try await run("delete from tile where \(place)")
            return (start, "tile \(level)/\(number) deleted")
        }
        let bit = Int64.random(in: 0..<65_536, using: &random)
        try await run(
            """
            update tile set hashes = set_bit(hashes, \(bit), 1 - get_bit(hashes, \(bit)))
            where \(place)
            """
        )
        return ((number * 256 + bit / 256) << Int64(8 * level) + 1, "tile \(level)/\(number)")
    }

    private mutating func checkpoint() async throws -> (Int64?, String) {
        let newest = "ledger_id = \(id) and size = \(sealed.size)"
        switch Int.random(in: 0...3, using: &random) {
        case 0:
            try await run("delete from checkpoint where \(newest)")
            return (nil, "the newest deleted")
        case 1:
            try await run(
                "update checkpoint set note = replace(note, '\(sealed.size)', '7') where \(newest)"
            )
            return (nil, "the size in the newest note")
        case 2:
            let root = "sha256(root)"
            try await run(
                """
                update checkpoint set root = \(root),
                    note = replace(note, encode(root, 'base64'), encode(\(root), 'base64'))
                where \(newest)
                """
            )
            return (nil, "the root of the newest, in column and note")
        default:
            // The last letters of the signature.
            try await run(
                """
                update checkpoint set note = overlay(
                    note placing case substr(note, length(note) - 20, 1) when 'A' then 'B' else 'A' end
                    from length(note) - 20 for 1
                ) where \(newest)
                """
            )
            return (nil, "the signature of the newest")
        }
    }
}
