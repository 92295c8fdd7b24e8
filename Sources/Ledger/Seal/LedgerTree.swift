public import CareEpisode
import Postgres

/// One of the two trees of a ledger, and where the database has it.
public enum LedgerTree: Hashable, Sendable {
    /// The tree over the recorded events.
    case events
    /// The tree over the entries of the access log.
    case access

    /// What the tree is over, for people.
    var noun: String { self == .events ? "events" : "entries of the access log" }

    /// What a place in it is called, for people.
    var placeName: String { self == .events ? "position" : "number" }

    /// What the origin of the first log ends with, behind the ledger's.
    var suffix: String { self == .events ? "" : "/access" }

    /// The tree whose checkpoints have an origin, of a ledger's two.
    public init(ofOrigin origin: String, in ledger: LedgerName) {
        self = LogOrigin.of(ledger, .access, is: origin) ? .access : .events
    }

    /// What the database's functions call it.
    var name: String { self == .events ? "events" : "access" }

    // MARK: - Tables

    /// Its logs, one for each declared restore and one more.
    var logs: SQL { self == .events ? "seal_log" : "access_seal_log" }

    /// The public keys of its logs.
    var keys: SQL { self == .events ? "verifier_key" : "access_verifier_key" }

    /// Its full tiles.
    var tiles: SQL { self == .events ? "tile" : "access_tile" }

    /// Its checkpoints.
    var checkpoints: SQL { self == .events ? "checkpoint" : "access_checkpoint" }

    /// What has its leaves.
    var leaves: SQL { self == .events ? "event" : "access_entry" }

    /// Where a leaf stands, from 1.
    var place: SQL { self == .events ? "position" : "number" }

    // MARK: - Columns of `sealer`

    /// The size of its newest checkpoint.
    var size: SQL { self == .events ? "size" : "access_size" }

    /// Why nothing of it is signed any more.
    var trouble: SQL { self == .events ? "trouble" : "access_trouble" }

    /// Which leaf that is about.
    var troublePlace: SQL { self == .events ? "trouble_position" : "access_trouble_number" }
}
