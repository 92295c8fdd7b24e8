import CLibPQ

/// What pipeline mode does not allow: the simple protocol, and LISTEN's waiting.
extension PostgresConnection {
    /// Leaves pipeline mode.
    ///
    /// Call when the connection is idle.
    func leavePipelineMode(_ limit: CallLimit) throws(PostgresError) {
        guard PQexitPipelineMode(session.connection) == 1 else {
            throw lost("libpq would not leave pipeline mode", limit)
        }
    }

    /// Enters pipeline mode again.
    func enterPipelineMode(_ limit: CallLimit) throws(PostgresError) {
        guard PQenterPipelineMode(session.connection) == 1 else {
            throw lost("libpq would not enter pipeline mode", limit)
        }
    }

    func runScript(_ script: String, _ limit: CallLimit) async throws(PostgresError) {
        try beginCall()
        defer { endCall() }
        if limit.isCancelled { throw PostgresError(.cancelled, "before anything was sent") }
        guard !script.utf8.contains(0) else {
            throw PostgresError(.invalidUse, "a NUL character in the script")
        }
        var limit = limit
        // A script may hold its own commits, also within a transaction.
        limit.isInDoubt = true
        try leavePipelineMode(limit)
        let prefix = pipelinePrefix.map { Self.inlined($0) + ";\n" }.joined()
        guard PQsendQuery(session.connection, prefix + script) == 1 else {
            throw lost("while sending", limit)
        }
        try await flush(limit)
        let failure = try await drain(limit)
        try enterPipelineMode(limit)
        if let failure {
            throw refused(failure, "in a script", script)
        }
        try checkConfirmed()
    }

    /// Reads results until there are no more, outside pipeline mode.
    ///
    /// - Returns: the first error, which leaves the connection usable.
    func drain(
        _ limit: CallLimit,
        _ onResult: (ResultBox) -> Void = { _ in }
    ) async throws(PostgresError) -> ServerMessage? {
        var failure: ServerMessage?
        while true {
            try await readUntilResult(limit)
            guard let result = PQgetResult(session.connection) else { break }
            let box = ResultBox(result)
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: onResult(box)
            case PGRES_FATAL_ERROR: failure = failure ?? ServerMessage(result)
            default:
                throw spend(
                    PostgresError(
                        .protocolViolation,
                        "COPY needs copyIn or copyOut",
                        mayHaveCommitted: limit.isInDoubt
                    ),
                    sendCancel: true
                )
            }
        }
        guard PQstatus(session.connection) == CONNECTION_OK else {
            var doubt = limit
            if failure?.sqlState != nil, failure?.endsSession == false { doubt.isInDoubt = false }
            throw lost("in mid-query", doubt, failure)
        }
        return failure
    }

    /// The text with its parameters as constants; only for text, arrays of text and booleans.
    private static func inlined(_ sql: SQL) -> String {
        var scanner = PlaceholderScanner(sql.text)
        return scanner.substituted { index in
            let parameter = sql.parameters[index - 1]
            return constant(parameter)
        }
    }

    private static func constant(_ parameter: PostgresParameter) -> String {
        let bytes = parameter.bytes ?? []
        return bytes.withUnsafeBytes { bytes in
            if let texts = try? [String](postgres: bytes, type: parameter.type) {
                return "array[" + texts.map(SQL.quoted(literal:)).joined(separator: ",")
                    + "]::text[]"
            }
            if let flag = try? Bool(postgres: bytes, type: parameter.type) { return "\(flag)" }
            let text = (try? String(postgres: bytes, type: parameter.type)) ?? ""
            return SQL.quoted(literal: text)
        }
    }
}
