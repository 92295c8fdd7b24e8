/// Finds a name that an object has already.
struct MemberNames {
    private let object: Int
    private var count = 0
    /// Only for large objects, which no type of the catalog has: comparing each name with all
    /// others would let a writer keep a processor busy with one event.
    private var large: Set<[UInt8]> = []
    private static let smallCount = 24

    init(object: Int) { self.object = object }

    /// Whether the name node just read is there already; remembers it if not.
    mutating func repeats(
        _ name: Int,
        in document: JSONDocument,
        _ input: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        count += 1
        if count > MemberNames.smallCount {
            if count == MemberNames.smallCount + 1 {
                forEachName(before: name, in: document) { earlier in
                    large.insert(document.withText(document.nodes[earlier]) { Array($0) })
                    return false
                }
            }
            return !large.insert(document.withText(document.nodes[name]) { Array($0) }).inserted
        }
        let new = document.nodes[name]
        return forEachName(before: name, in: document) { earlier in
            let old = document.nodes[earlier]
            guard old.end - old.start == new.end - new.start else { return false }
            if !old.flags.contains(.unescaped), !new.flags.contains(.unescaped) {
                for offset in 0..<Int(new.end - new.start)
                where input[Int(old.start) + offset] != input[Int(new.start) + offset] {
                    return false
                }
                return true
            }
            return document.withText(old) { old in
                document.withText(new) { new in old.elementsEqual(new) }
            }
        }
    }

    /// Stops, and says so, at the first name for which `body` returns true.
    @discardableResult
    private func forEachName(
        before name: Int,
        in document: JSONDocument,
        _ body: (Int) -> Bool
    ) -> Bool {
        var earlier = object + 1
        while earlier < name {
            if body(earlier) { return true }
            earlier = Int(document.nodes[earlier + 1].next)
        }
        return false
    }
}
