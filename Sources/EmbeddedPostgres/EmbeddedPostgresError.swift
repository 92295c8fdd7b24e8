/// Why there is no cluster to work with, and what to do about it.
public struct EmbeddedPostgresError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, for programs; the raw values are stable.
    public enum Code: String, Sendable {
        /// No PostgreSQL is installed.
        case postgresMissing = "postgres_missing"
        /// The installed PostgreSQL is older than ``EmbeddedPostgres/oldestVersion``.
        case postgresTooOld = "postgres_too_old"
        /// The data folder was made by a major version that is not installed or too old.
        case dataOfAnotherVersion = "data_of_another_version"
        /// The data folder cannot be created, reached or trusted.
        case dataFolderUnusable = "data_folder_unusable"
        /// Started as root, and there is no unprivileged user to run the server.
        case noUnprivilegedUser = "no_unprivileged_user"
        /// The user who would run the server has a number, but no name.
        case userWithoutName = "user_without_name"
        /// The server runs in another container or name space, and cannot be reached from here.
        case runsElsewhere = "runs_elsewhere"
        /// The folder for the socket belongs to somebody else or is open to others.
        case socketFolderUnsafe = "socket_folder_unsafe"
        /// `initdb` or the creation of the database failed.
        case creationFailed = "creation_failed"
        /// The server did not start.
        case startFailed = "start_failed"
        /// Something that is waited for did not happen in time.
        case timedOut = "timed_out"
    }

    /// What went wrong, for programs.
    public let code: Code

    /// What went wrong and what to do, for people, without health information.
    public let message: String

    /// The ``message``.
    public var description: String { message }
}
