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
    public func string(_ name: StaticString) -> String? {
        withStringBytes(name) { text in
            guard text.contains(UInt8(ascii: "\\")) else {
                return String(decoding: text, as: UTF8.self)
            }
            var quoted: [UInt8] = [UInt8(ascii: "\"")]
            quoted += text
            quoted.append(UInt8(ascii: "\""))
            let (document, isJSON) = JSONReader.read(quoted)
            return isJSON ? document.text(document.nodes[0]) : nil
        }
    }

    /// A member that is a whole number.
    public func int(_ name: StaticString) -> Int? {
        withValue(name) { value in
            let isNegative = value.first == UInt8(ascii: "-")
            let digits = isNegative ? 1..<value.count : 0..<value.count
            guard digits.count > 0, digits.count < 18,
                let number = decimal(value, digits)
            else { return nil }
            return isNegative ? -number : number
        }
    }

    /// A member that is a number.
    public func double(_ name: StaticString) -> Double? {
        withValue(name) { value in
            guard let first = value.first,
                first == UInt8(ascii: "-") || first &- UInt8(ascii: "0") < 10
            else { return nil }
            return CanonicalNumber.value(of: value)
        }
    }

    /// A member that is `true` or `false`.
    public func bool(_ name: StaticString) -> Bool? {
        withValue(name) { value in
            switch value.first {
            case UInt8(ascii: "t"): true
            case UInt8(ascii: "f"): false
            default: nil
            }
        }
    }

    /// A member that is an instant.
    public func instant(_ name: StaticString) -> Instant? {
        withStringBytes(name) { Instant(utf8: $0) }
    }

    /// A member that is a date.
    public func date(_ name: StaticString) -> CalendarDate? {
        withStringBytes(name) { CalendarDate(utf8: $0) }
    }

    /// The bits of a member that is a UUID.
    public func uuidBits(_ name: StaticString) -> UInt128? {
        withStringBytes(name) { CareEpisode.uuidBits($0) }
    }

    /// A member that is an object.
    public func object(_ name: StaticString) -> CanonicalObject? {
        guard let value = rawValue(name), value.first == UInt8(ascii: "{") else { return nil }
        return CanonicalObject(value)
    }

    /// The bytes of a member's value, whatever it is.
    public func rawValue(_ name: StaticString) -> ArraySlice<UInt8>? {
        let start = bytes.startIndex
        return bytes.withUnsafeBufferPointer { find(name, in: $0) }
            .map { bytes[start + $0.lowerBound..<start + $0.upperBound] }
    }

    private func withValue<R>(
        _ name: StaticString,
        _ body: (UnsafeBufferPointer<UInt8>) -> R?
    ) -> R? {
        bytes.withUnsafeBufferPointer { bytes in
            find(name, in: bytes).flatMap { body(UnsafeBufferPointer(rebasing: bytes[$0])) }
        }
    }

    /// The text of a string between its quotes, escapes and all.
    private func withStringBytes<R>(
        _ name: StaticString,
        _ body: (UnsafeBufferPointer<UInt8>) -> R?
    ) -> R? {
        withValue(name) { value in
            guard value.count >= 2, value[0] == UInt8(ascii: "\"") else { return nil }
            return body(UnsafeBufferPointer(rebasing: value[1..<value.count - 1]))
        }
    }

    private func find(_ name: StaticString, in bytes: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var scanner = CanonicalScanner(bytes)
        guard scanner.skip(UInt8(ascii: "{")) else { return nil }
        while let found = scanner.string() {
            guard scanner.skip(UInt8(ascii: ":")) else { return nil }
            let isFound = name.equals(UnsafeBufferPointer(rebasing: bytes[found]))
            let start = scanner.index
            guard scanner.skipValue() else { return nil }
            if isFound { return start..<scanner.index }
            guard scanner.skip(UInt8(ascii: ",")) else { return nil }
        }
        return nil
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
