import Foundation

/// A printed answer that keeps the order of its members, which `Decodable` does not see.
indirect enum PrintedJSON: Equatable {
    case object([Member])
    case array([PrintedJSON])
    case string(String)
    /// A number, true, false or null, as it was written.
    case bare(String)
    /// What a subscript finds where there is nothing.
    case absent

    struct Member: Equatable {
        var name: String
        var value: PrintedJSON
    }

    /// Reads what a program printed: one value on a line of its own.
    init(_ bytes: [UInt8]) throws {
        guard bytes.last == 0x0A else { throw ProgramFailure(description: "no newline at the end") }
        var reader = Reader(bytes: bytes.dropLast())
        self = try reader.value()
        guard reader.bytes.isEmpty else { throw ProgramFailure(description: "more than one value") }
    }

    subscript(_ name: String) -> PrintedJSON {
        guard case .object(let members) = self else { return .absent }
        return members.first { $0.name == name }?.value ?? .absent
    }

    subscript(_ place: Int) -> PrintedJSON {
        elements.indices.contains(place) ? elements[place] : .absent
    }

    /// The members' names, in the order in which they were written.
    var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.name)
    }

    var elements: [PrintedJSON] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var strings: [String] { elements.compactMap(\.string) }

    var number: Double? {
        guard case .bare(let text) = self else { return nil }
        return Double(text)
    }

    var isNull: Bool { self == .bare("null") }

    /// Every string under any `event_ids`.
    var eventIDs: Set<String> {
        switch self {
        case .object(let members):
            members.reduce(into: []) { ids, member in
                ids.formUnion(
                    member.name == "event_ids"
                        ? Set(member.value.strings) : member.value.eventIDs
                )
            }
        case .array(let elements): elements.reduce(into: []) { $0.formUnion($1.eventIDs) }
        default: []
        }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func value() throws -> PrintedJSON {
            switch bytes.first {
            case UInt8(ascii: "{"):
                let members = try list(UInt8(ascii: "}")) { reader in
                    let name = try reader.text()
                    try reader.take(UInt8(ascii: ":"))
                    return Member(name: name, value: try reader.value())
                }
                return .object(members)
            case UInt8(ascii: "["):
                return .array(try list(UInt8(ascii: "]")) { try $0.value() })
            case UInt8(ascii: "\""): return .string(try text())
            default:
                let end = bytes.firstIndex { ",]}".utf8.contains($0) } ?? bytes.endIndex
                let word = String(decoding: bytes[..<end], as: UTF8.self)
                guard ["true", "false", "null"].contains(word) || Double(word) != nil else {
                    throw ProgramFailure(description: "no JSON: \(word)")
                }
                bytes = bytes[end...]
                return .bare(word)
            }
        }

        private mutating func list<Element>(
            _ end: UInt8,
            _ element: (inout Reader) throws -> Element
        ) throws -> [Element] {
            bytes = bytes.dropFirst()
            var elements: [Element] = []
            while bytes.first != end {
                if !elements.isEmpty { try take(UInt8(ascii: ",")) }
                elements.append(try element(&self))
            }
            try take(end)
            return elements
        }

        private mutating func take(_ byte: UInt8) throws {
            guard bytes.popFirst() == byte else {
                throw ProgramFailure(description: "no JSON at: \(rest)")
            }
        }

        private mutating func text() throws -> String {
            var end = bytes.startIndex + 1
            while end < bytes.endIndex, bytes[end] != UInt8(ascii: "\"") {
                end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            guard bytes.first == UInt8(ascii: "\""), end < bytes.endIndex else {
                throw ProgramFailure(description: "no JSON text at: \(rest)")
            }
            let text = try JSONDecoder().decode(String.self, from: Data(bytes[...end]))
            bytes = bytes[(end + 1)...]
            return text
        }

        private var rest: String { String(decoding: bytes.prefix(40), as: UTF8.self) }
    }
}
