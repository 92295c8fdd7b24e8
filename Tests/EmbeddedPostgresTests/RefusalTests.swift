import Glibc
import Testing

@testable import EmbeddedPostgres

@Suite("What cannot work is refused with what to do about it")
struct RefusalTests {
    @Test("Data of another major version is refused, naming both versions, and left alone")
    func otherVersion() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { _ in }
            let version = try await installation().majorVersion
            try replace("\(folder.cluster)/PG_VERSION", with: "14\n")
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await folder.use { _ in Issue.record("ran on data of another version") }
            }
            #expect(error?.code == .dataOfAnotherVersion)
            #expect(error?.message.contains("PostgreSQL 14") == true)
            #expect(error?.message.contains("PostgreSQL \(version)") == true)
            #expect(error?.message.contains("pg_upgrade") == true)
            #expect(folder.runningServer == nil)
            #expect(readSmallFile("\(folder.cluster)/PG_VERSION") == "14\n")
        }
    }

    @Test("Without PostgreSQL, the error names the package to install")
    func missingPostgres() async throws {
        try await ClusterFolder.with { folder in
            var options = folder.options
            options.locator = InstallationLocator(folders: ["/nonexistent", folder.parent])
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await EmbeddedPostgres.withCluster(options) { _ in }
            }
            #expect(error?.code == .postgresMissing)
            #expect(error?.message.contains("apt-get install postgresql") == true)
        }
    }

    @Test("A PostgreSQL that is too old is refused, naming the version needed")
    func oldPostgres() async throws {
        try await ClusterFolder.with { folder in
            try await pretendInstallation(version: "14.2", in: folder.parent)
            var options = folder.options
            options.locator = InstallationLocator(folders: [folder.parent])
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await EmbeddedPostgres.withCluster(options) { _ in }
            }
            #expect(error?.code == .postgresTooOld)
            #expect(error?.message.contains("PostgreSQL 15 or later") == true)
            #expect(error?.message.contains("PostgreSQL 14 (\(folder.parent))") == true)
        }
    }

    @Test("Of several installations, the one that made the data is taken")
    func matchingInstallation() async throws {
        try await ClusterFolder.with { folder in
            let real = try await installation()
            try await pretendInstallation(version: "99beta1", in: folder.parent)
            let locator = InstallationLocator(folders: [folder.parent, real.folder])
            let forNewData = try await locator.installation(for: nil, in: folder.cluster)
            #expect(forNewData == Installation(folder: folder.parent, majorVersion: 99))
            let version = real.majorVersion
            #expect(try await locator.installation(for: version, in: folder.cluster) == real)
        }
    }

    @Test("A start that fails tells the server's reason, and leaves nothing running")
    func failingStart() async throws {
        try await ClusterFolder.with { folder in
            var options = folder.options
            options.settings = [("shared_buffers", "nonsense")]
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await EmbeddedPostgres.withCluster(options) { _ in }
            }
            #expect(error?.code == .startFailed)
            #expect(error?.message.contains("\"shared_buffers\": \"nonsense\"") == true)
            #expect(folder.runningServer == nil)
            try await folder.expect()
        }
    }

    @Test("A socket folder that others may use is refused")
    func unsafeSocketFolder() async throws {
        try await ClusterFolder.with { folder in
            let used = try await folder.use { $0.socketFolder }
            try #require(mkdir(used, 0o777) == 0)
            defer { rmdir(used) }
            try #require(chmod(used, 0o777) == 0)
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await folder.use { _ in }
            }
            #expect(error?.code == .socketFolderUnsafe)
            #expect(error?.message.contains(used) == true)
            #expect(folder.runningServer == nil)
        }
    }

    @Test("The data directory of another server is no data folder")
    func foreignDataDirectory() async throws {
        try await ClusterFolder.with { folder in
            try await folder.use { _ in }
            var options = folder.options
            options.dataDirectory = folder.cluster
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await EmbeddedPostgres.withCluster(options) { _ in }
            }
            #expect(error?.code == .dataFolderUnusable)
        }
    }

    @Test("A name with control characters is no data folder", arguments: ["", "a\nb", "a\0b"])
    func impossibleName(name: String) async throws {
        let options = EmbeddedPostgres.Options(dataDirectory: name)
        let error = await #expect(throws: EmbeddedPostgresError.self) {
            try await EmbeddedPostgres.withCluster(options) { _ in }
        }
        #expect(error?.code == .dataFolderUnusable)
    }
}

