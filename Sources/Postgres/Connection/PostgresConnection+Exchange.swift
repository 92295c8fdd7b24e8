import CLibPQ

/// The round trip: send, flush, read until the Sync is answered.
extension PostgresConnection {
    /// Runs statements as one pipeline.
    ///
    /// Everything that is not COPY or a script comes through here.
    ///
    /// `commits` says that the statements end an explicit transaction, so that a lost answer leaves
    /// open whether it was committed.
    func run(
        _ statements: [SQL],
        _ limit: CallLimit,
        commits: Bool = false,
        addsPrefix: Bool = true
    ) async throws(PostgresError) -> [PostgresRows] {
        try beginCall()
        defer { endCall() }
        try checkBeforeSending(limit)
        for statement in statements { try check(statement) }
        let isImplicit = !isInTransaction
        let prefix = addsPrefix ? pipelinePrefix : []
        var mayRetry = isImplicit && configuration.pooling == .session
        while true {
            let exchange = try await roundTrip(
                statements,
                prefix,
                limit,
                leavesDoubt: isImplicit || commits,
                commits: commits
            )
            settle(exchange)
            try await finishStop(exchange.failure?.message)
            guard let failure = exchange.failure else {
                try checkConfirmed()
                return statements.indices.compactMap { exchange.rows[$0].map(PostgresRows.init) }
            }
            if mayRetry, stop == nil, forgetStale(exchange, failure) {
                mayRetry = false
                continue
            }
            throw serverError(failure, statements)
        }
    }

    /// Whether what was committed has waited for its standby to the end.
    ///
    /// - Throws: ``PostgresError/Code/unconfirmed`` where somebody has ended the wait.
    func checkConfirmed() throws(PostgresError) {
        guard session.takeUnconfirmed() else { return }
        let context = "committed here, and not confirmed by the standby it waits for"
        throw PostgresError(.unconfirmed, context, mayHaveCommitted: true)
    }

    private func checkBeforeSending(_ limit: CallLimit) throws(PostgresError) {
        if limit.isCancelled { throw PostgresError(.cancelled, "before anything was sent") }
        if let deadline = limit.deadline, deadline <= .now {
            throw PostgresError(.timedOut, "the deadline had passed before anything was sent")
        }
    }

    private func check(_ statement: SQL) throws(PostgresError) {
        func refuse(_ reason: String) -> PostgresError {
            PostgresError(.invalidUse, reason, statement: statement.text)
        }
        guard !statement.text.utf8.contains(0) else { throw refuse("a NUL character in the SQL") }
        guard statement.parameters.count <= 65_535 else {
            throw refuse("more than 65,535 parameters; send arrays instead")
        }
        guard statement.parameters.allSatisfy({ ($0.bytes?.count ?? 0) < 1 << 30 }) else {
            throw refuse("a parameter of 1 GiB or more")
        }
    }

    // MARK: One round trip

    private func roundTrip(
        _ statements: [SQL],
        _ prefix: [SQL],
        _ limit: CallLimit,
        leavesDoubt: Bool,
        commits: Bool
    ) async throws(PostgresError) -> PipelineExchange<ResultBox> {
        var limit = limit
        limit.isInDoubt = leavesDoubt
        limit.isStoppable = true
        var exchange = PipelineExchange<ResultBox>()
        try send(statements, prefix, &exchange, limit)
        try await flush(limit)
        try await receive(&exchange, limit, commits: commits)
        return exchange
    }

    private func send(
        _ statements: [SQL],
        _ prefix: [SQL],
        _ exchange: inout PipelineExchange<ResultBox>,
        _ limit: CallLimit
    ) throws(PostgresError) {
        for sql in prefix {
            try sent(StatementSender.sendUnnamed(sql, on: session.connection), limit)
            exchange.sent(.housekeeping(drops: nil))
        }
        for (index, sql) in statements.enumerated() {
            guard configuration.pooling == .session else {
                try sent(StatementSender.sendUnnamed(sql, on: session.connection), limit)
                exchange.sent(.execute(index, name: nil))
                continue
            }
            let use = self.statements.use(StatementCache.Key(sql))
            for obsolete in self.statements.takeObsolete() {
                let drop = SQL("deallocate \(raw: obsolete)")
                try sent(StatementSender.sendUnnamed(drop, on: session.connection), limit)
                exchange.sent(.housekeeping(drops: obsolete))
            }
            let name: String
            switch use {
            case .execute(let known): name = known
            case .prepare(let new):
                name = new
                try sent(StatementSender.prepare(sql, name, on: session.connection), limit)
                exchange.sent(.prepare(name))
            }
            try sent(StatementSender.execute(sql, name, on: session.connection), limit)
            exchange.sent(.execute(index, name: name))
        }
        try sent(PQpipelineSync(session.connection) == 1, limit)
    }

