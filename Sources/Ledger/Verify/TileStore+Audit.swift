import CareEpisode
import Postgres
import TransparencyLog

extension TileStore {
    /// Compares the tiles that became full within one page, looked up at once, with what is stored.
    ///
    /// - Parameters:
    ///   - through: where the page ends.
    ///   - sealed: how much is sealed, so that its tiles are to be there.
    func compare(
        _ audit: inout TreeAudit,
        through: Position,
        sealed: Int64,
        _ report: inout VerificationReport
    ) async throws {
        let width = Int64(TileID.width)
        let tileCount = EvidenceReader.pageLimit / width
        var stored: [TileID: [UInt8]] = [:]
        var (level, nodes) = (0, through.rawValue)
        while nodes >= width {
            let last = nodes / width
            let numbers = max(0, last - tileCount - 1)..<last
            for (number, bytes) in try await full(level: level, numbers: numbers) {
                stored[TileID(level: level, number: number)] = bytes
            }
            nodes /= width
            level += 1
        }
        audit.compareTiles(&report, isSealed: { $0.lastPosition.rawValue <= sealed }) {
            stored[$0]
        }
    }

    /// No tile is stored that the tree does not have.
    func checkCount(_ report: inout VerificationReport) async throws {
        let rows = try await database.reader.query(
            """
            select t.level, t.number from \(tree.tiles) t
            where t.ledger_id = \(ledger.id.rawValue)
            and (
                t.level not between 0 and 6
                or t.number < 0
                or t.number >= coalesce((
                    select s.\(tree.size) from sealer s where s.ledger_id = t.ledger_id
                ), 0) >> (8 * (greatest(0, least(t.level, 6)) + 1))
            )
            limit 1
            """
        )
        guard let row = rows.first else { return }
        let level = try row.get("level", as: Int32.self)
        let number = try row.get("number", as: Int64.self)
        report.add(.tile("a tile is stored that is not of this tree: level \(level), \(number)"))
    }
}
