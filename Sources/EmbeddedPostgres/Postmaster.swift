internal import Glibc

/// What `postmaster.pid` says about the server of a cluster.
struct Postmaster: Sendable, Hashable {
    let processID: pid_t
    /// Nil until the server has opened its socket.
    let socketFolder: String?
    let port: Int
    /// `starting`, `ready`, `stopping` and so on; empty early on.
    let status: String

    static func fileName(in cluster: String) -> String { "\(cluster)/postmaster.pid" }

    /// Reads the lines of the file.
    ///
    /// They are: process, data directory, start time, port, socket folder, TCP address, shared
    /// memory, status. A server writes the later ones as it gets that far.
    init?(file text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // A standalone backend, as used when the cluster is made, writes a negative number.
        guard let first = lines.first, let number = pid_t(first), number != 0 else { return nil }
        processID = abs(number)
        port = lines.count > 3 ? Int(lines[3]) ?? 0 : 0
        socketFolder = lines.count > 4 && !lines[4].isEmpty ? String(lines[4]) : nil
        status = lines.count > 7 ? String(lines[7].prefix { $0 != " " }) : ""
    }

    var connection: ConnectionString? {
        socketFolder.map { ConnectionString(socketFolder: $0, port: port) }
    }

    /// The state of a cluster's server.
    enum State: Sendable, Hashable {
        case stopped
        /// The server was killed and has left its file.
        case died(Postmaster)
        case running(Postmaster)
    }

    static func state(of cluster: String) -> State {
        guard let text = readSmallFile(fileName(in: cluster)) else { return .stopped }
        guard let postmaster = Postmaster(file: text) else {
            // Just being written, or cut short by a power failure: PostgreSQL sorts that out.
            return .stopped
        }
        return isServer(postmaster.processID, of: cluster)
            ? .running(postmaster) : .died(postmaster)
    }

    /// Whether a process is a server of the cluster, and not one that got the number of a dead one.
    private static func isServer(_ processID: pid_t, of cluster: String) -> Bool {
        guard exists(processID) else { return false }
        // Every process of a server works in its data directory.
        if let folder = linkTarget("/proc/\(processID)/cwd") { return folder == cluster }
        return errno != ENOENT
    }

    static func exists(_ processID: pid_t) -> Bool {
        kill(processID, 0) == 0 || errno == EPERM
    }

    /// Server processes that work in the cluster's folder; none where there is no `/proc`.
    ///
    /// - Parameter includingTools: Also whatever else works there, such as a `pg_ctl` that has not
    ///   become a server yet.
    static func processes(of cluster: String, includingTools: Bool = false) -> [pid_t] {
        namesInFolder("/proc").compactMap { pid_t($0) }.filter { processID in
            guard linkTarget("/proc/\(processID)/cwd") == cluster else { return false }
            let program = linkTarget("/proc/\(processID)/exe").map { splitPath($0).name }
            return includingTools || program == "postgres"
        }
    }
}
