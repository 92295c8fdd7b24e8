import Glibc
import Ledger
import NIOCore

/// How many files the process may have open, sockets among them, and what the service takes.
public enum OpenFiles {
    /// What the service takes besides the connections of its clients: for the database, for the loops
    /// that wait for sockets (three for each processor), and for what is open for a moment or always,
    /// such as keys, checkpoint logs and webhooks.
    private static let own = LedgerDatabase.mostConnections + 3 * System.coreCount + 24

    /// The fewest connections of clients that are worth serving.
    private static let fewestClients = 16

    /// Raises the limit as far as it may be.
    ///
    /// - Throws: ``TooFew`` where the service could not do its work.
    public static func raise() throws(TooFew) {
        let (limit, needed) = (raisedLimit(), own + fewestClients)
        guard limit >= needed else { throw TooFew(limit: limit, needed: needed) }
    }

    /// The most connections of clients at a time: as many as there may be files, but for some, and not
    /// more than memory should hold.
    ///
    /// Of few files it is half of what is left.
    /// A process without files does not live on: the system's own library of threads (libdispatch) ends
    /// it where it cannot open what it looks at from time to time.
    static var clients: Int {
        let limit = raisedLimit()
        return min(16_384, max(limit - 512, min(64, (limit - own) / 2), fewestClients))
    }

    private static func raisedLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        limit.rlim_cur = min(limit.rlim_max, 32_768)
        _ = setrlimit(resource, &limit)
        return Int(limit.rlim_cur)
    }

    /// That the process may open too few files for the service.
    public struct TooFew: Error, CustomStringConvertible {
        let limit: Int
        let needed: Int

        /// What is wrong and what to do.
        public var description: String {
            """
            this process may open \(limit) files and the service takes \(needed), connections among \
            them: raise the limit (ulimit -n 1024; LimitNOFILE=1024 of a systemd service)
            """
        }
    }
}
