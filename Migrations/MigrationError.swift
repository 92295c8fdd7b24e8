/// Why a database cannot be used with this program.
public enum MigrationError: Error, Equatable, CustomStringConvertible {
    /// A migration that has landed differs from the one in this program.
    case edited(number: Int, name: String)
    /// The database has migrations that this program does not know.
    case newer(applied: Int, known: Int)
    /// A function or view was put in place with another text under the same revision.
    case editedObject(name: String, revision: Int)
    /// The database has a function or view of a revision that this program does not know; `known` is 0
    /// where it knows none.
    case newerObject(name: String, revision: Int, known: Int)
    /// The database is empty, and its encoding lacks characters that an event may have.
    case encoding(String)
    /// The database's user may not do what a migration does.
    case notPermitted(number: Int, name: String)
    /// The database's user may not put a function or view in place.
    case objectNotPermitted(name: String)
    /// The database's user may not take privileges away.
    case finishNotPermitted
    /// Sessions of an older program are connected, by their process ids.
    case olderSessions([Int32])

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .edited(let number, let name):
            """
            migration \(number) (\(name)) was applied with another text than this program has: \
            a landed migration is never edited; use the program that this database was migrated with
            """
        case .newer(let applied, let known):
            """
            the database's schema is at version \(applied), this program knows up to \(known): \
            use a program of schema version \(applied) or later
            """
        case .editedObject(let name, let revision):
            """
            \(name) was put in place with another text than this program has, both of revision \
            \(revision): who edits its file raises the revision; use the program that this database \
            was migrated with
            """
        case .newerObject(let name, let revision, let known):
            """
            the database's \(name) is of revision \(revision), this program knows \
            \(known == 0 ? "none" : "up to \(known)"): use a program that has revision \(revision) \
            of \(name) or later
            """
        case .encoding(let name):
            """
            the database's encoding is \(name), which lacks characters that events have: create one \
            in UTF8, with \
            create database NAME encoding 'UTF8' locale 'C' template template0
            """
        case .notPermitted(let number, let name):
            "migration \(number) (\(name)) \(Self.permissions)"
        case .objectNotPermitted(let name):
            "putting \(name) in place \(Self.permissions)"
        case .finishNotPermitted:
            "taking older privileges away \(Self.permissions)"
        case .olderSessions(let processes):
            """
            \(processes.count == 1 ? "a session" : "\(processes.count) sessions") of an older program \
            \(processes.count == 1 ? "is" : "are") connected (process \
            \(processes.prefix(10).map(String.init).joined(separator: ", "))\
            \(processes.count > 10 ? ", …" : "")): stop the older processes, then repeat this; nothing \
            was changed
            """
        }
    }

    private static let permissions = """
        is not permitted to this user: connect as the owner of \
        the database with CREATEROLE, or have an administrator create the roles ledger_owner, \
        ledger_writer, ledger_projector, ledger_reader and ledger_sign_in (NOLOGIN) and grant them to this user
        """
}
