import CLibPQ

extension PostgresConnection {
    /// Sends rows with `copy … from stdin`; `body` writes the data.
    ///
    /// Each write waits until the server has taken most of what came before. If `body` throws, the
    /// COPY fails on the server, nothing of it stays, and the connection remains usable. Without a
    /// deadline the call may last as long as it moves: the server may be silent for `callTimeout`,
    /// and ends the statement itself after its `statement_timeout`.
    /// - Returns: how many rows were copied.
    public func copyIn(
        _ sql: SQL,
        deadline: ContinuousClock.Instant? = nil,
        _ body: (inout CopyWriter) async throws -> Void
    ) async throws -> Int {
        guard keepsSettings || isInTransaction else {
            return try await withTransaction { connection in
                try await connection.copyIn(sql, deadline: deadline, body)
            }
        }
        try beginCall()
        defer { endCall() }
        let isImplicit = !isInTransaction
        var limit = copyLimit(deadline)
        try await beginCopy(sql, PGRES_COPY_IN, limit)
        var writer = CopyWriter(connection: self, limit: limit)
        do {
            try await body(&writer)
            try checkNotCancelled(limit)
        } catch {
            await abandonCopyIn(error)
            throw error
        }
        limit.isInDoubt = isImplicit
        return try await finishCopy(sql, error: nil, limit)
    }

    /// Receives rows with `copy … to stdout`; `body` gets each message, which is one row.
    ///
    /// In the binary format the first row comes with the header before it and the last is followed
    /// by a trailer: hand the messages to a `BinaryCopyDecoder`. If `body` throws, the session is
    /// given up, because the rest of the data would have to be read first. Without a deadline the
    /// call may last as long as it moves, as with `copyIn`.
    public func copyOut(
        _ sql: SQL,
        deadline: ContinuousClock.Instant? = nil,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) async throws {
        guard keepsSettings || isInTransaction else {
            return try await withTransaction { connection in
                try await connection.copyOut(sql, deadline: deadline, body)
            }
        }
        try beginCall()
        defer { endCall() }
        var limit = copyLimit(deadline)
        limit.isStoppable = true
        try await beginCopy(sql, PGRES_COPY_OUT, limit)
        try await receiveRows(limit, body)
        _ = try await finishCopyOut(sql, limit)
    }

    private func receiveRows(
        _ limit: CallLimit,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) async throws {
        var count = 0
        while true {
            var message: UnsafeMutablePointer<CChar>?
            let length = PQgetCopyData(session.connection, &message, 1)
            if length > 0 {
                defer { PQfreemem(message) }
                do {
                    // What still comes of a call that is being stopped is for nobody.
                    if stop == nil {
                        try body(UnsafeRawBufferPointer(start: message, count: Int(length)))
                    }
                } catch {
                    let reason = PostgresError(.connectionLost, "a COPY was broken off")
                    _ = spend(reason, sendCancel: true)
                    throw error
                }
                count += 1
                // As long as data keeps coming nothing else looks at the clock.
                if count.isMultiple(of: 1024) { try checkNotCancelled(limit) }
            } else if length == 0 {
                _ = try await wait(for: .readable, limit)
                // The next read says what happened, after what had arrived before.
                _ = PQconsumeInput(session.connection)
            } else {
                return
            }
        }
    }

    // MARK: Steps of a COPY

    private func beginCopy(
        _ sql: SQL,
        _ expected: ExecStatusType,
        _ limit: CallLimit
    ) async throws(PostgresError) {
        if limit.isCancelled { throw PostgresError(.cancelled, "before anything was sent") }
        guard sql.parameters.isEmpty, !sql.text.utf8.contains(0) else {
            throw PostgresError(.invalidUse, "COPY takes no parameters and no NUL character")
        }
        try leavePipelineMode(limit)
        guard StatementSender.sendUnnamed(sql, on: session.connection) else {
            throw lost("while sending", limit)
        }
        try await flush(limit)
        try await readUntilResult(limit)
        guard let result = PQgetResult(session.connection) else {
            throw lost("before COPY began", limit)
        }
        let box = ResultBox(result)
        let status = PQresultStatus(result)
        if status == expected { return }
        guard
            status == PGRES_FATAL_ERROR || status == PGRES_COMMAND_OK
                || status == PGRES_TUPLES_OK
        else {
            throw spend(
                PostgresError(.invalidUse, "the COPY goes the other way", statement: sql.text),
                sendCancel: true
            )
        }
        _ = try await drain(limit)
        try enterPipelineMode(limit)
        try await finishStop(status == PGRES_FATAL_ERROR ? ServerMessage(box.result) : nil)
        guard status == PGRES_FATAL_ERROR else {
            throw PostgresError(.invalidUse, "the statement is no COPY", statement: sql.text)
        }
        throw refused(ServerMessage(box.result), "COPY", sql.text)
    }

