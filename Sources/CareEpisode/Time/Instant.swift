/// A point in time, to the microsecond, in UTC.
public struct Instant: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z, negative before it.
    ///
    /// Leap seconds do not count.
    public var microseconds: Int64

    /// The instant this many microseconds after 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Parses RFC 3339, which demands an offset.
    ///
    /// Digits of the fraction beyond the sixth are cut off. Nil for anything else, for days that do
    /// not exist, for `:60` (the ledger has no leap seconds), and outside the years 0001 to 9999 UTC.
    public init?(rfc3339 text: some StringProtocol) {
        var utf8 = String(text)
        guard let instant = utf8.withUTF8({ Instant(utf8: $0) }) else { return nil }
        self = instant
    }

    init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] | 0x20 == UInt8(ascii: "t"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"),
            let year = decimal(bytes, 0..<4), let month = decimal(bytes, 5..<7),
            let day = decimal(bytes, 8..<10), let hour = decimal(bytes, 11..<13),
            let minute = decimal(bytes, 14..<16), let second = decimal(bytes, 17..<19),
            (1...12).contains(month), day >= 1,
            day <= CalendarDate.daysInMonth(month, ofYear: year),
            hour < 24, minute < 60, second < 60,
            let (fraction, zone) = Instant.fraction(bytes, from: 19),
            let offset = Instant.offset(bytes, from: zone)
        else { return nil }
        let days = CalendarDate.dayNumber(year: year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        guard Instant.secondsOfYears1To9999.contains(seconds) else { return nil }
        microseconds = Int64(seconds) * 1_000_000 + Int64(fraction)
    }

    private static let secondsOfYears1To9999 = -62_135_596_800..<253_402_300_800

    /// The fraction's first six digits as microseconds, and where it ends.
    private static func fraction(
        _ bytes: UnsafeBufferPointer<UInt8>,
        from start: Int
    ) -> (microseconds: Int, end: Int)? {
        guard bytes[start] == UInt8(ascii: ".") else { return (0, start) }
        var index = start + 1
        var value = 0
        var scale = 1_000_000
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 {
            if scale > 1 {
                value = value * 10 + Int(bytes[index] - UInt8(ascii: "0"))
                scale /= 10
            }
            index += 1
        }
        return index > start + 1 && index < bytes.count ? (value * scale, index) : nil
    }

    /// Seconds east of UTC, from `Z` or `+hh:mm` at the end of the text.
    private static func offset(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        if bytes[start] | 0x20 == UInt8(ascii: "z") {
            return start + 1 == bytes.count ? 0 : nil
        }
        guard start + 6 == bytes.count, bytes[start + 3] == UInt8(ascii: ":"),
            let hours = decimal(bytes, start + 1..<start + 3), hours < 24,
            let minutes = decimal(bytes, start + 4..<start + 6), minutes < 60
        else { return nil }
        switch bytes[start] {
        case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
        default: return nil
        }
    }

    /// The instant this many seconds later; stays at the end of the range where it would leave it.
    public func advanced(bySeconds seconds: Int64) -> Instant {
        let (step, stepOverflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, sumOverflows) = microseconds.addingReportingOverflow(step)
        guard stepOverflows || sumOverflows else { return Instant(microseconds: sum) }
        return Instant(microseconds: seconds < 0 ? .min : .max)
    }

    /// Whether `left` is the earlier instant.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.microseconds < right.microseconds
    }

    /// `YYYY-MM-DDTHH:MM:SS.ffffffZ`, the only form in which the ledger writes a time.
    public var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(27)
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    func write(to bytes: inout [UInt8]) {
        let seconds = floorDivide(Int(microseconds), by: 1_000_000)
        let days = floorDivide(seconds, by: 86_400)
        let secondOfDay = seconds - days * 86_400
        let date = CalendarDate(dayNumber: days)
        date.write(to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        appendDecimal(secondOfDay / 3600, width: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDecimal(secondOfDay / 60 % 60, width: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendDecimal(secondOfDay % 60, width: 2, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        appendDecimal(Int(microseconds) - seconds * 1_000_000, width: 6, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }
}
