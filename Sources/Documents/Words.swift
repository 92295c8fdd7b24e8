/// Numbers and codes in words, the same everywhere.
public enum Words {
    /// A code in words: `intensive_outpatient` becomes "intensive outpatient".
    public static func code(_ code: String) -> String {
        code.split(separator: "_", omittingEmptySubsequences: false).joined(separator: " ")
    }

    /// A code at the beginning of a line.
    public static func title(_ text: String) -> String {
        let words = code(text)
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    /// A number for people: a whole one as it is, any other with at most four significant digits and
    /// no trailing zero; a dash for what is none.
    public static func number(_ number: Double) -> String {
        if let whole = Int64(exactly: number) { return String(whole) }
        guard number.isFinite else { return "–" }
        // Below, digits after the point; above, none: 0.04167, 12.35, 1234.
        var scale = 1.0
        while abs(number) * scale < 1_000, scale < 1e12 { scale *= 10 }
        let rounded = (number * scale).rounded() / scale
        return Int64(exactly: rounded).map { String($0) } ?? rounded.description
    }

    /// With one decimal, rounded half away from zero.
    public static func decimal(_ number: Double) -> String {
        // What is larger has no place for tenths.
        guard abs(number) < 1e15 else { return Self.number(number) }
        let tenths = Int64((number * 10).rounded())
        return "\(tenths < 0 && tenths > -10 ? "-" : "")\(tenths / 10).\(abs(tenths % 10))"
    }

    /// A number of things: "1 day", "2 days", "1,234 events".
    public static func count(_ number: some BinaryInteger, _ thing: String) -> String {
        "\(grouped(Int64(number))) \(thing)\(number == 1 ? "" : "s")"
    }

    /// A number with commas at the thousands.
    public static func grouped(_ number: Int64) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }
}
