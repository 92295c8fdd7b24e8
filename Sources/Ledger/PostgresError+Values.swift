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
    /// Whether the database's encoding lacks a character of what it was given, or takes the bytes for
    /// none: 22P05 (untranslatable character), 22021 (character not in repertoire).
    public var isAboutEncoding: Bool { sqlState.map(Self.isAboutEncoding) ?? false }

    static func isAboutEncoding(_ state: SQLState) -> Bool {
        ["22P05", "22021"].contains(state.rawValue)
    }
}

extension AppendError {
    /// Whether the database's encoding lacks a character of what was to be appended.
    public var isAboutEncoding: Bool {
        guard case .database(let state) = self else { return false }
        return PostgresError.isAboutEncoding(SQLState(rawValue: state))
    }
}
