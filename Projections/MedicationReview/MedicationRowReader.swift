import CareEpisode
import Ledger
import Postgres

/// Reads a row of the medication review column by column, in the order in which it was written.
struct MedicationRowReader {
    private let row: PostgresRow
    private var index = 0

    init(_ row: PostgresRow) { self.row = row }

    mutating func next<Value: PostgresDecodable>(
        _ type: Value.Type = Value.self
    ) throws -> Value {
        defer { index += 1 }
        return try row.get(index, as: type)
    }

    /// The ledger, which the query has chosen, and the episode.
    mutating func episode() throws -> EpisodeID {
        _ = try next(Int32.self)
        return try next()
    }

    mutating func instant() throws -> Instant { Instant(microseconds: try next()) }

    mutating func optionalInstant() throws -> Instant? {
        try next(Int64?.self).map(Instant.init(microseconds:))
    }

    mutating func code<Code>(_ column: String, _ code: (String) -> Code?) throws -> Code {
        guard let code = code(try next()) else { throw MedicationRowError(column: column) }
        return code
    }

    mutating func medication() throws -> Medication {
        Medication(
            name: try next(),
            rxcui: try next(),
            ndc: try next(),
            form: try next(),
            strength: try next(),
            orderID: try next()
        )
    }

    mutating func regimen() throws -> Regimen? {
        let isThere = try next(Bool.self)
        let regimen = Regimen(
            dose: try next(),
            unit: try next(),
            route: try next(),
            frequency: try next(),
            timesPerDay: try next(),
            asNeeded: try next()
        )
        return isThere ? regimen : nil
    }

    mutating func reason() throws -> MedicationReason? {
        let isThere = try next(Bool.self)
        let code = try next(String?.self)
        let text = try next(String?.self)
        guard isThere else { return nil }
        return MedicationReason(code: code.map(MedicationReasonCode.init(rawValue:)), text: text)
    }
}

/// A row of the medication review that this program did not write.
struct MedicationRowError: Error, CustomStringConvertible {
    let column: String

    var description: String {
        "the medication review's tables hold an unknown \(column): rebuild it"
    }
}
