public import CareEpisode
public import Ledger
public import Postgres

/// A value that a column of a read model holds.
public typealias ColumnValue = PostgresDecodable & PostgresEncodable

/// Goes through the columns of a row in the order of its table: to write, to read or to list them.
public protocol ColumnVisitor {
    /// Comes to the next column.
    ///
    /// - Parameters:
    ///   - name: what the migration calls it.
    ///   - value: what it holds; set where the row is read.
    mutating func callAsFunction<Value: ColumnValue>(_ name: String, _ value: inout Value) throws

    /// The error for a stored code that this program does not know.
    func unknownCode(_ name: String) -> any Error
}

/// A row of a read model, whose columns are listed once, in ``columns(_:)``.
///
/// ```swift
/// mutating func columns(_ column: inout some ColumnVisitor) throws {
///     try column("ordinal", &ordinal)
///     try column("from_at", &stay.from)
/// }
/// ```
///
/// Each table begins with `ledger_id, generation, episode_id`, which are not listed.
public protocol ProjectionRow: Sendable {
    /// Where such rows are kept.
    static var table: ProjectionTable { get }
    /// Whose row it is.
    var episodeID: EpisodeID { get set }
    /// An empty row, to be read into.
    init()
    /// Goes through the columns after the episode's id, in the order of the table.
    mutating func columns(_ column: inout some ColumnVisitor) throws
}

/// One table of a read model, made by a migration in the schema `read_model`.
///
/// It holds the rows of all ledgers and generations.
public struct ProjectionTable: Sendable {
    /// A column as a program knows it.
    public struct Column: Hashable, Sendable {
        /// The column's name.
        public var name: String
        /// Its type.
        public var type: PostgresType
        /// Whether it may be NULL.
        public var isOptional: Bool
    }

    /// The table's name without the schema.
    public let name: String
    /// All columns, in the order in which rows are written.
    public let columns: [Column]
    /// Whether rows stay when their episode is folded again.
    public let isInsertOnly: Bool

    /// Describes the table of a kind of row.
    public init<Row: ProjectionRow>(_ name: String, of _: Row.Type, isInsertOnly: Bool = false) {
        self.name = name
        self.isInsertOnly = isInsertOnly
        columns = Row.listedColumns
    }

    /// The table with its schema.
    public var qualifiedName: String { "read_model.\(name)" }

    /// The names of all columns, for a statement.
    public var columnNames: String { columns.map(\.name).joined(separator: ", ") }

    /// The condition that a row is of one generation of a ledger.
    public static func isOf(_ ledger: LedgerID, _ generation: Int32) -> SQL {
        "ledger_id = \(ledger.rawValue) and generation = \(generation)"
    }
}

extension ProjectionRow {
    /// The columns of an empty row, those included that every table begins with.
    fileprivate static var listedColumns: [ProjectionTable.Column] {
        var lister = ColumnLister()
        var (ledger, generation, row) = (Int32(0), Int32(0), Self())
        lister("ledger_id", &ledger)
        lister("generation", &generation)
        lister("episode_id", &row.episodeID)
        do {
            try row.columns(&lister)
        } catch {
            preconditionFailure("an empty \(Self.self) cannot be read as it is written: \(error)")
        }
        return lister.columns
    }

    /// A statement that returns rows for ``init(_:)``, with the columns that this kind of row lists.
    ///
    /// - Parameters:
    ///   - ledger: whose rows.
    ///   - generation: which rows answer.
    ///   - condition: which of them.
    ///   - order: the columns of `order by`.
    public static func select(
        _ ledger: LedgerID,
        _ generation: Int32,
        where condition: SQL,
        orderBy order: String
    ) -> SQL {
        """
        select \(raw: listedColumns.map(\.name).joined(separator: ", "))
        from \(raw: table.qualifiedName)
        where \(ProjectionTable.isOf(ledger, generation)) and \(condition)
        order by \(raw: order)
        """
    }

    /// Reads a row that ``select(_:_:where:orderBy:)`` has returned.
    ///
    /// - Throws: ``ProjectionRowError``, and `PostgresError` where a column is of another type.
    public init(_ row: PostgresRow) throws {
        self.init()
        var reader = RowReader(row: row, table: Self.table.qualifiedName)
        var (ledger, generation) = (Int32(0), Int32(0))
        try reader("ledger_id", &ledger)
        try reader("generation", &generation)
        try reader("episode_id", &episodeID)
        try columns(&reader)
    }
}

/// The rows of a batch, encoded for COPY, table by table.
public struct EncodedRows: Sendable {
    private let ledger: LedgerID
    private let generation: Int32
    let tables: [ProjectionTable]
    private var writers: [RowWriter]

    /// No rows.
    ///
    /// - Parameters:
    ///   - tables: those that rows may be of.
    ///   - ledger: whose rows.
    ///   - generation: of which generation.
    public init(_ tables: [ProjectionTable], ledger: LedgerID, generation: Int32) {
        self.tables = tables
        self.ledger = ledger
        self.generation = generation
        writers = tables.map { _ in RowWriter() }
    }

