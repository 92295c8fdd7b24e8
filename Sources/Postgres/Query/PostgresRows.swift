import CLibPQ

/// Owns a `PGresult`.
///
/// `@unchecked Sendable`: libpq never changes a result after it has returned it, and this class only
/// reads it until the last reference goes, when `deinit` frees it.
final class ResultBox: @unchecked Sendable {
    let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }
}

/// The rows one statement returned.
public struct PostgresRows: Sendable, RandomAccessCollection {
    private let box: ResultBox
    /// The columns' names, in order.
    public let columns: [String]
    /// The columns' types, in order.
    public let types: [PostgresType]
    private let rowCount: Int

    init(_ box: ResultBox) {
        self.box = box
        let count = PQnfields(box.result)
        rowCount = Int(PQntuples(box.result))
        columns = (0..<count).map { column in
            PQfname(box.result, column).map { String(cString: $0) } ?? ""
        }
        types = (0..<count).map { PostgresType(oid: PQftype(box.result, $0)) }
    }

    /// Rows inserted, updated, deleted, selected or copied; 0 for other statements.
    public var affectedRows: Int {
        PQcmdTuples(box.result).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// The command tag, such as `INSERT 0 1`, `SELECT 3` or `ROLLBACK`.
    public var commandTag: String {
        PQcmdStatus(box.result).map { String(cString: $0) } ?? ""
    }

    /// 0.
    public var startIndex: Int { 0 }
    /// The number of rows.
    public var endIndex: Int { rowCount }

    /// The row at a position from 0.
    public subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < rowCount, "no such row")
        return PostgresRow(rows: self, row: CInt(position))
    }

    fileprivate func bytes(_ row: CInt, _ column: Int) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(box.result, row, CInt(column)) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(box.result, row, CInt(column)),
            count: Int(PQgetlength(box.result, row, CInt(column)))
        )
    }
}

/// One row.
public struct PostgresRow: Sendable {
    private let rows: PostgresRows
    private let row: CInt

    init(rows: PostgresRows, row: CInt) {
        self.rows = rows
        self.row = row
    }

    /// Reads a column by name; an optional type reads NULL as nil.
    ///
    /// Throws `PostgresError` with code `.decoding`, naming column and types, if there is no such
    /// column or its value cannot be read as the type.
    public func get<Value: PostgresDecodable>(
        _ column: String,
        as type: Value.Type = Value.self
    ) throws -> Value {
        guard let index = rows.columns.firstIndex(of: column) else {
            throw PostgresError(
                .decoding,
                "there is no column \"\(column)\"; there are \(rows.columns.joined(separator: ", "))"
            )
        }
        return try get(index, as: type)
    }

    /// Reads a column by its position from 0.
    public func get<Value: PostgresDecodable>(
        _ index: Int,
        as type: Value.Type = Value.self
    ) throws -> Value {
        precondition(rows.columns.indices.contains(index), "there is no column at \(index)")
        do throws(PostgresDecodingFailure) {
            guard let bytes = rows.bytes(row, index) else { return try Value.decodeNull() }
            defer { withExtendedLifetime(rows) {} }
            return try Value(postgres: bytes, type: rows.types[index])
        } catch {
            throw PostgresError(
                .decoding,
                "column \"\(rows.columns[index])\" of type \(rows.types[index]) as \(type): "
                    + error.reason
            )
        }
    }

    /// Lends a column's binary value, nil for NULL.
    ///
    /// The bytes are valid during `body` only.
    public func withBytes<Result>(
        _ index: Int,
        _ body: (UnsafeRawBufferPointer?) throws -> Result
    ) rethrows -> Result {
        precondition(rows.columns.indices.contains(index), "there is no column at \(index)")
        defer { withExtendedLifetime(rows) {} }
        return try body(rows.bytes(row, index))
    }
}
