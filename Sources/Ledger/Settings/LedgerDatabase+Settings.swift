public import CareEpisode
import Postgres

extension LedgerDatabase {
    /// The most settings that one ledger may have.
    public static let settingLimit: Int64 = 10_000

    /// All that a ledger has ever set, in the order in which it was recorded.
    public func settings(of ledger: LedgerDescription) async throws -> LedgerSettings {
        try Self.settings(try await reader.query(Self.settingsQuery(ledger)))
    }

    /// A ledger's newest event and all that the ledger has ever set, in one round trip.
    ///
    /// - Returns: the event's position, and the database server's clock when it was appended; nil where
    ///   nothing is recorded.
    public func headAndSettings(
        of ledger: LedgerDescription
    ) async throws -> (position: Position, recordedAt: Instant?, settings: LedgerSettings) {
        let results = try await reader.pipeline([
            "select position, recorded_at from ledger_head where ledger_id = \(ledger.id.rawValue)",
            Self.settingsQuery(ledger),
        ])
        guard let head = results[0].first else { throw LedgerError.unknownLedger(ledger.name) }
        let position = Position(rawValue: try head.get("position"))
        let recordedAt: Instant? = position == .zero ? nil : try head.get("recorded_at")
        return (position, recordedAt, try Self.settings(results[1]))
    }

    private static func settingsQuery(_ ledger: LedgerDescription) -> SQL {
        """
        select entry, key, value, from_date::text as from_date, recorded_by, recorded_at
        from ledger_setting
        where ledger_id = \(ledger.id.rawValue)
        order by entry
        limit \(settingLimit)
        """
    }

    private static func settings(_ rows: PostgresRows) throws -> LedgerSettings {
        LedgerSettings(try rows.map(LedgerSetting.init(row:)))
    }

    /// Records settings, all or none; those that say what is said already for their date add nothing.
    ///
    /// - Parameters:
    ///   - settings: what is set.
    ///   - from: the first date on which they count.
    ///   - ledger: whose they are.
    ///   - principal: who sets them.
    /// - Returns: all settings of the ledger, these included.
    /// - Throws: ``LedgerError/tooManySettings(_:)``, and an error of the database where the user is
    ///   no member of `ledger_owner`.
    public func set(
        _ settings: [NewSetting],
        from: CalendarDate,
        of ledger: LedgerDescription,
        by principal: String
    ) async throws -> LedgerSettings {
        let id = ledger.id.rawValue
        let date = from.description
        let isFull = try await owner.withTransaction { connection in
            // With the lock of the head held nobody appends: settings and events have one order.
            let head = try await connection.query(
                "select recorded_at from ledger_head where ledger_id = \(id) for update"
            )
            let rows = try await connection.query(
                "select coalesce(max(entry), 0) as entry from ledger_setting where ledger_id = \(id)"
            )
            guard let newest = try head.first?.get("recorded_at", as: Int64.self),
                let entry = try rows.first?.get("entry", as: Int64.self)
            else { throw LedgerError.unknownLedger(ledger.name) }
            guard entry + Int64(settings.count) <= Self.settingLimit else { return true }
            _ = try await connection.query(
                """
                insert into ledger_setting
                    (ledger_id, entry, key, value, from_date, recorded_by, recorded_at)
                select \(id), \(entry) + row_number() over (order by n.place), n.key, n.value,
                    \(date)::text::date, \(principal),
                    greatest(
                        \(newest) + 1,
                        (extract(epoch from clock_timestamp()) * 1000000)::bigint
                    )
                from unnest(\(settings.map(\.key)), \(settings.map(\.value)))
                    with ordinality as n (key, value, place)
                where n.value is distinct from (
                    select s.value
                    from ledger_setting s
                    where s.ledger_id = \(id) and s.key = n.key
                    and s.from_date = \(date)::text::date
                    order by s.entry desc
                    limit 1
                )
                """
            )
            return false
        }
        if isFull { throw LedgerError.tooManySettings(Self.settingLimit) }
        return try await self.settings(of: ledger)
    }
}

extension LedgerSetting {
    fileprivate init(row: PostgresRow) throws {
        let text = try row.get("from_date", as: String.self)
        guard let date = CalendarDate(iso8601: text) else { throw LedgerError.unreadableSetting }
        self.init(
            entry: try row.get("entry"),
            key: try row.get("key"),
            value: try row.get("value"),
            fromDate: date,
            recordedBy: try row.get("recorded_by"),
            recordedAt: Instant(microseconds: try row.get("recorded_at"))
        )
    }
}
