public import Postgres

extension PostgresError {
    /// Whether the same call may succeed a little later: the connection failed or was lost, the
    /// server is coming or going, or somebody else was in the way for too long.
    public var isTransient: Bool {
        if let sqlState { return sqlState.isRetryable || sqlState == .queryCanceled }
        return [.connectionFailed, .connectionLost, .timedOut, .poolExhausted].contains(code)
    }
}
