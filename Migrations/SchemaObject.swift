/// A function or a view: an SQL file that may be edited, and is put in place again when the revision in
/// its first line has risen.
///
/// `Functions/append_batch.sql` begins with `-- revision 1`. The file makes the object anew whatever
/// is there (`create or replace`), with its owner, settings and grants. A program of an older revision
/// goes on with the newer one, so that arguments and results stay: a function of other arguments gets
/// another name and file, and the old one stays for a release.
public struct SchemaObject: Sendable {
    /// What it is called in the database, and its file before `.sql`.
    public let name: String
    /// From 1; whoever edits the file raises it.
    public let revision: Int
    /// The statements, run in one transaction.
    public let sql: String

    /// Lower-case hex SHA-256 of the text: what tells an edited file whose revision was not raised.
    public var checksum: String { sql.checksum }

    /// An object by its file's text.
    ///
    /// - Returns: nil where the first line is not `-- revision` and a number from 1.
    public init?(name: String, sql: String) {
        let mark = "-- revision "
        let line = sql.prefix { $0 != "\n" }
        guard line.hasPrefix(mark), let revision = Int32(line.dropFirst(mark.count)), revision > 0
        else { return nil }
        self.name = name
        self.revision = Int(revision)
        self.sql = sql
    }

    /// The functions and views compiled into this program, in the order in which they are put in place.
    public static let all: [SchemaObject] = EmbeddedText.files.compactMap { file in
        guard let slash = file.path.lastIndex(of: "/") else { return nil }
        let name = String(file.path[file.path.index(after: slash)...].dropLast(".sql".count))
        guard let object = SchemaObject(name: name, sql: file.text.description) else {
            preconditionFailure("\(file.path) does not begin with \"-- revision NUMBER\"")
        }
        return object
    }
}
