public import CareEpisode

/// What can be set for a ledger: the one list of settings, with what a value may be.
///
/// A key is a name, and after a dot a program where the setting is a program's:
/// `weekly_hours.php-adult`.
public enum SettingName: String, ClosedCode {
    /// Below how many hours a program's weeks are flagged.
    case weeklyHours = "weekly_hours"
    /// After how many days without any entry about it a medication is flagged; of a ledger, and of
    /// a program in its stead.
    case notReviewedDays = "not_reviewed_days"
    /// After how many no-shows in a row a client is flagged; of a ledger, and of a program in its
    /// stead.
    case noShowsInARow = "no_shows_in_a_row"
    /// After how many days without an attended session a client is flagged; likewise.
    case notSeenDays = "not_seen_days"
    /// On which day the weeks of attendance begin.
    case firstDayOfWeek = "first_day_of_week"
    /// How pages write dates and times.
    case displayLocale = "display.locale"

    /// The value by which a key has what it has without any setting.
    public static let standard = "default"

    /// Whose a setting may be.
    public enum Scope: Sendable {
        case ledger, program, either
    }

    /// Whose it is.
    public var scope: Scope {
        switch self {
        case .weeklyHours: .program
        case .notReviewedDays, .noShowsInARow, .notSeenDays: .either
        case .firstDayOfWeek, .displayLocale: .ledger
        }
    }

    /// What a value may be, in words that follow "must be".
    public var accepted: String {
        switch self {
        case .weeklyHours: "hours a week, 0 to 168"
        case .notReviewedDays, .notSeenDays: "a whole number of days, 1 to 366"
        case .noShowsInARow: "a whole number, 1 to 366"
        case .firstDayOfWeek: "a day, monday to sunday"
        case .displayLocale: "en-US or en-GB"
        }
    }

    /// What holds without any setting, in words.
    public var standardWords: String {
        switch self {
        case .weeklyHours:
            "9 for intensive outpatient care, 6 where the program's key has the word adolescent, "
                + "20 for partial hospitalization"
        case .notReviewedDays: "14"
        case .noShowsInARow: "3"
        case .notSeenDays: "7"
        case .firstDayOfWeek: "monday"
        case .displayLocale: "en-US"
        }
    }

    /// Whether a text is such a value.
    func accepts(_ value: String) -> Bool {
        switch self {
        case .weeklyHours: Self.hours(value) != nil
        case .notReviewedDays, .noShowsInARow, .notSeenDays: Self.number(value) != nil
        case .firstDayOfWeek: Weekday(rawValue: value) != nil
        case .displayLocale: ["en-US", "en-GB"].contains(value)
        }
    }

    static func hours(_ value: String) -> Double? {
        // Digits and a point: no sign, exponent or name of a number.
        guard value.utf8.count <= 10,
            value.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || $0 &- UInt8(ascii: "0") < 10 })
        else { return nil }
        return Double(value).flatMap { (0...168).contains($0) ? $0 : nil }
    }

    static func number(_ value: String) -> Int? {
        Int(value).flatMap { (1...366).contains($0) && String($0) == value ? $0 : nil }
    }
}

/// A setting that somebody wants to make: a key with a value, both of which there are.
public struct NewSetting: Hashable, Sendable {
    /// The whole key.
    public let key: String
    /// The value, or ``SettingName/standard``.
    public let value: String

    /// The longest key, in bytes.
    static let longestKey = 512

    /// Reads `weekly_hours.php-adult=20`.
    ///
    /// - Throws: what is wrong, and what is accepted.
    public init(_ text: String) throws(SettingRefusal) {
        // A program's key may hold an equals sign, a value holds none.
        guard let sign = text.lastIndex(of: "=") else { throw SettingRefusal(.noValue) }
        key = String(text[..<sign])
        value = String(text[text.index(after: sign)...])
        let (name, program) = Self.parts(key)
        guard let name else { throw SettingRefusal(.unknownKey) }
        guard key.utf8.count <= Self.longestKey, !key.utf8.contains(0), program != "" else {
            throw SettingRefusal(.program(name))
        }
        switch name.scope {
        case .ledger where program != nil, .program where program == nil:
            throw SettingRefusal(.program(name))
        case .ledger, .program, .either: break
        }
        guard value == SettingName.standard || name.accepts(value) else {
            throw SettingRefusal(.value(name))
        }
    }

    /// The name and the program of a key.
    static func parts(_ key: String) -> (name: SettingName?, program: String?) {
        // The name of one has a dot itself.
        guard SettingName(rawValue: key) == nil, let dot = key.firstIndex(of: ".") else {
            return (SettingName(rawValue: key), nil)
        }
        return (SettingName(rawValue: String(key[..<dot])), String(key[key.index(after: dot)...]))
    }
}

/// Why there is no such setting.
public struct SettingRefusal: Error, Hashable, CustomStringConvertible {
    enum Reason: Hashable {
        case noValue
        case unknownKey
        case program(SettingName)
        case value(SettingName)
    }

    let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    /// What is wrong and what is accepted, in words that follow the option's name; no value is
    /// repeated.
    public var description: String {
        switch reason {
        case .noValue: "must be a key and its value, such as weekly_hours.php-adult=20"
        case .unknownKey:
            "has an unknown key: there are "
                + SettingName.allCases.map(\.form).joined(separator: ", ")
        case .program(let name):
            "must be \(name.form)=VALUE, with a key of at most \(NewSetting.longestKey) bytes"
        case .value(let name):
            "has a value for \(name.rawValue) that is none: it must be \(name.accepted), or "
                + "\(SettingName.standard) (\(name.standardWords))"
        }
    }
}

extension SettingName {
    /// How its keys are written.
    public var form: String {
        switch scope {
        case .ledger: rawValue
        case .program: "\(rawValue).PROGRAM"
        case .either: "\(rawValue)[.PROGRAM]"
        }
    }
}
