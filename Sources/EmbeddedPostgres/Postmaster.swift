internal import Glibc

/// What `postmaster.pid` says about the server of a cluster.
struct Postmaster: Sendable, Hashable {
    /// Its number in the name space that it was started in.
    let processID: pid_t
    /// Nil until the server has opened its socket.
    let socketFolder: String?
    let port: Int
    /// `starting`, `ready`, `stopping` and so on; empty early on.
    let status: String

    static func fileName(in cluster: String) -> String { "\(cluster)/postmaster.pid" }

    /// Reads the file of a cluster; nil if there is none, or none that makes sense: it is just being
    /// written, or was cut short by a power failure.
    init?(of cluster: String) {
        guard let text = readSmallFile(Self.fileName(in: cluster)) else { return nil }
        self.init(file: text)
    }

    /// Reads the lines of the file.
    ///
    /// They are: process, data directory, start time, port, socket folder, TCP address, shared
    /// memory, status. A server writes the later ones as it gets that far.
    init?(file text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // A standalone backend, as used when the cluster is made, writes a negative number.
        guard let first = lines.first, let number = pid_t(first), number != 0, number != .min
        else { return nil }
        processID = abs(number)
        port = lines.count > 3 ? Int(lines[3]) ?? 0 : 0
        socketFolder = lines.count > 4 && !lines[4].isEmpty ? String(lines[4]) : nil
        status = lines.count > 7 ? String(lines[7].prefix { $0 != " " }) : ""
    }

    var connection: ConnectionString? {
        socketFolder.map { ConnectionString(socketFolder: $0, port: port) }
    }
}
