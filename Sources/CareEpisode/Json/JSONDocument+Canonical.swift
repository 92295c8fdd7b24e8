extension JSONDocument {
    /// How a subtree is written.
    enum Form {
        /// RFC 8785 and nothing else.
        case rfc8785
        /// RFC 8785 after the ledger's normalisations: instants in UTC. Instants are known by the
        /// names that `docs/events.md` keeps for them, `at` and `…_at`, whatever the event's type.
        case ledger
        /// As `.ledger`, but whole numbers that were not written as integers keep a fraction `.0`,
        /// because integer fields refuse them and the field is not known yet.
        case ledgerKeepingFractions
    }

    /// The canonical bytes of a node's subtree.
    func canonical(_ node: Int, _ form: Form) -> [UInt8] {
        var writer = CanonicalWriter()
        write(node, form, isInstant: false, to: &writer)
        return writer.bytes
    }

    private func write(
        _ index: Int,
        _ form: Form,
        isInstant: Bool,
        to writer: inout CanonicalWriter
    ) {
        let node = nodes[index]
        switch node.kind {
        case .null: writer.write(canonical: Array("null".utf8))
        case .bool: writer.write(node.flags.contains(.isTrue))
        case .number:
            let value = withText(node) { CanonicalNumber.value(of: $0) }
            writer.write(value)
            if form == .ledgerKeepingFractions, value.rounded() == value,
                !node.flags.contains(.integerToken)
            {
                writer.write(canonical: Array(".0".utf8))
            }
        case .string, .name:
            withText(node) { text in
                if isInstant, form != .rfc8785, let instant = Instant(utf8: text) {
                    writer.write(instant)
                } else {
                    writer.write(utf8: text)
                }
            }
        case .array:
            writer.begin("[")
            var element = index + 1
            for _ in 0..<node.count {
                writer.separate()
                write(element, form, isInstant: false, to: &writer)
                element = Int(nodes[element].next)
            }
            writer.end("]")
        case .object:
            writer.begin("{")
            for name in sortedNames(of: index) {
                let isInstant = withText(nodes[name]) { text in
                    writer.name(text)
                    return text.elementsEqual("at".utf8) || text.suffix(3).elementsEqual("_at".utf8)
                }
                write(name + 1, form, isInstant: isInstant, to: &writer)
            }
            writer.end("}")
        }
    }

    /// The name nodes of an object by the UTF-16 code units of the names.
    private func sortedNames(of object: Int) -> [Int] {
        var names: [Int] = []
        var name = object + 1
        for _ in 0..<nodes[object].count {
            names.append(name)
            name = Int(nodes[name + 1].next)
        }
        return names.sorted { left, right in
            withText(nodes[left]) { left in
                withText(nodes[right]) { right in
                    left.lexicographicallyPrecedes(right) { utf16Rank($0) < utf16Rank($1) }
                }
            }
        }
    }
}

/// A rank for the bytes of UTF-8 that sorts as UTF-16 does.
///
/// The two differ in one place: scalars above U+FFFF (lead bytes F0 to F4) are surrogates D800 to
/// DFFF in UTF-16 and so come before U+E000 to U+FFFF (lead bytes EE and EF).
private func utf16Rank(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0xEE, 0xEF: byte + 0x10
    case 0xF0...0xF4: byte - 0x02
    default: byte
    }
}