    private func sent(_ succeeded: Bool, _ limit: CallLimit) throws(PostgresError) {
        guard !succeeded else { return }
        throw lost("while sending", limit)
    }

    /// Sends what libpq has buffered, reading meanwhile: a server that waits for its answers to be
    /// read does not read either.
    func flush(_ limit: CallLimit) async throws(PostgresError) {
        while true {
            let left = PQflush(session.connection)
            if left == 0 { return }
            // A write that failed is told by the read that follows, with the server's last words.
            if left < 0 { return }
            let ready = try await wait(for: [.readable, .writable], limit)
            if ready.contains(.readable), PQconsumeInput(session.connection) != 1 { return }
        }
    }

    private func receive(
        _ exchange: inout PipelineExchange<ResultBox>,
        _ limit: CallLimit,
        commits: Bool
    ) async throws(PostgresError) {
        while true {
            try await readUntilResult(limit)
            let action = nextResult(&exchange)
            switch action {
            case .readOn: continue
            case .finish: return
            case .giveUp:
                var doubt = limit
                // FATAL in the very statement that commits leaves it open.
                let isFatal = exchange.failure?.message.endsSession ?? false
                doubt.isInDoubt = limit.isInDoubt && (exchange.isInDoubt || (commits && isFatal))
                throw lost("in mid-query", doubt, exchange.failure?.message)
            }
        }
    }

    /// Suspends until libpq has a result, or the connection has broken.
    ///
    /// The server sends a long answer in pieces of 8 kB. Where one has come, the next is near: others have
    /// their turn, and then it is usually there, which is cheaper than waiting for the socket each time.
    func readUntilResult(_ limit: CallLimit) async throws(PostgresError) {
        var looks = 0
        while PQisBusy(session.connection) == 1 {
            guard PQstatus(session.connection) == CONNECTION_OK else { return }
            if looks > 0 {
                looks -= 1
                await Task.yield()
            } else {
                _ = try await wait(for: .readable, limit)
                looks = Self.looksAtOnce
            }
            // What had arrived before the connection broke can still be read from the buffer.
            guard PQconsumeInput(session.connection) == 1 else { return }
            collectNotifications()
        }
    }

    /// How often the rest of an answer is looked for before the socket is waited for.
    private static let looksAtOnce = 2

