/// Reads a document of RFC 8259 byte by byte.
///
/// What is not JSON ends the reading with one error. What is JSON but refused by `docs/events.md`
/// (duplicate keys, U+0000, lone surrogates, wrong UTF-8 within a string, numbers, lengths, nesting)
/// is noted at its node and reading goes on, so that all errors of an event are told at once.
struct JSONReader {
    private let input: UnsafeBufferPointer<UInt8>
    private let nesting: Int
    private let elementBytes: Int
    /// The element of the outermost array that is being read, where it has a limit.
    private var element: (node: Int, start: Int)?
    private var index = 0
    private var document: JSONDocument

    /// The document in `bytes`; `nesting` is how deep objects and arrays may lie in each other.
    ///
    /// Where its nodes end early, the bytes are not JSON, or an element of the outermost array has more
    /// than `elementBytes`, and `errors` says where.
    static func read(
        _ bytes: [UInt8],
        nesting: Int = JSONLimits.nesting,
        elementBytes: Int = .max
    ) -> (document: JSONDocument, isJSON: Bool) {
        bytes.withUnsafeBufferPointer { input in
            var reader = JSONReader(
                input: input,
                nesting: nesting,
                elementBytes: elementBytes,
                document: JSONDocument(bytes: bytes)
            )
            reader.document.nodes.reserveCapacity(min(bytes.count / 8, 4096) + 8)
            do throws(JSONError) {
                try reader.readDocument()
                return (reader.document, true)
            } catch {
                reader.document.errors.append(error)
                return (reader.document, false)
            }
        }
    }

