public import Postgres

extension PostgresError {
    /// Whether the database takes exception to what is written, and not to its being written: classes
    /// 22 (data exception), 23 (integrity constraint violation) and 54 (program limit exceeded).
    ///
    /// Of many rows that are written together one or a few are to blame; the others can be written
    /// without them, and the same rows are refused every time.
    public var isAboutValues: Bool {
        guard let state = sqlState?.rawValue else { return false }
        return ["22", "23", "54"].contains { state.hasPrefix($0) }
    }
}
