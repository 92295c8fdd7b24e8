import CareEpisode
import TestSupport

/// One change of a sealed access log by the database's owner, with triggers off.
public enum AccessForgery: String, CaseIterable, Sendable {
    case column = "a column of a row"
    case erased = "rows erased"
    case erasedWithEntries = "rows erased with their entries"
    case movedUp = "a row erased, and the others moved up"
    case swapped = "two entries swapped"
    case inserted = "a row put in between"
    case entry = "a column of an entry"
    case tile = "a tile"
    case cut = "the end cut off"
    case checkpoint = "a checkpoint"
    case sealer = "what the sealer says"
    case madeAnew = "rows changed, and the whole log sealed anew with a key of the forger's own"

    /// Whether it can be found without the checkpoint log: a log that is cut off where it was sealed once is
    /// what its key has signed.
    var isFoundByKey: Bool { self != .cut }

    /// The statements that make it.
    func script(_ random: inout SeededRandom) -> String {
        let count = SealedAccessLog.count
        func any<Element>(_ list: [Element]) -> Element {
            list[Int.random(in: 0..<list.count, using: &random)]
        }
        let number = Int.random(in: 1...count, using: &random)
        func row(_ number: Int) -> String {
            "entry = (select entry from access_entry where number = \(number))"
        }
        let change = any([
            "subject = 'nobody'", "roles = '{auditor}'", "roles = '{}'", "operation = 'getCensus'",
            "allowed = not allowed", "episode_id = null", "episode_id = gen_random_uuid()",
            "detail = null", "detail = detail || ' '", "purpose = null", "purpose = 'HRESCH'",
            "request_id = ''", "at = at + interval '1 us'", "at = '-infinity'",
            "at = at - interval '300 days'",
        ])
        switch self {
        case .column: return "update access_log set \(change) where \(row(number))"
        case .erased:
            let last = min(count, number + any([0, 0, 1, 60]))
            return """
                delete from access_log where entry between
                    (select entry from access_entry where number = \(number))
                    and (select entry from access_entry where number = \(last))
                """
        case .erasedWithEntries:
            return """
                delete from access_log where \(row(number));
                delete from access_entry where number = \(number)
                """
        case .movedUp:
            return """
                delete from access_log where \(row(number));
                delete from access_entry where number = \(number);
                update access_entry set number = -number where number > \(number);
                update access_entry set number = -number - 1 where number < 0
                """
        case .swapped:
            let other = (number + any([0, 1, 76, 199])) % count + 1
            // Itself with itself is no change.
            guard other != number else { return AccessForgery.entry.script(&random) }
            let columns = any(["entry", "nonce, commitment, leaf_hash", "leaf_hash"])
            // Through a copy, since an entry is there once.
            return """
                create temporary table pair on commit drop as
                select * from access_entry where number in (\(number), \(other));
                delete from access_entry where number in (\(number), \(other));
                insert into access_entry
                select ledger_id, a.number, \(columns == "entry" ? "b" : "a").entry,
                    \(columns.hasPrefix("nonce") ? "b.nonce, b.commitment" : "a.nonce, a.commitment"),
                    \(columns == "entry" ? "a" : "b").leaf_hash
                from pair a join pair b using (ledger_id)
                where a.number <> b.number
                """
        case .inserted:
            // Behind the entry that was given and never written, or in front of all.
            let place = any(["0", "(select entry + 1 from access_entry where number = 200)"])
            return """
                insert into access_log (
                    ledger_id, entry, at, subject, roles, operation, allowed, episode_id, detail,
                    purpose, request_id
                ) overriding system value
                select ledger_id, \(place), at, 'snoop', roles, operation, allowed, episode_id, detail,
                    purpose, request_id
                from access_log where \(row(number))
                """
        case .entry:
            let change = any([
                "nonce = sha256(nonce)", "commitment = sha256(commitment)",
                "leaf_hash = sha256(leaf_hash)",
                "commitment = sha256(commitment), leaf_hash = sha256(leaf_hash)",
                "entry = -entry", "number = -number", "number = number + 1000",
            ])
            return "update access_entry set \(change) where number = \(number)"
        case .tile:
            let bit = Int.random(in: 0..<65_536, using: &random)
            return any([
                """
                update access_tile set hashes = set_bit(hashes, \(bit), 1 - get_bit(hashes, \(bit)))
                """,
                "delete from access_tile",
                "update access_tile set number = 1",
                "insert into access_tile select ledger_id, 1, \(bit), hashes from access_tile",
            ])
        case .cut:
            return """
                delete from access_log
                where entry > (select entry from access_entry where number = \(SealedAccessLog.first));
                delete from access_entry where number > \(SealedAccessLog.first);
                delete from access_checkpoint where size > \(SealedAccessLog.first);
                delete from access_tile;
                update sealer set access_size = \(SealedAccessLog.first)
                """
        case .checkpoint:
            let size = any([SealedAccessLog.first, count])
            return any([
                "update access_checkpoint set root = sha256(root) where size = \(size)",
                "update access_checkpoint set size = size - 1 where size = \(size)",
                "update access_checkpoint set note = replace(note, '\(size)', '\(size - 1)')",
                "delete from access_checkpoint where size = \(count)",
                "delete from access_checkpoint; delete from access_verifier_key",
            ])
        case .sealer:
            return "update sealer set access_size = \(any([0, SealedAccessLog.first, 331]))"
        case .madeAnew:
            let removed = any(["", "delete from access_log where \(row(number));"])
            // A sealer numbers no row of no time.
            let change = change.contains("infinity") ? "subject = 'nobody'" : change
            return """
                update access_log set \(change) where \(row(number % count + 1));
                \(removed)
                truncate access_entry, access_tile, access_checkpoint, access_seal_log,
                    access_verifier_key;
                update sealer set access_size = 0;
                delete from verifier_key; delete from seal_log
                """
        }
    }
}
