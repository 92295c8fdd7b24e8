/// A page and what its query says: links change a part of it and keep the rest.
public struct PageAddress: Hashable, Sendable {
    /// The parameters that say which time and which knowledge a page shows: links to other pages
    /// carry them on.
    public static let clocks = [
        "date", "effective_at", "from", "to", "known_at", "known_by", "compare",
    ]

    /// From the root, without the query.
    public var path: String
    /// The query; of the parameters that may be given several times all values.
    public private(set) var values: [String: [String]]

    /// A page with a query; what is empty says nothing.
    public init(_ path: String, _ values: [String: [String]] = [:]) {
        self.path = path
        self.values = values.compactMapValues { all in
            let given = all.filter { !$0.isEmpty }
            return given.isEmpty ? nil : given
        }
    }

    /// The value of a parameter; of several the first.
    public subscript(_ name: String) -> String? { values[name]?.first }

    /// The same page with other values; nil takes a parameter away.
    public func with(_ changes: KeyValuePairs<String, String?>) -> PageAddress {
        var address = self
        for (name, value) in changes { address.values[name] = value.map { [$0] } }
        return address
    }

    /// Another page at the same time and knowledge.
    public func to(
        _ path: String,
        _ changes: KeyValuePairs<String, String?> = [:]
    ) -> PageAddress {
        PageAddress(path, values.filter { Self.clocks.contains($0.key) }).with(changes)
    }

    /// As a link has it: parameters in the order of their names.
    public var href: String {
        let pairs = values.sorted { $0.key < $1.key }.flatMap { name, values in
            values.map { "\(Self.encoded(name))=\(Self.encoded($0))" }
        }
        return pairs.isEmpty ? path : "\(path)?\(pairs.joined(separator: "&"))"
    }

    /// Percent-encoded but for what needs no encoding anywhere (RFC 3986, 2.3).
    public static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += byte < 16 ? "%0" : "%"
                encoded += String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}

extension String {
    /// `/ledgers/clinic` of a path below it.
    var ledgerPath: String { split(separator: "/").prefix(2).map { "/\($0)" }.joined() }
}
