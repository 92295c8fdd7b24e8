extension JSONDocument {
    /// The JSON Pointer (RFC 6901) of a node, or of a member it lacks; of a name, its member's.
    ///
    /// Works on a document that ends early as well. Found by walking down from the root: errors are
    /// rare, and so reading need not keep a path.
    func pointer(to target: Int, member: String?) -> String {
        var pointer = ""
        var node = 0
        while node < target {
            guard let (token, child) = step(from: node, toward: target) else { break }
            pointer += "/" + token
            if child > target { break }
            node = child
        }
        return pointer + (member.map { "/" + $0 } ?? "")
    }

    /// The element or member of `container` that holds `target`, and what the pointer calls it.
    private func step(from container: Int, toward target: Int) -> (token: String, child: Int)? {
        switch nodes[container].kind {
        case .array:
            var element = container + 1
            var index = 0
            while element < nodes.count, nodes[element].next <= target {
                element = Int(nodes[element].next)
                index += 1
            }
            return (String(index), element)
        case .object:
            var name = container + 1
            while name + 1 < nodes.count, nodes[name + 1].next <= target {
                name = Int(nodes[name + 1].next)
            }
            return (referenceToken(text(nodes[name])), name + 1)
        default:
            return nil
        }
    }

    /// The longest name that a pointer repeats, in bytes; no field of the catalog has one as long.
    private static let longestName = 40

    /// A name as a pointer holds it.
    ///
    /// Names come from the writer and end in logs and answers, so that whoever puts health information
    /// into one finds none of it there: what could not be the name of a field is not repeated.
    private func referenceToken(_ name: String) -> String {
        let bytes = name.utf8
        let isName =
            bytes.count <= Self.longestName && bytes.first.map(Self.isLetter) ?? false
            && bytes.allSatisfy {
                Self.isLetter($0) || $0 == UInt8(ascii: "_")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
        return isName ? name : "…"
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
