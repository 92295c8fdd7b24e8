public import CareEpisode

/// A setting of a ledger as it was recorded.
public struct LedgerSetting: Hashable, Sendable {
    /// From 1, without gaps.
    public let entry: Int64
    /// What is set, such as `weekly_hours.php-adult`.
    public let key: String
    /// The value, or `default`.
    public let value: String
    /// The first date on which it counts, in the ledger's zone.
    public let fromDate: CalendarDate
    /// Who set it.
    public let recordedBy: String
    /// When, by the database's clock.
    public let recordedAt: Instant

    /// A recorded setting.
    public init(
        entry: Int64,
        key: String,
        value: String,
        fromDate: CalendarDate,
        recordedBy: String,
        recordedAt: Instant
    ) {
        self.entry = entry
        self.key = key
        self.value = value
        self.fromDate = fromDate
        self.recordedBy = recordedBy
        self.recordedAt = recordedAt
    }

    /// `weekly_hours.php-adult = 20 from 2026-01-01`.
    public var words: String { "\(key) = \(value) from \(fromDate)" }
}

extension LedgerSetting: JSONObject {
    /// The columns.
    public static let fields: [JSONField<Self>] = [
        .init("entry", schema: ["type": "integer", "minimum": 1]) { .integer($0.entry) },
        .init("key", \.key),
        .init("value", \.value),
        .init("from_date", \.fromDate),
        .init("recorded_by", \.recordedBy),
        .init("recorded_at", \.recordedAt),
    ]

    /// Reads one as it is written; nil where it is none.
    public init?(_ json: CanonicalObject) {
        guard let entry = json.int("entry"), let key = json.string("key"),
            let value = json.string("value"), let fromDate = json.date("from_date"),
            let recordedBy = json.string("recorded_by"),
            let recordedAt = json.instant("recorded_at")
        else { return nil }
        self.init(
            entry: Int64(entry),
            key: key,
            value: value,
            fromDate: fromDate,
            recordedBy: recordedBy,
            recordedAt: recordedAt
        )
    }
}

/// All settings of a ledger, as they are listed.
public struct LedgerSettingList: JSONObject {
    /// Whose.
    public let ledger: LedgerName
    /// What was recorded, in its order.
    public let settings: LedgerSettings

    /// A ledger's settings.
    public init(_ ledger: LedgerName, _ settings: LedgerSettings) {
        self.ledger = ledger
        self.settings = settings
    }

    /// The ledger, and its settings.
    public static let fields: [JSONField<Self>] = [
        .init("ledger", \.ledger),
        .init("settings", \.settings.entries),
    ]
}

/// The settings of a ledger, as far as they are known.
public struct LedgerSettings: Hashable, Sendable {
    /// In the order in which they were recorded.
    public let entries: [LedgerSetting]

    /// Settings in the order in which they were recorded.
    public init(_ entries: [LedgerSetting] = []) { self.entries = entries }

    /// Those that were recorded by a time; nil for all.
    public func known(at time: Instant?) -> LedgerSettings {
        guard let time else { return self }
        return LedgerSettings(entries.filter { $0.recordedAt <= time })
    }

    /// Whether a setting is in force on a date: no other of its key takes its place.
    public func isInForce(_ setting: LedgerSetting, on date: CalendarDate) -> Bool {
        last(setting.key, on: date) == setting
    }

    private func last(_ key: String, on date: CalendarDate) -> LedgerSetting? {
        entries.filter { $0.key == key && $0.fromDate <= date }
            .max { ($0.fromDate, $0.entry) < ($1.fromDate, $1.entry) }
    }

    /// What is in force on a date: the setting of the last first date up to it, of several the last
    /// one recorded; nil where there is none, or it says `default`.
    ///
    /// - Parameter program: the program whose setting it is; nil for the ledger's own.
    public func inForce(
        _ name: SettingName,
        of program: String? = nil,
        on date: CalendarDate
    ) -> LedgerSetting? {
        let key = program.map { "\(name.rawValue).\($0)" } ?? name.rawValue
        let found = last(key, on: date)
        return found?.value == SettingName.standard ? nil : found
    }

    /// Below how many hours a program's week is flagged, by its last date.
    public func weeklyHours(
        of program: String,
        on date: CalendarDate
    ) -> (hours: Double, by: LedgerSetting)? {
        read(inForce(.weeklyHours, of: program, on: date), SettingName.hours)
    }

    /// After how many days a medication is flagged: the program's setting, else the ledger's.
    public func notReviewedDays(
        of program: String?,
        on date: CalendarDate
    ) -> (days: Int, by: LedgerSetting)? {
        number(.notReviewedDays, of: program, on: date)
    }

    /// After how many no-shows in a row a client is flagged: the program's setting, else the
    /// ledger's.
    public func noShowsInARow(
        of program: String,
        on date: CalendarDate
    ) -> (count: Int, by: LedgerSetting)? {
        number(.noShowsInARow, of: program, on: date)
    }

    /// After how many days without an attended session a client is flagged: the program's setting,
    /// else the ledger's.
    public func notSeenDays(
        of program: String,
        on date: CalendarDate
    ) -> (days: Int, by: LedgerSetting)? {
        number(.notSeenDays, of: program, on: date)
    }

    private func number(
        _ name: SettingName,
        of program: String?,
        on date: CalendarDate
    ) -> (Int, LedgerSetting)? {
        let ofProgram = program.flatMap { inForce(name, of: $0, on: date) }
        return read(ofProgram ?? inForce(name, on: date), SettingName.number)
    }

    /// On which day the weeks begin.
    public func firstDayOfWeek(on date: CalendarDate) -> (day: Weekday, by: LedgerSetting)? {
        read(inForce(.firstDayOfWeek, on: date), Weekday.init(rawValue:))
    }

    /// How pages write dates and times; nil where nothing is set.
    public func displayLocale(on date: CalendarDate) -> String? {
        inForce(.displayLocale, on: date)?.value
    }

    private func read<Value>(
        _ setting: LedgerSetting?,
        _ value: (String) -> Value?
    ) -> (Value, LedgerSetting)? {
        guard let setting, let value = value(setting.value) else { return nil }
        return (value, setting)
    }
}
