import Glibc
import Testing

@testable import EmbeddedPostgres

/// What another container is to the kernel: name spaces of its own for processes, shared memory and
/// mounts.
enum OtherContainer {
    /// The words that run a command in one that shares `/tmp`; it dies with its first process.
    static let sharingTmp = [
        "/usr/bin/unshare", "--pid", "--ipc", "--fork", "--kill-child", "--mount", "--mount-proc",
    ]

    /// The words that run a command in one that has a `/tmp` of its own.
    static let withOwnTmp = sharingTmp + shell("mount -t tmpfs tmpfs /tmp")

    /// The words that run a command in one where another folder has the name of `folder`.
    static func seeing(_ other: String, as folder: String) -> [String] {
        sharingTmp + shell("mount --bind '\(other)' '\(folder)'")
    }

    private static func shell(_ preparation: String) -> [String] {
        ["/bin/sh", "-c", "\(preparation) && exec \"$@\"", "sh"]
    }

    static let isNeeded: ConditionTrait = .enabled("unshare is not permitted here") {
        guard geteuid() == 0 else { return false }
        let words = withOwnTmp + ["/bin/true"]
        return try await Command(words[0], Array(words.dropFirst())).run().succeeded
    }

    static let othersCanRunThePrograms: ConditionTrait = .enabled(
        "only root runs programs as another user, who must be able to read the build's folder"
    ) {
        guard geteuid() == 0, let nobody = SystemUser(named: "nobody") else { return false }
        var command = Command("/bin/sh", ["-c", "test -r \"$1\"", "sh", try UserProcess.program])
        command.user = nobody
        return try await command.run().succeeded
    }
}

/// A user of a cluster as the program was before it had ``ServerLock``.
struct OlderUser {
    let process: UserProcess
    let socketFolder: String

    /// Makes the cluster, and starts its server without the lock; returns when it runs.
    init(of folder: ClusterFolder, within container: [String]) async throws {
        try await folder.use { try await psql($0, "checkpoint") }
        let user = try SystemUser.clusterUser(forFolderOf: geteuid())
        socketFolder = "/tmp/.epl-\(user.userID)-\(shortHash(folder.path))"
        let asUser = user == .current ? [] : Command.words(toRunAs: user)
        let settings = """
            -c listen_addresses= -c fsync=off -c unix_socket_permissions=0700 \
            -c unix_socket_directories=\(socketFolder)
            """
        let script = """
            exec 9<'\(folder.path)/users.lock' && flock -s 9 && cd '\(folder.cluster)' || exit
            run() { \(asUser.joined(separator: " ")) "$@" 9<&- </dev/null; }
            run mkdir -m 700 -p '\(socketFolder)' && run '\(try await installation().program("pg_ctl"))' \
                start -D . -w -s -l '\(ServerLog.name)' -o '\(settings)' && echo ready && cat
            """
        process = try UserProcess(running: container + ["/bin/sh", "-c", script])
        let line = try await process.firstLine()
        try #require(line == "ready")
    }
}
