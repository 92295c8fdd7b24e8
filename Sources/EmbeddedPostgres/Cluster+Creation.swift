internal import Glibc

extension Cluster {
    /// The major version of PostgreSQL that made the cluster; nil if there is none.
    func dataVersion() -> Int? {
        readSmallFile("\(location.cluster)/PG_VERSION")
            .flatMap { Int($0.prefix(while: \.isNumber)) }
    }

    /// Makes a cluster with its database, beside its place, and moves it there when it is complete.
    func create(with installation: Installation) async throws {
        guard FileStatus(location.cluster) == nil else {
            throw EmbeddedPostgresError(
                code: .dataFolderUnusable,
                message:
                    "\(location.cluster) exists, but is not a cluster. Remove it or choose another folder."
            )
        }
        guard SystemUser(userID: location.user.userID) != nil else {
            throw EmbeddedPostgresError.nameless(location.user.userID)
        }
        log("creating a PostgreSQL \(installation.majorVersion) cluster in \(location.cluster)")
        await removeUnfinished()
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        let unfinished = "\(location.folder)/\(location.unfinishedClusterPrefix)\(random)"
        guard mkdir(unfinished, 0o700) == 0 else {
            throw EmbeddedPostgresError.unusable("\(unfinished) cannot be made", errno)
        }
        do {
            try giveFolder(unfinished, to: location.user)
            try await fill(unfinished, with: installation)
        } catch {
            await Task { await removeUnfinished() }.value
            throw error
        }
        guard rename(unfinished, location.cluster) == 0 else {
            throw EmbeddedPostgresError.unusable("\(location.cluster) cannot be made", errno)
        }
        flushFolder(location.folder)
    }

    private func fill(_ folder: String, with installation: Installation) async throws {
        func step(_ program: String, _ arguments: [String], input: String = "") async throws {
            var command = Command(program, arguments)
            command.user = location.commandUser
            command.folder = folder
            command.input = input
            command.timeout = options.startTimeout
            let result = try await bounded(command)
            guard result.succeeded else {
                let reason = result.output.split(separator: "\n").suffix(3).joined(separator: " ")
                throw EmbeddedPostgresError(
                    code: .creationFailed,
                    message: "\(splitPath(program).name) failed in \(location.folder): \(reason)"
                )
            }
        }
        // "trust": who can open the socket may connect. Its folder and the socket itself are open to
        // the cluster's user and root only, both of whom could read the data files anyway, and there
        // is no other way in.
        try await step(
            installation.program("initdb"),
            [
                "-D", ".", "--username=\(Self.userName)", "--auth=trust", "--encoding=UTF8",
                "--locale=C.UTF-8", "--data-checksums", "--no-instructions", "--no-sync",
            ]
        )
        try await step(
            "/bin/sh",
            ["-c", "cat >> postgresql.conf"],
            input: "\n# EpisodeLedger\n" + ServerSettings.file(ServerSettings.initial)
        )
        try await step(
            installation.program("postgres"),
            ["--single", "-D", ".", "-c", "exit_on_error=on", "postgres"],
            input: "create database \(Self.databaseName);\n"
        )
        if options.flushesToDisk {
            try await step(installation.program("initdb"), ["-D", ".", "--sync-only"])
        }
    }

    /// Removes what processes that were killed while they made a cluster have left.
    private func removeUnfinished() async {
        let names = namesInFolder(location.folder)
            .filter { $0.hasPrefix(location.unfinishedClusterPrefix) }
        guard !names.isEmpty else { return }
        // If an orphan still writes there, some may stay, for the next time.
        let paths = names.map { "\(location.folder)/\($0)" }
        _ = try? await Command("/bin/rm", ["-rf", "--"] + paths).run()
    }
}
