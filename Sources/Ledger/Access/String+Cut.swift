extension String {
    /// Its beginning, of at most so many bytes of UTF-8, with no scalar cut in two.
    ///
    /// By bytes and not by characters: one character may have any number of marks.
    package func cut(afterBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while UTF8.isContinuation(utf8[end]) { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
