public import CareEpisode

extension EventReader {
    /// How many pages are read ahead of the one that the body has: while it works, the database reads
    /// the next one and another thread takes one apart.
    private static let pagesAhead = 2

    /// Calls the body for one page after the other, in order.
    ///
    /// Holds at most three pages.
    ///
    /// - Parameters:
    ///   - after: the position before the first that is wanted.
    ///   - until: the last position that is wanted, not beyond the head.
    ///   - types: only these types; nil for all.
    ///   - body: gets a page, which may be empty where only some types are wanted.
    /// - Throws: ``LedgerError/missingEvent(_:)``, and what the body throws.
    public func forEachPage(
        after: Position,
        until: Position,
        types: Set<EventType>? = nil,
        _ body: (EventPage) throws -> Void
    ) async throws {
        let size = Int64(Self.pageLimit)
        try await withThrowingTaskGroup(of: (start: Int64, page: EventPage).self) { group in
            var asked = after.rawValue
            func ask() {
                guard asked < until.rawValue else { return }
                let start = asked
                asked = min(start + size, until.rawValue)
                group.addTask {
                    let page = try await page(
                        after: Position(rawValue: start),
                        until: until,
                        types: types,
                        limit: Self.pageLimit
                    )
                    return (start, page)
                }
            }
            for _ in 0...Self.pagesAhead { ask() }
            var early: [Int64: EventPage] = [:]
            var wanted = after.rawValue
            while wanted < until.rawValue {
                if let page = early.removeValue(forKey: wanted) {
                    try body(page)
                    wanted = page.nextAfter.rawValue
                    ask()
                } else {
                    // Without another one the head was before the last that is wanted.
                    guard let (start, page) = try await group.next() else { return }
                    early[start] = page
                }
            }
        }
    }
}
