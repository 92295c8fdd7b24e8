public import Postgres

extension PostgresError {
    /// Whether the same call may succeed a little later: the connection failed or was lost, the
    /// server is coming or going, takes no writes or is short of something, or somebody else was in the
    /// way for too long.
    ///
    /// To a caller it means "try again later"; ``isRefusedForNow`` says when trying at once is no use.
    public var isTransient: Bool {
        if let sqlState {
            return sqlState.isRetryable || sqlState.isRefusedForNow || sqlState == .queryCanceled
        }
        return [.connectionFailed, .connectionLost, .unconfirmed, .timedOut, .poolExhausted]
            .contains(code)
    }

    /// Whether the server cannot do it now, and will not a moment later either: it takes no writes, or
    /// has run out of space or memory.
    ///
    /// Connections become free by themselves, so that being short of those is not meant.
    public var isRefusedForNow: Bool {
        guard let sqlState else { return false }
        return sqlState.isRefusedForNow && !sqlState.isRetryable
    }
}