@Suite("Root's clusters", .enabled(if: geteuid() == 0, "only root hands over to another user"))
struct RootTests {
    @Test("Where the server's user cannot reach the data folder, the cluster lies elsewhere")
    func unreachableFolder() async throws {
        try await ClusterFolder.with(subfolder: "closed/data") { folder in
            let closed = "\(folder.parent)/closed"
            try #require(mkdir(closed, 0o700) == 0)
            try await folder.use { try await psql($0, "create table kept as select 7 as n") }
            let away = "\(folder.options.systemFolder)/\(shortHash(folder.path))"
            #expect(FileStatus("\(away)/postgresql/PG_VERSION")?.isRegularFile == true)
            #expect(linkTarget(folder.cluster) == "\(away)/postgresql")

            // Found again after the folder was moved, and by its path after the link was lost.
            let moved = ClusterFolder(path: "\(closed)/moved", parent: folder.parent)
            try #require(rename(folder.path, moved.path) == 0)
            try await moved.expect("select n from kept", gives: "7")
            try await folder.expect("select n from kept", gives: "7")

            // Also when the folder can be reached later on.
            try #require(chmod(closed, 0o755) == 0)
            try await folder.expect("select n from kept", gives: "7")
        }
    }

    @Test("A cluster whose stand-in is out of sight is not replaced by an empty one")
    func standInOutOfSight() async throws {
        try await ClusterFolder.with(subfolder: "closed/data") { folder in
            try #require(mkdir("\(folder.parent)/closed", 0o700) == 0)
            try await folder.use { try await psql($0, "create table kept as select 7 as n") }
            let system = folder.options.systemFolder
            try #require(rename(system, "\(system).away") == 0)
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await folder.use { _ in }
            }
            #expect(error?.code == .dataFolderUnusable)
            #expect(error?.message.contains("\(system)/") == true)
            try #require(rename("\(system).away", system) == 0)
            try await folder.expect("select n from kept", gives: "7")
        }
    }

    @Test(
        "A user without a name is told to get one, as PostgreSQL cannot make a cluster for it",
        OtherContainer.othersCanRunThePrograms
    )
    func namelessUser() async throws {
        try await ClusterFolder.with { folder in
            let nameless = SystemUser(name: "", userID: 54321, groupID: 54321)
            try #require(SystemUser(userID: nameless.userID) == nil)
            let words = Command.words(toRunAs: nameless).map {
                $0 == "--init-groups" ? "--clear-groups" : $0
            }
            let process = try UserProcess(using: folder, within: words)
            let line = try await process.firstLine()
            #expect(line.hasPrefix("failed: The user 54321 has no name"), "\(line)")
            #expect(line.contains("useradd --no-create-home --uid 54321"))
            #expect(try await process.leave() == 1)
        }
    }

    @Test(
        "Root is told which user to make where there is none to run the server",
        OtherContainer.isNeeded
    )
    func nobodyToRun() async throws {
        try await ClusterFolder.with { folder in
            let script = """
                echo 'root:x:0:0::/:/bin/sh' > "$0/passwd" && echo 'passwd: files' > "$0/nsswitch" \
                && mount --bind "$0/passwd" /etc/passwd \
                && mount --bind "$0/nsswitch" /etc/nsswitch.conf && exec "$@"
                """
            let words = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, folder.parent]
            for name in ["passwd", "nsswitch"] {
                try await writeProgram("", to: "\(folder.parent)/\(name)")
            }
            let process = try UserProcess(using: folder, within: words)
            let line = try await process.firstLine()
            #expect(line.contains("useradd --system postgres"), "\(line)")
            #expect(try await process.leave() == 1)
        }
    }

    @Test("Without a data folder of its own kind, the stand-in is in /var/lib/episode-ledger")
    func systemFolder() {
        #expect(EmbeddedPostgres.Options().systemFolder == "/var/lib/episode-ledger")
    }

    @Test("A cluster that its user can no longer reach is not replaced by an empty one")
    func noLongerReachable() async throws {
        try await ClusterFolder.with(subfolder: "closed/data") { folder in
            try await folder.use { _ in }
            try #require(chmod("\(folder.parent)/closed", 0o700) == 0)
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await folder.use { _ in }
            }
            #expect(error?.code == .dataFolderUnusable)
        }
    }

    @Test("In a folder of another user, that user runs the server and owns every file")
    func folderOfAnotherUser() async throws {
        try await ClusterFolder.with { folder in
            let nobody = try #require(SystemUser(named: "nobody"))
            try #require(mkdir(folder.path, 0o700) == 0)
            try #require(chown(folder.path, nobody.userID, nobody.groupID) == 0)
            try await folder.use { _ in
                let server = try #require(folder.runningServer)
                #expect(FileStatus("/proc/\(server)")?.owner == nobody.userID)
            }
            for name in namesInFolder(folder.path) {
                #expect(FileStatus("\(folder.path)/\(name)")?.owner == nobody.userID, "\(name)")
            }
        }
    }
}

private func replace(_ path: String, with text: String) throws {
    let descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(write(descriptor, text, text.utf8.count) == text.utf8.count)
}

/// Lays scripts that pass for the programs of a PostgreSQL.
private func pretendInstallation(version: String, in folder: String) async throws {
    for program in Installation.neededPrograms {
        let script = "#!/bin/sh\necho 'postgres (PostgreSQL) \(version)'\n"
        try await writeProgram(script, to: "\(folder)/\(program)")
    }
}
