import CareEpisode
import Ledger
import Migrations
import Postgres

/// What makes a command end otherwise than done.
enum Failure: Error, CustomStringConvertible {
    /// Input was refused; the reasons have been printed.
    case refused
    /// An operation failed, for this reason.
    case failed(String)
    /// The database's schema is older than this program's.
    case olderSchema(applied: Int, outdated: [String])
    /// Something was changed; what has been printed.
    case verificationFailed
    /// A replica has not got to what was to be verified; that has been printed.
    case notThereYet(ReplicaShortfall)

    var description: String {
        switch self {
        case .refused: "input was refused"
        case .verificationFailed: "the verification failed"
        case .notThereYet(let shortfall): shortfall.description
        case .failed(let reason): reason
        case .olderSchema(Migration.all.count, let outdated):
            "the database lacks this program's revision of \(outdated.joined(separator: ", ")): "
                + "run `episode-ledger migrate`"
        case .olderSchema(let applied, _):
            "the database's schema is at version \(applied) and this program needs version "
                + "\(Migration.all.count): run `episode-ledger migrate`"
        }
    }

    /// Prints what went wrong on standard error.
    ///
    /// - Returns: the status to end with.
    static func report(_ error: any Error, isEndedBySignal: Bool) -> ExitStatus {
        switch error {
        case Failure.refused: return .refused
        case Failure.verificationFailed: return .failed
        case Failure.notThereYet: return .notThereYet
        case is CancellationError: return isEndedBySignal ? .done : .interrupted
        case let error as PostgresError where error.code == .cancelled:
            return isEndedBySignal ? .done : .interrupted
        case let error as PostgresError where error.code == .connectionFailed:
            // Says which host and why, and holds no values.
            let reason = error.message.map { ": \($0.message)" } ?? ""
            Console.note("error: \(error)\(reason)")
        case let error as PostgresError where error.sqlState == .insufficientPrivilege:
            Console.note("error: \(notPermitted)")
        case AppendError.database(sqlState: SQLState.insufficientPrivilege.rawValue):
            Console.note("error: \(notPermitted)")
        case let error as PostgresError where error.sqlState?.rawValue == "42P05":
            // duplicate_prepared_statement: somebody else's session was lent.
            let advice = "behind a pooler in transaction mode, use --transaction-pooling"
            Console.note("error: \(error): \(advice)")
        case let error as PostgresError
        where error.sqlState == .readOnlyTransaction || error.sqlState == .featureNotSupported:
            // A standby says the one of a write and the other of beginning to write.
            let advice = "if this is a standby, ask the primary, or for what was known at a time"
            Console.note("error: \(error): \(advice)")
        case let error as PostgresError
        where error.sqlState == .serializationFailure || error.sqlState == .deadlockDetected:
            // What is read here takes no part in a conflict of transactions: a standby has cancelled it,
            // however often it was begun again.
            Console.note("error: \(error): \(conflict)")
        case let error as PostgresError where error.isAboutEncoding:
            let advice = "the database's encoding lacks a character of what was given"
            Console.note("error: \(error): \(advice)")
        case let error as PostgresError where error.sqlState?.rawValue == "58P01":
            // undefined_file.
            let advice = "a file of the database server is missing: see its log, restore a backup"
            Console.note("error: \(error): \(advice)")
        case let refusal as Refusal:
            for error in refusal.errors { Console.note("error: \(error)") }
            return .refused
        default:
            Console.note("error: \(error)")
        }
        return .failed
    }

    private static let notPermitted = """
        the database does not permit this to its user: reading takes the role ledger_reader, \
        appending ledger_writer, filling read models ledger_projector, signing in to the pages \
        ledger_sign_in; creating ledgers takes ledger_owner, and migrating the owner of the database. \
        A dump without roles (pg_dump) brings none of that: restore the roles too \
        (pg_dumpall --globals-only), or as superuser: grant ledger_owner, ledger_writer, \
        ledger_projector, ledger_reader, ledger_sign_in to the user
        """

    private static let conflict = """
        a standby cancels what holds up the changes that arrive from the primary: try again, \
        ask the primary, or set max_standby_streaming_delay or hot_standby_feedback there
        """
}
