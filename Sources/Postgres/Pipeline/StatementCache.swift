/// Which statements a session has prepared, and under which names.
///
/// Pure bookkeeping: the connection sends what `use` tells it to, and reports back what the server
/// answered. Names are never used twice in a session.
struct StatementCache {
    /// A text prepared for other parameter types is another statement.
    struct Key: Hashable {
        var text: String
        var types: [PostgresType]

        init(_ sql: SQL) {
            text = sql.text
            types = sql.parameters.map(\.type)
        }
    }

    /// What to send before the statement is executed.
    enum Use: Equatable {
        case execute(String)
        case prepare(String)
    }

    private struct Entry {
        var name: String
        var lastUse: Int
    }

    private let limit: Int
    private var entries: [Key: Entry] = [:]
    private var keys: [String: Key] = [:]
    private var obsolete: [String] = []
    private var uses = 0
    private var names = 0

    init(limit: Int) {
        precondition(limit > 0, "the cache needs room for a statement")
        self.limit = limit
    }

    /// How many statements are prepared.
    var count: Int { entries.count }

    /// Finds or makes the name to execute the statement by; makes room for it.
    mutating func use(_ key: Key) -> Use {
        uses += 1
        if let entry = entries[key] {
            entries[key]?.lastUse = uses
            return .execute(entry.name)
        }
        if entries.count == limit { evictOldest() }
        names += 1
        let name = "s\(names)"
        entries[key] = Entry(name: name, lastUse: uses)
        keys[name] = key
        return .prepare(name)
    }

    /// The name the statement is prepared under, if it is.
    func name(of sql: SQL) -> String? { entries[Key(sql)]?.name }

    /// Takes the names the server should drop.
    ///
    /// Names it did not drop come back by `notDropped`.
    mutating func takeObsolete() -> [String] {
        defer { obsolete = [] }
        return obsolete
    }

    /// The server did not come to drop the name.
    mutating func notDropped(_ name: String) { obsolete.append(name) }

    /// The server did not prepare the statement, or does not know it any more.
    mutating func forget(_ name: String) {
        guard let key = keys.removeValue(forKey: name) else { return }
        entries[key] = nil
    }

    /// The server knows the statement, but its plan is out of date: prepare anew, drop the old one.
    mutating func retire(_ name: String) {
        guard keys[name] != nil else { return }
        forget(name)
        obsolete.append(name)
    }

    /// The server lost its statements, as `DISCARD ALL` does it.
    mutating func forgetAll() {
        entries = [:]
        keys = [:]
        obsolete = []
    }

    private mutating func evictOldest() {
        guard let oldest = entries.values.min(by: { $0.lastUse < $1.lastUse }) else { return }
        retire(oldest.name)
    }
}
