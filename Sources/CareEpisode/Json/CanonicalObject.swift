/// Reads top-level members of a canonical JSON object without building a tree.
///
/// For folds that need two or three members of a recorded payload. It trusts the bytes to be canonical
/// (``EventDraft/payload()`` made them and the seal guards them); of other bytes it reads nonsense,
/// but never beyond their end. Each call scans from the front and stops where the name would stand.
public struct CanonicalObject: Sendable {
    private let bytes: ArraySlice<UInt8>

    /// The object in these bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    /// The object in these bytes, such as a ``rawValue(_:)`` of another object.
    public init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// A member that is a string.
    public func string(_ name: StaticString) -> String? { try? read(name, Self.text) }

    /// A member that is a whole number.
    public func int(_ name: StaticString) -> Int? { try? read(name, Self.wholeNumber) }

    /// A member that is a number.
    public func double(_ name: StaticString) -> Double? {
        try? read(name) { value in
            guard let first = value.first,
                first == UInt8(ascii: "-") || first &- UInt8(ascii: "0") < 10
            else { return nil }
            return CanonicalNumber.value(of: value)
        }
    }

    /// A member that is `true` or `false`.
    public func bool(_ name: StaticString) -> Bool? { try? read(name, Self.flag) }

    /// A member that is an instant.
    public func instant(_ name: StaticString) -> Instant? {
        try? read(name, Self.time)
    }

    /// A member that is a date.
    public func date(_ name: StaticString) -> CalendarDate? {
        try? read(name) { Self.quoted($0).flatMap { CalendarDate(utf8: $0) } }
    }

    /// The bits of a member that is a UUID.
    public func uuidBits(_ name: StaticString) -> UInt128? {
        try? read(name) { Self.quoted($0).flatMap { CareEpisode.uuidBits($0) } }
    }

    /// A member that is an object.
    public func object(_ name: StaticString) -> CanonicalObject? {
        guard let value = rawValue(name), value.first == UInt8(ascii: "{") else { return nil }
        return CanonicalObject(value)
    }

    /// A member that is a list of objects.
    public func objects(_ name: StaticString) -> [CanonicalObject]? {
        guard let value = rawValue(name), value.first == UInt8(ascii: "[") else { return nil }
        return value.withUnsafeBufferPointer { bytes in
            var scanner = CanonicalScanner(bytes)
            var objects: [CanonicalObject] = []
            guard scanner.skip(UInt8(ascii: "[")) else { return nil }
            if scanner.ends(with: UInt8(ascii: "]")) { return objects }
            repeat {
                let start = scanner.index
                guard start < bytes.count, bytes[start] == UInt8(ascii: "{"), scanner.skipValue()
                else { return nil }
                let first = value.startIndex
                objects.append(CanonicalObject(value[first + start..<first + scanner.index]))
            } while scanner.skip(UInt8(ascii: ","))
            return scanner.ends(with: UInt8(ascii: "]")) ? objects : nil
        }
    }

    /// The bytes of a member's value, whatever it is.
    public func rawValue(_ name: StaticString) -> ArraySlice<UInt8>? {
        let start = bytes.startIndex
        return try? bytes.withUnsafeBufferPointer { bytes throws(UnreadablePayload) in
            try find(name, in: bytes)
        }.map { bytes[start + $0.lowerBound..<start + $0.upperBound] }
    }

    // MARK: - One member, absent or damaged

    /// What `body` makes of a member's value; nil where there is no such member.
    ///
    /// Throws where `body` makes nothing of the value, and where the bytes before it, or without it
    /// all bytes, are not those of an object.
    func read<R>(
        _ name: StaticString,
        _ body: (UnsafeBufferPointer<UInt8>) -> R?
    ) throws(UnreadablePayload) -> R? {
        try bytes.withUnsafeBufferPointer { bytes throws(UnreadablePayload) in
            guard let range = try find(name, in: bytes) else { return nil }
            guard let value = body(UnsafeBufferPointer(rebasing: bytes[range])) else {
                throw UnreadablePayload()
            }
            return value
        }
    }

    private func find(
        _ name: StaticString,
        in bytes: UnsafeBufferPointer<UInt8>
    ) throws(UnreadablePayload) -> Range<Int>? {
        var scanner = CanonicalScanner(bytes)
        guard scanner.skip(UInt8(ascii: "{")) else { throw UnreadablePayload() }
        if scanner.ends(with: UInt8(ascii: "}")) { return nil }
        while let found = scanner.string() {
            guard scanner.skip(UInt8(ascii: ":")) else { break }
            let isFound = name.equals(UnsafeBufferPointer(rebasing: bytes[found]))
            let start = scanner.index
            guard scanner.skipValue() else { break }
            if isFound { return start..<scanner.index }
            if scanner.ends(with: UInt8(ascii: "}")) { return nil }
            guard scanner.skip(UInt8(ascii: ",")) else { break }
        }
        throw UnreadablePayload()
    }

    // MARK: - Values

    /// The text of a string.
    static func text(_ value: UnsafeBufferPointer<UInt8>) -> String? {
        guard let text = quoted(value) else { return nil }
        guard text.contains(UInt8(ascii: "\\")) else {
            return String(decoding: text, as: UTF8.self)
        }
        let (document, isJSON) = JSONReader.read(Array(value))
        return isJSON ? document.text(document.nodes[0]) : nil
    }

    /// A whole number of at most 17 digits.
    static func wholeNumber(_ value: UnsafeBufferPointer<UInt8>) -> Int? {
        let isNegative = value.first == UInt8(ascii: "-")
        let digits = isNegative ? 1..<value.count : 0..<value.count
        guard digits.count > 0, digits.count < 18, let number = decimal(value, digits) else {
            return nil
        }
        return isNegative ? -number : number
    }

    /// `true` or `false`.
    static func flag(_ value: UnsafeBufferPointer<UInt8>) -> Bool? {
        if ("true" as StaticString).equals(value) { return true }
        return ("false" as StaticString).equals(value) ? false : nil
    }

    /// An instant.
    static func time(_ value: UnsafeBufferPointer<UInt8>) -> Instant? {
        quoted(value).flatMap { Instant(utf8: $0) }
    }

    /// The text of a string between its quotes, escapes and all.
    static func quoted(_ value: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
        guard value.count >= 2, value[0] == UInt8(ascii: "\"") else { return nil }
        return UnsafeBufferPointer(rebasing: value[1..<value.count - 1])
    }
}

/// Passes over canonical JSON, value by value.
private struct CanonicalScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var index = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// Whether this is the last byte.
    func ends(with byte: UInt8) -> Bool { index == bytes.count - 1 && bytes[index] == byte }

    /// The range between the quotes of a string.
    mutating func string() -> Range<Int>? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                index += 1
                return start..<index - 1
            }
            index += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    mutating func skipValue() -> Bool {
        guard index < bytes.count else { return false }
        switch bytes[index] {
        case UInt8(ascii: "\""): return string() != nil
        case UInt8(ascii: "{"), UInt8(ascii: "["): return skipContainer()
        default:
            while index < bytes.count, bytes[index] != UInt8(ascii: ","),
                bytes[index] != UInt8(ascii: "}"), bytes[index] != UInt8(ascii: "]")
            {
                index += 1
            }
            return true
        }
    }

    private mutating func skipContainer() -> Bool {
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                index += 1
                if depth == 0 { return true }
            case UInt8(ascii: "\""):
                if string() == nil { return false }
            default:
                index += 1
            }
        }
        return false
    }
}
