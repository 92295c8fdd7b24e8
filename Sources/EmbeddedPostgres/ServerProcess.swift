internal import Glibc

/// A process of a cluster's server, as `/proc` shows it.
struct ServerProcess: Sendable, Hashable {
    let processID: pid_t
    let parentID: pid_t
    /// Whether its numbers are those of this process's name space, so that it can be signaled.
    let isHere: Bool

    /// The server processes that work in the cluster's folder, those of other name spaces included
    /// where they can be seen; none where there is no `/proc` that shows this process's name space.
    static func all(of cluster: String) -> [ServerProcess] {
        guard showsThisNameSpace, let folder = FileIdentity(cluster) else { return [] }
        let here = linkTarget("/proc/self/ns/pid")
        return namesInFolder("/proc").compactMap { pid_t($0) }.compactMap { processID in
            // Every process of a server works in its data directory.
            guard FileIdentity("/proc/\(processID)/cwd") == folder, isPostgres(processID),
                let parentID = parent(of: processID)
            else { return nil }
            let isHere = linkTarget("/proc/\(processID)/ns/pid") == here
            return ServerProcess(processID: processID, parentID: parentID, isHere: isHere)
        }
    }

    /// What a server that was killed has left here; none while the server lives.
    static func orphans(among processes: [ServerProcess]) -> [pid_t] {
        let here = processes.filter(\.isHere)
        let parents = Set(here.map(\.parentID))
        return here.contains { parents.contains($0.processID) } ? [] : here.map(\.processID)
    }

    /// Whether a number is that of a server of the cluster, and not of a process that got it since.
    ///
    /// - Returns: Nil if that cannot be seen, as when root may not look at other users' processes.
    static func isServer(_ processID: pid_t, of cluster: String) -> Bool? {
        guard kill(processID, 0) == 0 || errno == EPERM else { return false }
        guard showsThisNameSpace else { return nil }
        guard isPostgres(processID) else { return false }
        if let folder = FileIdentity("/proc/\(processID)/cwd") {
            return folder == FileIdentity(cluster)
        }
        let mayLook = errno != EACCES && errno != EPERM
        let owner = FileStatus("/proc/\(processID)")?.owner
        return mayLook || owner != FileStatus(cluster)?.owner ? false : nil
    }

    /// `/proc` may be that of another name space, where this process has another number.
    private static var showsThisNameSpace: Bool {
        linkTarget("/proc/self") == "\(getpid())"
    }

    private static func isPostgres(_ processID: pid_t) -> Bool {
        // A process that is ending has its name still, but not its memory, nor this link.
        if let program = linkTarget("/proc/\(processID)/exe").map({ splitPath($0).name }) {
            return program == "postgres" || program == "postgres (deleted)"
        }
        guard errno == EACCES || errno == EPERM else { return false }
        return readSmallFile("/proc/\(processID)/comm") == "postgres\n"
    }

    private static func parent(of processID: pid_t) -> pid_t? {
        // "4711 (postgres) S 4710 …"; the name may hold anything.
        guard let text = readSmallFile("/proc/\(processID)/stat"),
            let name = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        return fields.count > 1 ? pid_t(fields[1]) : nil
    }
}

/// The name space that a server was started in, which says what the number in its file means.
///
/// A server is given it as a setting, and writes that to `postmaster.opts` with all the others. One
/// without it was started by something else: by the program of before, which had no
/// ``ServerLock``, or by hand.
enum NameSpace {
    static let setting = "episode_ledger.name_space"

    /// That of this process; empty where it cannot be told.
    static var current: String { linkTarget("/proc/self/ns/pid") ?? "" }

    static func optionsFile(in cluster: String) -> String { "\(cluster)/postmaster.opts" }

    /// That of the server that was started last; nil if it was started without a lock.
    static func ofServer(in cluster: String) -> String? {
        guard let options = readSmallFile(optionsFile(in: cluster)),
            let start = options.firstRange(of: "\(setting)=")?.upperBound
        else { return nil }
        return String(options[start...].prefix { $0 != "\"" })
    }
}