    /// Adds a row to its table.
    public mutating func append<Row: ProjectionRow>(_ row: Row) {
        guard let index = tables.firstIndex(where: { $0.name == Row.table.name }) else {
            preconditionFailure("\(Row.table.name) is none of the read model's tables")
        }
        var row = row
        var (ledger, generation) = (ledger.rawValue, generation)
        writers[index].starts.append(writers[index].encoder.bytes.count)
        writers[index].encoder.row(columns: tables[index].columns.count)
        writers[index]("ledger_id", &ledger)
        writers[index]("generation", &generation)
        writers[index]("episode_id", &row.episodeID)
        do {
            try row.columns(&writers[index])
        } catch {
            preconditionFailure("a row of \(Row.table.name) cannot be written: \(error)")
        }
    }

    /// The rows of one table, each encoded.
    func rows(_ index: Int) -> [ArraySlice<UInt8>] {
        let (bytes, starts) = (writers[index].encoder.bytes, writers[index].starts)
        return zip(starts, starts.dropFirst() + [bytes.count]).map { bytes[$0..<$1] }
    }

    /// Adds rows of one table that were encoded for the same ledger and generation.
    mutating func append(_ rows: some Sequence<ArraySlice<UInt8>>, to index: Int) {
        for row in rows {
            writers[index].starts.append(writers[index].encoder.bytes.count)
            writers[index].encoder.append(rows: row)
        }
    }

    /// Whether there are rows of a table.
    func hasRows(_ index: Int) -> Bool { !writers[index].starts.isEmpty }

    /// The data of one table, from header to trailer.
    func bytes(_ index: Int) -> [UInt8] {
        var encoder = writers[index].encoder
        encoder.finish()
        return encoder.bytes
    }
}

/// A stored code that this program does not know: it did not write the row.
public struct ProjectionRowError: Error, CustomStringConvertible {
    private let table: String
    private let column: String

    /// A code in a column of a table, which is named with its schema.
    public init(table: String, column: String) {
        self.table = table
        self.column = column
    }

    /// Names table and column, not the code.
    public var description: String {
        "\(table) holds an unknown \(column): rebuild the read model"
    }
}

// MARK: - Visitors

private struct ColumnLister: ColumnVisitor {
    var columns: [ProjectionTable.Column] = []

    mutating func callAsFunction<Value: ColumnValue>(_ name: String, _: inout Value) {
        // Only an optional can be read from NULL.
        let isOptional = (try? Value.decodeNull()) != nil
        columns.append(.init(name: name, type: Value.postgresType, isOptional: isOptional))
    }

    func unknownCode(_ name: String) -> any Error { ProjectionRowError(table: "", column: name) }
}

private struct RowWriter: ColumnVisitor {
    var encoder = BinaryCopyEncoder()
    /// Where each row begins.
    var starts: [Int] = []

    mutating func callAsFunction<Value: ColumnValue>(_: String, _ value: inout Value) {
        encoder.append(value)
    }

    func unknownCode(_ name: String) -> any Error { ProjectionRowError(table: "", column: name) }
}

private struct RowReader: ColumnVisitor {
    let row: PostgresRow
    let table: String
    var index = 0

    mutating func callAsFunction<Value: ColumnValue>(_: String, _ value: inout Value) throws {
        defer { index += 1 }
        value = try row.get(index)
    }

    func unknownCode(_ name: String) -> any Error {
        ProjectionRowError(table: table, column: name)
    }
}

// MARK: - Columns of other kinds

extension ColumnVisitor {
    /// A time, as microseconds since 1970 UTC.
    public mutating func callAsFunction(_ name: String, _ value: inout Instant) throws {
        var microseconds = value.microseconds
        try self(name, &microseconds)
        value = Instant(microseconds: microseconds)
    }

    /// A time, or NULL.
    public mutating func callAsFunction(_ name: String, _ value: inout Instant?) throws {
        var microseconds = value?.microseconds
        try self(name, &microseconds)
        value = microseconds.map(Instant.init(microseconds:))
    }

    /// A number that fits into 32 bits.
    public mutating func integer(_ name: String, _ value: inout Int) throws {
        var integer = Int32(value)
        try self(name, &integer)
        value = Int(integer)
    }

    /// A number that fits into 32 bits, or NULL.
    public mutating func integer(_ name: String, _ value: inout Int?) throws {
        var integer = value.map { Int32($0) }
        try self(name, &integer)
        value = integer.map { Int($0) }
    }

    /// One code of a closed list.
    public mutating func code<Code: RawRepresentable<String>>(
        _ name: String,
        _ value: inout Code
    ) throws {
        var text = value.rawValue
        try self(name, &text)
        guard let code = Code(rawValue: text) else { throw unknownCode(name) }
        value = code
    }

    /// One code of a closed list, or none.
    public mutating func code<Code: RawRepresentable<String>>(
        _ name: String,
        _ value: inout Code?
    ) throws {
        var text = value?.rawValue
        try self(name, &text)
        value = try text.map { text in
            guard let code = Code(rawValue: text) else { throw unknownCode(name) }
            return code
        }
    }
}
