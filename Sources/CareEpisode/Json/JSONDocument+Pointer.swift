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

    /// A name as a pointer holds it.
    ///
    /// Names come from the writer and end in logs and answers, so control characters are replaced,
    /// and a name longer than any of the catalog is cut.
    private func referenceToken(_ name: String) -> String {
        var token = ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            if index == 64 { return token + "…" }
            switch scalar {
            case "~": token += "~0"
            case "/": token += "~1"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}",
                "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                token.unicodeScalars.append("\u{FFFD}")
            default: token.unicodeScalars.append(scalar)
            }
        }
        return token
    }
}
