/// A value of a token's claims, or of a JSON file.
indirect enum ClaimValue: Codable, Sendable, Hashable {
    case null
    case flag(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([ClaimValue])
    case object([String: ClaimValue])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let integer = try? value.decode(Int64.self) {
            self = .integer(integer)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([ClaimValue].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: ClaimValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .flag(let flag): try value.encode(flag)
        case .integer(let integer): try value.encode(integer)
        case .number(let number): try value.encode(number)
        case .text(let text): try value.encode(text)
        case .list(let list): try value.encode(list)
        case .object(let object): try value.encode(object)
        }
    }

    /// A text, or a whole number as one.
    var word: String? {
        switch self {
        case .text(let text): text
        case .integer(let integer): String(integer)
        default: nil
        }
    }

    /// The words of a list, or the one that stands without a list.
    var words: [String] {
        if case .list(let list) = self { return list.compactMap(\.word) }
        return word.map { [$0] } ?? []
    }
}

/// Where a claim stands: the name of a member, or with a slash at its beginning the way to one in
/// other members (a JSON Pointer, RFC 6901).
struct ClaimName: Hashable, Sendable {
    private let steps: [String]

    /// Reads a name; nil where it is empty.
    init?(_ text: String) {
        guard !text.isEmpty, text != "/" else { return nil }
        guard text.hasPrefix("/") else {
            steps = [text]
            return
        }
        steps = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .map { String($0).replacing("~1", with: "/").replacing("~0", with: "~") }
    }

    /// What claims say there; nil where they say nothing.
    func value(in claims: [String: ClaimValue]) -> ClaimValue? {
        var value = ClaimValue.object(claims)
        for step in steps {
            guard case .object(let members) = value, let next = members[step] else { return nil }
            value = next
        }
        return value
    }
}
