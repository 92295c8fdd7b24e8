internal import Glibc

/// What is known of a cluster's server.
///
/// ``ServerLock`` decides whether one lives. What the files and `/proc` say only tells which, since a
/// process number means nothing in another name space, and may be that of any process after a crash.
enum ServerState {
    /// No process of a server lives, and none can come while the lock is held.
    case stopped(ServerLock)
    /// A server that can be signaled from here.
    case running(Postmaster)
    /// A server that was started in another name space, such as another container.
    case elsewhere(Postmaster)
    /// Something lives: a server that is beginning or ending, or what a killed one has left.
    case unsettled(orphans: [pid_t])

    /// Looks at a cluster that is there.
    init(of cluster: String) throws {
        let lock = try ServerLock(cluster: cluster)
        let isFree = lock.attempt()
        let postmaster = Postmaster(of: cluster)
        let nameSpace = NameSpace.ofServer(in: cluster)
        let startedHere = nameSpace == NameSpace.current
        if let postmaster,
            ServerProcess.isServer(postmaster.processID, of: cluster) ?? (!isFree && startedHere)
        {
            self = .running(postmaster)
            return
        }
        if !isFree, nameSpace != nil, !startedHere, let postmaster {
            self = .elsewhere(postmaster)
            return
        }
        // Without the lock, too: those of a server that was started without it.
        let processes = ServerProcess.all(of: cluster)
        if isFree, processes.allSatisfy({ !$0.isHere }) {
            self = .stopped(lock)
        } else {
            self = .unsettled(orphans: ServerProcess.orphans(among: processes))
        }
    }

    var isStopped: Bool {
        if case .stopped = self { return true }
        return false
    }

    var isUnsettled: Bool {
        if case .unsettled = self { return true }
        return false
    }
}
