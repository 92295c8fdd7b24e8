internal import Glibc

/// The programs of one installed PostgreSQL.
struct Installation: Sendable, Hashable {
    /// The absolute folder with `postgres`, `initdb`, `pg_ctl`, `pg_isready` and `psql`.
    let folder: String
    let majorVersion: Int

    func program(_ name: String) -> String { "\(folder)/\(name)" }

    static let neededPrograms = ["postgres", "initdb", "pg_ctl", "pg_isready", "psql"]
}

/// Finds installed PostgreSQL programs.
public struct InstallationLocator: Sendable {
    /// Absolute folders that may hold the programs, the preferred one first.
    let candidates: @Sendable () async -> [String]

    /// Looks where `pg_config --bindir` says, in the usual folders (newest version first), in `PATH`.
    public static let system = InstallationLocator(candidates: systemFolders)

    /// Looks in the given absolute folders only, the preferred one first.
    public init(folders: [String]) {
        self.init(candidates: { folders })
    }

    init(candidates: @escaping @Sendable () async -> [String]) {
        self.candidates = candidates
    }

    /// The installation to use.
    ///
    /// - Parameter dataVersion: The major version that wrote the data, which no other can read;
    ///   nil when there is no data yet.
    func installation(for dataVersion: Int?, in dataFolder: String) async throws -> Installation {
        let found = await installations()
        guard !found.isEmpty else { throw Self.missing }
        let usable = found.filter { $0.majorVersion >= EmbeddedPostgres.oldestVersion }
        if let dataVersion {
            if let match = usable.first(where: { $0.majorVersion == dataVersion }) { return match }
            throw Self.otherVersion(dataVersion, in: dataFolder, installed: found)
        }
        guard let newest = usable.first else {
            throw EmbeddedPostgresError(
                code: .postgresTooOld,
                message: """
                    PostgreSQL \(EmbeddedPostgres.oldestVersion) or later is needed; installed is \
                    \(Self.list(found)). Install a newer one, or name a database with --database.
                    """
            )
        }
        return newest
    }

    private func installations() async -> [Installation] {
        var found: [Installation] = []
        for folder in await candidates() where !found.contains(where: { $0.folder == folder }) {
            let programs = Installation.neededPrograms.map { "\(folder)/\($0)" }
            guard programs.allSatisfy({ access($0, X_OK) == 0 }) else { continue }
            guard let version = await majorVersion(of: "\(folder)/postgres") else { continue }
            found.append(Installation(folder: folder, majorVersion: version))
        }
        return found
    }

    private static let missing = EmbeddedPostgresError(
        code: .postgresMissing,
        message: """
            PostgreSQL is not installed. Install it (Debian, Ubuntu: apt-get install postgresql; \
            Fedora: dnf install postgresql-server; macOS: brew install postgresql), version \
            \(EmbeddedPostgres.oldestVersion) or later, or name a database with --database.
            """
    )

    private static func otherVersion(
        _ dataVersion: Int,
        in dataFolder: String,
        installed: [Installation]
    ) -> EmbeddedPostgresError {
        let remedy =
            dataVersion >= EmbeddedPostgres.oldestVersion
            ? "Install that version (Debian, Ubuntu: apt-get install postgresql-\(dataVersion)), "
                + "move the data to the installed one with pg_upgrade, or choose another folder."
            : "PostgreSQL \(EmbeddedPostgres.oldestVersion) or later is needed: move the data to "
                + "it with pg_upgrade, or choose another folder."
        return EmbeddedPostgresError(
            code: .dataOfAnotherVersion,
            message: """
                \(dataFolder) holds data of PostgreSQL \(dataVersion), but installed is \
                \(list(installed)), which cannot read it. \(remedy)
                """
        )
    }

    private static func list(_ installations: [Installation]) -> String {
        installations.map { "PostgreSQL \($0.majorVersion) (\($0.folder))" }.joined(separator: ", ")
    }
}

/// The major version that `postgres --version` prints, or nil if it does not run.
private func majorVersion(of postgres: String) async -> Int? {
    guard let result = try? await Command(postgres, ["--version"]).run(), result.succeeded else {
        return nil
    }
    // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "postgres (PostgreSQL) 18beta1"
    let words = result.output.split(separator: " ")
    guard words.count >= 3 else { return nil }
    return Int(words[2].prefix(while: \.isNumber))
}

@Sendable
private func systemFolders() async -> [String] {
    let path = (getenv("PATH").map { String(cString: $0) } ?? "")
        .split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    var folders: [String] = []
    let configuration = path.map { folder in "\(folder)/pg_config" }
    if let configured = configuration.first(where: { access($0, X_OK) == 0 }),
        let result = try? await Command(configured, ["--bindir"]).run(), result.succeeded
    {
        folders.append(String(result.output.prefix { !$0.isNewline }))
    }
    folders += versionedFolders("/usr/lib/postgresql/", "/bin")
    folders += versionedFolders("/usr/pgsql-", "/bin")
    folders += ["/usr/local/pgsql/bin", "/usr/local/bin"]
    for cellar in ["/opt/homebrew/opt/postgresql@", "/usr/local/opt/postgresql@"] {
        folders += versionedFolders(cellar, "/bin")
    }
    return folders + path
}

/// Existing folders `<prefix><number><suffix>`, the highest number first.
private func versionedFolders(_ prefix: String, _ suffix: String) -> [String] {
    let (parent, start) = splitPath(prefix)
    return namesInFolder(parent.isEmpty ? "/" : parent)
        .compactMap { $0.hasPrefix(start) ? Int($0.dropFirst(start.count)) : nil }
        .sorted(by: >)
        .map { "\(prefix)\($0)\(suffix)" }
}