    private func nextResult(
        _ exchange: inout PipelineExchange<ResultBox>
    ) -> PipelineExchange<ResultBox>.Action {
        guard let result = PQgetResult(session.connection) else {
            return exchange.receivedEnd(
                connectionIsOpen: PQstatus(session.connection) == CONNECTION_OK
            )
        }
        let box = ResultBox(result)
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            return exchange.received(rows: box)
        case PGRES_PIPELINE_SYNC: return exchange.receivedSync()
        case PGRES_PIPELINE_ABORTED: return exchange.receivedSkipped()
        case PGRES_FATAL_ERROR:
            return exchange.received(error: ServerMessage(result))
        default: return .giveUp
        }
    }

    /// Gives the session up because it broke.
    func lost(
        _ context: String,
        _ limit: CallLimit,
        _ message: ServerMessage? = nil
    ) -> PostgresError {
        let own = PQerrorMessage(session.connection).map { ServerMessage.trimmed($0) } ?? ""
        return spend(
            PostgresError(
                .connectionLost,
                context,
                message: message ?? ServerMessage(message: own),
                mayHaveCommitted: limit.isInDoubt
            ),
            sendCancel: false
        )
    }

    /// Takes the notifications libpq has parsed; keeps them only for a listener.
    func collectNotifications() {
        while let notification = PQnotifies(session.connection) {
            if keepsNotifications {
                notifications.append(
                    NotificationListener.Notification(
                        channel: String(cString: notification.pointee.relname),
                        payload: String(cString: notification.pointee.extra),
                        processID: notification.pointee.be_pid
                    )
                )
            }
            PQfreemem(notification)
        }
    }

    // MARK: What the round trip taught

    /// Brings the statement cache up to date with what the server did.
    private func settle(_ exchange: PipelineExchange<ResultBox>) {
        for (step, succeeded) in exchange.outcomes where !succeeded {
            switch step {
            case .prepare(let name): statements.forget(name)
            case .housekeeping(let dropped?): statements.notDropped(dropped)
            case .housekeeping(nil), .execute: break
            }
        }
    }

    /// Forgets statements the server has lost or cannot execute any more.
    ///
    /// - Returns: whether sending the same again can help.
    private func forgetStale(
        _ exchange: PipelineExchange<ResultBox>,
        _ failure: PipelineExchange<ResultBox>.Failure
    ) -> Bool {
        // Earlier statements were rolled back, unless one of them took the transaction in hand.
        let harmless = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"]
        for rows in exchange.rows.values {
            let tag = PostgresRows(rows).commandTag
            guard harmless.contains(where: { tag.hasPrefix($0) }) else { return false }
        }
        switch (failure.step, failure.message.sqlState) {
        case (.execute(_, .some), .invalidStatementName), (.housekeeping, .invalidStatementName):
            statements.forgetAll()
            return true
        case (.execute(_, .some), .featureNotSupported):
            // "cached plan must not change result type"
            var wasPrepared = false
            for case (.execute(_, let name?), _) in exchange.outcomes {
                let isNew = exchange.steps.contains(.prepare(name))
                wasPrepared = wasPrepared || !isNew
                statements.retire(name)
            }
            return wasPrepared
        default: return false
        }
    }

    private func serverError(
        _ failure: PipelineExchange<ResultBox>.Failure,
        _ statements: [SQL]
    ) -> PostgresError {
        var context = "at commit"
        var statement: String?
        switch failure.step {
        case .execute(let index, _):
            statement = statements[index].text
            context = statements.count > 1 ? "statement \(index + 1) of \(statements.count)" : ""
        case .prepare(let name):
            context = ""
            statement = statements.first { self.statements.name(of: $0) == name }?.text
        case .housekeeping: context = "setting up the transaction"
        case nil: break
        }
        return refused(failure.message, context, statement)
    }
}

/// Hands statements to libpq, which copies everything before it returns.
enum StatementSender {
    static func prepare(_ sql: SQL, _ name: String, on connection: OpaquePointer) -> Bool {
        let types = sql.parameters.map(\.type.oid)
        return PQsendPrepare(connection, name, sql.text, CInt(types.count), types) == 1
    }

    static func execute(_ sql: SQL, _ name: String, on connection: OpaquePointer) -> Bool {
        withParameters(sql.parameters) { count, values, lengths, formats in
            PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1) == 1
        }
    }

    static func sendUnnamed(_ sql: SQL, on connection: OpaquePointer) -> Bool {
        let types = sql.parameters.map(\.type.oid)
        return withParameters(sql.parameters) { count, values, lengths, formats in
            PQsendQueryParams(
                connection,
                sql.text,
                count,
                types,
                values,
                lengths,
                formats,
                1
            ) == 1
        }
    }

    /// Lays the values out one after the other and lends libpq pointers to them.
    private static func withParameters(
        _ parameters: [PostgresParameter],
        _ body: (CInt, [UnsafePointer<CChar>?], [CInt], [CInt]) -> Bool
    ) -> Bool {
        var arena: [UInt8] = []
        // One byte more, so that an empty value has an address: no address is NULL.
        arena.reserveCapacity(1 + parameters.reduce(0) { $0 + ($1.bytes?.count ?? 0) })
        for parameter in parameters { if let bytes = parameter.bytes { arena += bytes } }
        arena.append(0)
        return arena.withUnsafeBytes { arena in
            guard var address = arena.baseAddress else { return false }
            var values: [UnsafePointer<CChar>?] = []
            var lengths: [CInt] = []
            values.reserveCapacity(parameters.count)
            lengths.reserveCapacity(parameters.count)
            for parameter in parameters {
                let length = parameter.bytes?.count ?? 0
                values.append(
                    parameter.bytes == nil ? nil : address.assumingMemoryBound(to: CChar.self)
                )
                lengths.append(CInt(length))
                address += length
            }
            let formats = [CInt](repeating: 1, count: parameters.count)
            return body(CInt(parameters.count), values, lengths, formats)
        }
    }
}
