/// One step of the schema: a numbered SQL file, never edited once it has landed.
public struct Migration: Sendable {
    /// From 1, without gaps; the order of application.
    public let number: Int
    /// What the file is called after its number, for people.
    public let name: String
    /// The statements, run in one transaction.
    public let sql: String

    /// Lower-case hex SHA-256 of the text: what tells an edited migration from a landed one.
    public var checksum: String { sql.checksum }

    /// A migration made by hand, for tests of the migrator.
    public init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }

    /// The migrations compiled into this program, in order.
    public static let all: [Migration] = EmbeddedText.files.compactMap { file in
        guard !file.path.contains("/") else { return nil }
        // "0001_role.sql": the number, then the name.
        let stem = file.path.dropLast(".sql".count)
        guard let separator = stem.firstIndex(of: "_"), let number = Int(stem[..<separator]) else {
            preconditionFailure("\(file.path) is not named NUMBER_name.sql")
        }
        return Migration(
            number: number,
            name: String(stem[stem.index(after: separator)...]),
            sql: file.text.description
        )
    }
}
