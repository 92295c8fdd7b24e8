import Glibc
import TransparencyLog

/// The files of an exported log: C2SP tlog-tiles in a folder.
struct ExportFolder: Sendable {
    let path: String
    /// Whether what is written, health information among it, is for its owner alone.
    var isPrivate = false

    /// The signed note, written last.
    static let checkpoint = "checkpoint"
    /// The public keys, one a line: the log's own and those of logs before it.
    static let verifierKeys = "verifier-keys"
    /// Notes that declare restores, where there were any.
    static let declarations = "restore-declarations"
    /// The folders with a line for each entry: of events, and of the access log.
    static let (events, rows) = ("events", "rows")
    /// The folder with rows of read models.
    static let readModels = "read-models"
    /// How much of one file is read.
    static let fileLimit = 1 << 28
    /// How much of the declarations of restores is read.
    static let declarationsLimit = 1 << 20

    init(_ path: String) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    /// How many files are looked through for what was not finished.
    private static let mostFiles = 1 << 24

    /// The path of the events that go with a bundle of entries.
    static func eventsPath(_ tile: TileID) -> String { linesPath(events, tile) }

    /// The path of the lines that go with a bundle of entries, in a folder of such lines.
    static func linesPath(_ folder: String, _ tile: TileID) -> String {
        "\(folder)/\(TileID.path(tile.number))\(tile.suffix)"
    }

    /// The bytes of a file; nil where there is none.
    ///
    /// - Parameter limit: the most that it may have; of a longer one, one byte more.
    func read(_ name: String, limit: Int) throws -> [UInt8]? {
        var status = stat()
        let file = "\(path)/\(name)"
        guard stat(file, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw PrivateFile.failure(file)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SealError.file(file, reason: "not a file")
        }
        return try PrivateFile.read(file, limit: min(Int(status.st_size), limit + 1))
    }

    /// The names of everything below the folder but folders, from it: `tile/0/000`.
    ///
    /// - Parameter limit: the most there may be.
    /// - Throws: ``SealError/file(_:reason:)``, also where there are more, and where something is
    ///   neither a file nor a folder.
    func names(limit: Int) throws -> [String] {
        var names: [String] = []
        var folders = [""]
        var count = 0
        while let folder = folders.popLast() {
            guard let entries = Self.entries(of: "\(path)/\(folder)", atMost: limit + 1) else {
                throw PrivateFile.failure("\(path)/\(ZipArchive.shown(folder))")
            }
            for name in entries {
                count += 1
                guard count <= limit else {
                    throw SealError.file(path, reason: "there is more in it than \(limit) files")
                }
                var status = stat()
                let place = folder + name
                let isThere = lstat("\(path)/\(place)", &status) == 0
                switch status.st_mode & S_IFMT {
                case S_IFDIR where isThere: folders.append(place + "/")
                case S_IFREG where isThere: names.append(place)
                default:
                    throw SealError.file(
                        "\(path)/\(ZipArchive.shown(place))",
                        reason: "it is not a file"
                    )
                }
            }
        }
        return names
    }

    /// The names of what is in a folder; nil where it cannot be read.
    private static func entries(of folder: String, atMost limit: Int) -> [String]? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < limit, let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Whether there is a file or folder of a name.
    func has(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

    /// Writes a file, whole or not at all.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = "\(path)/\(name)"
        let new = PrivateFile.unfinished(file)
        let mode: mode_t = isPrivate ? 0o600 : 0o644
        var descriptor = PrivateFile.create(new, mode: mode)
        if descriptor < 0, errno == ENOENT {
            try PrivateFile.makeFolder(of: file, mode: isPrivate ? 0o700 : 0o755)
            descriptor = PrivateFile.create(new, mode: mode)
        }
        guard descriptor >= 0 else { throw PrivateFile.failure(new) }
        defer { close(descriptor) }
        try PrivateFile.write(bytes, to: descriptor, new, at: 0)
        guard rename(new, file) == 0 else { throw PrivateFile.failure(file) }
    }

    /// Takes the folders with health information from everybody else: an export that is added to may
    /// be of a version that left them open.
    func hide() throws {
        for name in [Self.events, Self.rows, Self.readModels] where has(name) {
            let folder = "\(path)/\(name)"
            guard chmod(folder, 0o700) == 0 else { throw PrivateFile.failure(folder) }
        }
    }

    /// Removes what exports that were broken off had begun to write.
    func removeUnfinished() {
        let parts = [
            Self.checkpoint, Self.verifierKeys, Self.declarations, "tile/", "\(Self.events)/",
            "\(Self.rows)/", "\(Self.readModels)/",
        ]
        for name in (try? names(limit: Self.mostFiles)) ?? []
        where name.wholeMatch(of: /.*\.[0-9]+\.new/) != nil && parts.contains(where: name.hasPrefix)
        {
            unlink("\(path)/\(name)")
        }
    }

    /// Removes what a tile or bundle replaces: partial ones of other widths, also those of an export that
    /// was broken off, and files that it had not finished.
    func removeOthers(than name: String) {
        let partial = name.firstRange(of: ".p/")
        let whole = partial.map { String(name[..<$0.lowerBound]) } ?? name
        let kept = partial.map { String(name[$0.upperBound...]) }
        let narrower = "\(path)/\(whole).p"
        let others = Self.entries(of: narrower, atMost: 2 * TileID.width) ?? []
        for other in others where other != kept {
            unlink("\(narrower)/\(other)")
        }
        if kept == nil { rmdir(narrower) }
    }
}