    /// Tells the server to fail the COPY, so that the connection can go on.
    private func abandonCopyIn(_ error: any Error) async {
        guard spent == nil else { return }
        let limit = CallLimit(deadline: .now.advanced(by: .seconds(5)), isCancellable: false)
        do throws(PostgresError) {
            _ = try await finishCopy("", error: "the client broke the COPY off", limit)
        } catch {
            // The failure that was asked for.
        }
    }

    private func finishCopy(
        _ sql: SQL,
        error: String?,
        _ limit: CallLimit
    ) async throws(PostgresError) -> Int {
        while true {
            let sent = PQputCopyEnd(session.connection, error)
            if sent == 1 { break }
            guard sent == 0 else { return try await finishCopyOut(sql, limit) }
            _ = try await wait(for: .writable, limit)
        }
        try await flush(limit)
        return try await finishCopyOut(sql, limit)
    }

    private func finishCopyOut(_ sql: SQL, _ limit: CallLimit) async throws(PostgresError) -> Int {
        var rows = 0
        let failure = try await drain(limit) { rows = PostgresRows($0).affectedRows }
        try enterPipelineMode(limit)
        try await finishStop(failure, isWhole: false)
        if let failure {
            throw refused(failure, "COPY", sql.text)
        }
        try checkConfirmed()
        return rows
    }

    func checkNotCancelled(_ limit: CallLimit) throws(PostgresError) {
        if let stop {
            guard stop.end <= .now else { return }
            try stopCall(stop.code, stop.context, limit)
        } else if limit.isCancelled {
            try stopCall(.cancelled, "during COPY", limit)
        } else if let deadline = limit.deadline, deadline <= .now {
            try stopCall(.timedOut, "the deadline passed during COPY", limit)
        }
    }

    fileprivate func putCopyData(
        _ bytes: [UInt8],
        _ limit: CallLimit
    ) async throws(PostgresError) {
        guard spent == nil else {
            throw PostgresError(.connectionLost, "the connection was given up earlier")
        }
        var start = 0
        while start < bytes.count {
            let end = min(start + CopyWriter.chunk, bytes.count)
            let accepted = bytes.withUnsafeBytes { bytes in
                PQputCopyData(
                    session.connection,
                    bytes.baseAddress?.advanced(by: start).assumingMemoryBound(to: CChar.self),
                    CInt(end - start)
                )
            }
            guard accepted >= 0 else { throw await copyFailed(limit) }
            if accepted == 1 { start = end }
            try await flush(limit)
            if accepted == 0 { _ = try await wait(for: .writable, limit) }
            guard PQstatus(session.connection) == CONNECTION_OK else {
                throw await copyFailed(limit)
            }
        }
    }

    /// Finds out why the server ended the COPY: its last words may be in the buffer.
    private func copyFailed(_ limit: CallLimit) async -> PostgresError {
        // libpq parses them only after the end of the COPY. The end is a failure: should the server
        // still listen, it must not keep half of the data.
        _ = PQputCopyEnd(session.connection, "the connection failed")
        do throws(PostgresError) {
            let failure = try await drain(limit)
            return lost("during COPY", limit, failure)
        } catch {
            return error
        }
    }
}

/// Writes the data of one `copy … from stdin`.
public struct CopyWriter: ~Copyable {
    /// libpq grows its buffer by what it is given at once; small pieces let the socket keep up.
    static let chunk = 64 * 1024

    private let connection: PostgresConnection
    private let limit: CallLimit

    init(connection: PostgresConnection, limit: CallLimit) {
        self.connection = connection
        self.limit = limit
    }

    /// Sends bytes, and suspends until the system has taken them.
    ///
    /// Throws `PostgresError` when the connection breaks; an error of the data itself comes from
    /// `copyIn`, once the server has seen the end.
    public mutating func write(_ bytes: [UInt8]) async throws {
        try await connection.putCopyData(bytes, limit)
    }

    /// Sends what an encoder holds, once that is worth a packet or the encoder is finished.
    public mutating func write(
        _ encoder: inout BinaryCopyEncoder,
        atLeast size: Int = CopyWriter.packet
    ) async throws {
        guard encoder.bytes.count >= size else { return }
        try await connection.putCopyData(encoder.take(), limit)
    }

    /// 64 KiB, what `write(_:atLeast:)` waits for.
    public static var packet: Int { chunk }
}