    private mutating func readDocument() throws(JSONError) {
        if input.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw JSONError(
                code: "invalid_json",
                detail: "must not begin with a byte order mark",
                offset: 0
            )
        }
        skipWhiteSpace()
        try readValue(depth: 0, scalars: JSONLimits.stringScalars)
        skipWhiteSpace()
        if index < input.count { throw syntaxError("nothing may follow the value") }
    }

    // MARK: Values

    private mutating func readValue(depth: Int, scalars: Int) throws(JSONError) {
        switch try peek() {
        case UInt8(ascii: "{"): try readObject(depth: depth + 1)
        case UInt8(ascii: "["): try readArray(depth: depth + 1)
        case UInt8(ascii: "\""): try readString(.string, scalars: scalars)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try readNumber()
        case UInt8(ascii: "t"): try readLiteral("true", .bool, .isTrue)
        case UInt8(ascii: "f"): try readLiteral("false", .bool, [])
        case UInt8(ascii: "n"): try readLiteral("null", .null, [])
        default: throw syntaxError("a value is expected")
        }
    }

    private mutating func readLiteral(
        _ literal: StaticString,
        _ kind: JSONNode.Kind,
        _ flags: JSONNode.Flags
    ) throws(JSONError) {
        let end = index + literal.utf8CodeUnitCount
        guard end <= input.count,
            literal.equals(UnsafeBufferPointer(rebasing: input[index..<end]))
        else { throw syntaxError("a value is expected") }
        append(kind, flags, from: index, to: end)
        index = end
    }

    private mutating func readArray(depth: Int) throws(JSONError) {
        let node = try openContainer(.array, depth: depth)
        var (count, kept) = (Int32(0), document.mark)
        skipWhiteSpace()
        if try peek() == UInt8(ascii: "]") {
            index += 1
        } else {
            repeat {
                skipWhiteSpace()
                if depth == 1 { beginElement() } else { try judgeElement() }
                try readValue(depth: depth, scalars: JSONLimits.stringScalars)
                count += 1
                if count <= JSONLimits.arrayElements {
                    kept = document.mark
                } else {
                    // It is read to its end, to say whether it is JSON, and not kept.
                    document.forget(from: kept)
                }
            } while try readSeparator(or: UInt8(ascii: "]"))
        }
        closeContainer(node, count: min(count, Int32(JSONLimits.arrayElements)))
        if count > JSONLimits.arrayElements {
            refuse(node, "too_many", "must have at most \(JSONLimits.arrayElements) elements")
        }
    }

    private mutating func readObject(depth: Int) throws(JSONError) {
        let node = try openContainer(.object, depth: depth)
        var names = MemberNames(object: node)
        var count: Int32 = 0
        skipWhiteSpace()
        if try peek() == UInt8(ascii: "}") {
            index += 1
        } else {
            repeat {
                skipWhiteSpace()
                try judgeElement()
                guard try peek() == UInt8(ascii: "\"") else {
                    throw syntaxError("a member's name in quotes is expected")
                }
                let name = document.nodes.count
                try readString(.name, scalars: JSONLimits.stringScalars)
                if names.repeats(name, in: document, input) {
                    refuse(name, "duplicate_key", "must appear only once")
                }
                skipWhiteSpace()
                guard try peek() == UInt8(ascii: ":") else {
                    throw syntaxError("a colon is expected")
                }
                index += 1
                skipWhiteSpace()
                try readValue(depth: depth, scalars: scalarLimit(under: name))
                count += 1
            } while try readSeparator(or: UInt8(ascii: "}"))
        }
        closeContainer(node, count: count)
    }

    // MARK: The elements of a list

    private mutating func beginElement() {
        guard elementBytes < .max else { return }
        element = (document.nodes.count, index)
    }

    /// Ends the reading within an element that is longer than it may be: of a list of many megabytes
    /// nobody wants to know more.
    private func judgeElement() throws(JSONError) {
        guard let element, index - element.start > elementBytes else { return }
        throw JSONError(
            code: "too_large",
            detail: "must have at most \(elementBytes) bytes",
            node: element.node,
            offset: element.start
        )
    }

    private mutating func openContainer(
        _ kind: JSONNode.Kind,
        depth: Int
    ) throws(JSONError) -> Int {
        let node = append(kind, [], from: index, to: index)
        document.nodes[node].next = .max
        if depth == nesting + 1 {
            refuse(node, "too_deep", "must not be nested more than \(JSONLimits.nesting) deep")
        }
        if depth > JSONLimits.recursion {
            throw JSONError(
                code: "too_deep",
                detail: "is nested too deep to be read to its end",
                offset: index
            )
        }
        index += 1
        return node
    }

    private mutating func closeContainer(_ node: Int, count: Int32) {
        document.nodes[node].next = Int32(document.nodes.count)
        document.nodes[node].end = Int32(index)
        document.nodes[node].count = count
    }

    /// Whether a comma follows, so that there is another element; else `closing` must follow.
    private mutating func readSeparator(or closing: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        let byte = try peek()
        guard byte == UInt8(ascii: ",") || byte == closing else {
            throw syntaxError("a comma or a closing bracket is expected")
        }
        index += 1
        return byte == UInt8(ascii: ",")
    }

    // MARK: Strings

    private enum StringFault {
        case utf8, surrogate, zero
    }

    private mutating func readString(_ kind: JSONNode.Kind, scalars: Int) throws(JSONError) {
        let opening = index
        index += 1
        var isASCII = true
        while index < input.count {
            let byte = input[index]
            if byte == UInt8(ascii: "\"") {
                let text = UnsafeBufferPointer(rebasing: input[opening + 1..<index])
                let count = isASCII ? text.count : unicodeScalarCount(text)
                let node = append(kind, [], from: opening + 1, to: index)
                document.nodes[node].offset = Int32(opening)
                judge(node, count: count, fault: nil, limit: scalars)
                index += 1
                return
            }
            if byte == UInt8(ascii: "\\") {
                return try readEscapedString(kind, scalars: scalars, from: opening)
            }
            if byte < 0x20 { throw syntaxError("a control character must be escaped") }
            if byte >= 0x80 { isASCII = false }
            index += 1
        }
        throw endError()
    }

    /// Goes on at the first backslash of a string.
    private mutating func readEscapedString(
        _ kind: JSONNode.Kind,
        scalars: Int,
        from opening: Int
    ) throws(JSONError) {
        let start = document.unescaped.count
        document.unescaped.append(contentsOf: input[opening + 1..<index])
        var fault: StringFault?
        while index < input.count {
            let byte = input[index]
            if byte == UInt8(ascii: "\"") {
                let count = document.unescaped.withUnsafeBufferPointer {
                    unicodeScalarCount(UnsafeBufferPointer(rebasing: $0[start...]))
                }
                let node = append(
                    kind,
                    .unescaped,
                    from: start,
                    to: document.unescaped.count
                )
                document.nodes[node].offset = Int32(opening)
                judge(node, count: count, fault: fault, limit: scalars)
                index += 1
                return
            }
            if byte == UInt8(ascii: "\\") {
                if let found = try readEscape() { fault = fault ?? found }
                continue
            }
            if byte < 0x20 { throw syntaxError("a control character must be escaped") }
            document.unescaped.append(byte)
            index += 1
        }
        throw endError()
    }

    private mutating func readEscape() throws(JSONError) -> StringFault? {
        guard index + 1 < input.count else { throw endError() }
        let plain: UInt8
        switch input[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain = input[index + 1]
        case UInt8(ascii: "b"): plain = 0x08
        case UInt8(ascii: "f"): plain = 0x0C
        case UInt8(ascii: "n"): plain = 0x0A
        case UInt8(ascii: "r"): plain = 0x0D
        case UInt8(ascii: "t"): plain = 0x09
        case UInt8(ascii: "u"): return try readUnicodeEscape()
        default: throw syntaxError("an unknown escape")
        }
        document.unescaped.append(plain)
        index += 2
        return nil
    }

    /// `\uXXXX`, or two of them that are a surrogate pair.
    private mutating func readUnicodeEscape() throws(JSONError) -> StringFault? {
        let first = try readCodeUnit()
        guard 0xD800...0xDFFF ~= first else {
            appendUTF8(first, to: &document.unescaped)
            return first == 0 ? .zero : nil
        }
        if first < 0xDC00, index + 1 < input.count, input[index] == UInt8(ascii: "\\"),
            input[index + 1] == UInt8(ascii: "u")
        {
            let afterFirst = index
            let second = try readCodeUnit()
            if 0xDC00...0xDFFF ~= second {
                let scalar = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
                appendUTF8(scalar, to: &document.unescaped)
                return nil
            }
            index = afterFirst
        }
        appendUTF8(0xFFFD, to: &document.unescaped)
        return .surrogate
    }

    private mutating func readCodeUnit() throws(JSONError) -> UInt32 {
        guard index + 6 <= input.count else { throw endError() }
        var unit: UInt32 = 0
        for offset in 2..<6 {
            guard let digit = hexadecimalValue(input[index + offset]) else {
                throw syntaxError("an unknown escape")
            }
            unit = unit << 4 | UInt32(digit)
        }
        index += 6
        return unit
    }

    private mutating func judge(_ node: Int, count: Int?, fault: StringFault?, limit: Int) {
        guard let count else {
            return refuse(node, "invalid_utf8", "must be well-formed UTF-8")
        }
        switch fault {
        case .surrogate: refuse(node, "lone_surrogate", "must not contain a lone surrogate")
        case .zero: refuse(node, "null_character", "must not contain U+0000")
        default:
            if count > limit { refuse(node, "too_long", "must have at most \(limit) characters") }
        }
    }

    // MARK: Numbers

    private mutating func readNumber() throws(JSONError) {
        let start = index
        var isInteger = true
        if input[index] == UInt8(ascii: "-") { index += 1 }
        var digits = SignificantDigits()
        guard let first = digit(at: index) else { throw syntaxError("a digit is expected") }
        if first == 0 {
            digits.add(0)
            index += 1
            if digit(at: index) != nil { throw syntaxError("a number begins with 0") }
        } else {
            readDigits(into: &digits)
        }
        if index < input.count, input[index] == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            digits.beginFraction()
            guard digit(at: index) != nil else { throw syntaxError("a digit is expected") }
            readDigits(into: &digits)
        }
        var exponent = 0
        if index < input.count, input[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            exponent = try readExponent()
        }
        let node = append(
            .number,
            isInteger ? .integerToken : [],
            from: start,
            to: index
        )
        guard let leading = digits.leadingExponent else { return }
        if digits.count > JSONLimits.significantDigits {
            refuse(
                node,
                "too_many_digits",
                "must have at most \(JSONLimits.significantDigits) significant digits"
            )
        } else if leading + exponent > JSONLimits.largestExponent {
            refuse(node, "too_large", "must be below 1000000000000000")
        } else if leading + exponent < JSONLimits.smallestExponent {
            refuse(
                node,
                "too_small",
                "must be 0 or further from 0 than 1e\(JSONLimits.smallestExponent)"
            )
        }
    }

    private mutating func readDigits(into digits: inout SignificantDigits) {
        while let value = digit(at: index) {
            digits.add(value)
            index += 1
        }
    }

    /// The exponent, held at ±10⁹: far outside of what is accepted, far inside of what overflows.
    private mutating func readExponent() throws(JSONError) -> Int {
        var isNegative = false
        if index < input.count,
            input[index] == UInt8(ascii: "+") || input[index] == UInt8(ascii: "-")
        {
            isNegative = input[index] == UInt8(ascii: "-")
            index += 1
        }
        guard digit(at: index) != nil else { throw syntaxError("a digit is expected") }
        var value = 0
        while let next = digit(at: index) {
            value = min(value * 10 + Int(next), 1_000_000_000)
            index += 1
        }
        return isNegative ? -value : value
    }

    private func digit(at index: Int) -> UInt8? {
        guard index < input.count else { return nil }
        let value = input[index] &- UInt8(ascii: "0")
        return value < 10 ? value : nil
    }

    // MARK: Bytes, nodes and errors

    private func peek() throws(JSONError) -> UInt8 {
        guard index < input.count else { throw endError() }
        return input[index]
    }

    private mutating func skipWhiteSpace() {
        while index < input.count {
            switch input[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    private func scalarLimit(under name: Int) -> Int {
        let name = document.nodes[name]
        if name.flags.contains(.unescaped) {
            return document.withText(name) { JSONLimits.scalars(of: $0) }
        }
        return JSONLimits.scalars(
            of: UnsafeBufferPointer(rebasing: input[Int(name.start)..<Int(name.end)])
        )
    }

    @discardableResult
    private mutating func append(
        _ kind: JSONNode.Kind,
        _ flags: JSONNode.Flags,
        from start: Int,
        to end: Int
    ) -> Int {
        let node = document.nodes.count
        document.nodes.append(
            JSONNode(
                kind: kind,
                flags: flags,
                offset: Int32(start),
                start: Int32(start),
                end: Int32(end),
                next: Int32(node + 1),
                count: 0
            )
        )
        return node
    }

    private mutating func refuse(_ node: Int, _ code: String, _ detail: String) {
        document.nodes[node].flags.insert(.refused)
        guard document.errors.count <= JSONLimits.reportedErrors else { return }
        document.errors.append(
            JSONError(
                code: code,
                detail: detail,
                node: node,
                offset: Int(document.nodes[node].offset)
            )
        )
    }

    private func syntaxError(_ what: String) -> JSONError {
        JSONError(
            code: "invalid_json",
            detail: "is not JSON: \(what) at byte \(index)",
            offset: index
        )
    }

    private func endError() -> JSONError {
        JSONError(
            code: "invalid_json",
            detail: "is not JSON: it ends too early, at byte \(input.count)",
            offset: input.count
        )
    }
}

/// Counts the digits of a number from its first one that is not 0.
private struct SignificantDigits {
    private(set) var count = 0
    private var integerDigits = 0
    private var leadingZeros = 0
    private var isFraction = false
    private var leadingIndex = 0

    mutating func add(_ digit: UInt8) {
        if digit != 0 || count > 0 {
            if count == 0 { leadingIndex = isFraction ? -leadingZeros - 1 : integerDigits }
            count += 1
        }
        if isFraction {
            leadingZeros += 1
        } else {
            integerDigits += 1
        }
    }

    mutating func beginFraction() { isFraction = true }

    /// The power of ten that the first significant digit stands for; nil for 0.
    var leadingExponent: Int? {
        guard count > 0 else { return nil }
        return leadingIndex < 0 ? leadingIndex : integerDigits - 1 - leadingIndex
    }
}
