public import CareEpisode
public import Ledger

/// When a question is asked, and in which zone: what its parameters are read by.
public struct Moment: Sendable {
    /// Days of the ledger's zone.
    public let calendar: LocalCalendar
    /// One instant for the whole question.
    public let now: Instant
    /// When the newest event was recorded, from when on everything is known; nil of an empty ledger.
    public let newest: Instant?

    /// Whether the ledger is not known yet, so that only what is wrong in any zone and at any time
    /// can be told.
    public let isOpen: Bool

    /// Describes when a question is asked.
    public init(calendar: LocalCalendar, now: Instant, newest: Instant?) {
        self.init(calendar, now, newest, isOpen: false)
    }

    private init(_ calendar: LocalCalendar, _ now: Instant, _ newest: Instant?, isOpen: Bool) {
        self.calendar = calendar
        self.now = now
        self.newest = newest
        self.isOpen = isOpen
    }

    /// A moment after all others, for what is wrong at any time.
    public static let open: Moment = {
        guard let calendar = try? LocalCalendar(timeZone: "UTC"),
            let last = CalendarDate(year: 9_998, month: 12, day: 31)
        else { preconditionFailure("UTC is known everywhere, and the date is one") }
        return Moment(calendar, calendar.startOfDay(last), nil, isOpen: true)
    }()

    /// Today in the ledger's zone.
    public var today: CalendarDate { calendar.date(of: now) }

    /// Up to when entries take part in an answer for a date: just before its 24:00, or now.
    public func effectiveAt(_ date: CalendarDate) -> Instant {
        let end = calendar.startOfDay(date.adding(days: 1))
        return min(Instant(microseconds: end.microseconds - 1), now)
    }
}

/// What every question to a ledger is answered from.
public struct LedgerContext: Sendable {
    /// Where the ledger is.
    public let database: LedgerDatabase
    /// Which ledger.
    public let ledger: LedgerDescription
    /// The ledger's newest position when the question was asked.
    public let head: Position
    /// When it is asked.
    public let moment: Moment
    /// All that the ledger had ever set then.
    public let settings: LedgerSettings
    /// What this process keeps of the tables between questions; nil for nothing.
    public var kept: KeptModels?
    /// An event that takes part in what ``reader`` and ``histories`` read, though nobody has recorded it;
    /// nil for none.
    public var assumed: RecordedEvent?

    /// Looks at the ledger's head.
    ///
    /// - Parameters:
    ///   - database: where the ledger is.
    ///   - ledger: which.
    ///   - now: when the question is asked; nil for now.
    /// - Throws: where the ledger cannot be read, or its zone is not known on this machine.
    public init(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        now: Instant? = nil
    ) async throws {
        self.database = database
        self.ledger = ledger
        let calendar = try LocalCalendar(timeZone: ledger.timeZone)
        let newest = try await database.headAndSettings(of: ledger)
        head = newest.position
        settings = newest.settings
        moment = Moment(calendar: calendar, now: now ?? .now, newest: newest.recordedAt)
    }

    /// Days of the ledger's zone.
    public var calendar: LocalCalendar { moment.calendar }

    /// What the ledger has set, as far as it was known at the time that is asked of, or set when the
    /// last version was recorded that takes part.
    public func settings(
        known clocks: Clocks,
        _ cut: HistoryCut? = nil
    ) -> LedgerSettings {
        settings.known(at: cut?.recordedAt ?? clocks.knownAt)
    }

    /// The ledger's events.
    public var reader: EventReader {
        var reader = EventReader(database, ledger: ledger)
        reader.assumed = assumed
        return reader
    }

    /// Folds of the ledger's histories.
    public var histories: HistoryFold {
        var fold = HistoryFold(database, ledger: ledger)
        fold.assumed = assumed
        return fold
    }
}
