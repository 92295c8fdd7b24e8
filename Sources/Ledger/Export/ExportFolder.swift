import Glibc
import TransparencyLog

/// The files of an exported log: C2SP tlog-tiles in a folder.
struct ExportFolder: Sendable {
    let path: String

    /// The signed note, written last.
    static let checkpoint = "checkpoint"
    /// The public keys, one a line: the log's own and those of logs before it.
    static let verifierKeys = "verifier-keys"
    /// Notes that declare restores, where there were any.
    static let declarations = "restore-declarations"
    /// How much of one file is read.
    static let fileLimit = 1 << 28

    init(_ path: String) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    /// The path of the events that go with a bundle of entries.
    static func eventsPath(_ tile: TileID) -> String {
        "events/\(TileID.path(tile.number))\(tile.suffix)"
    }

    /// The bytes of a file; nil where there is none.
    func read(_ name: String) throws -> [UInt8]? {
        var status = stat()
        let file = "\(path)/\(name)"
        guard stat(file, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw PrivateFile.failure(file)
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.fileLimit else {
            throw SealError.file(file, reason: "not a file, or too large")
        }
        return try PrivateFile.read(file, limit: Int(status.st_size))
    }

    /// Whether there is a file or folder of a name.
    func has(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

    /// Writes a file, whole or not at all.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = "\(path)/\(name)"
        let new = "\(file).\(getpid()).new"
        var descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0, errno == ENOENT {
            try PrivateFile.makeFolder(of: file, mode: 0o755)
            descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        }
        guard descriptor >= 0 else { throw PrivateFile.failure(new) }
        defer { close(descriptor) }
        try PrivateFile.write(bytes, to: descriptor, new, at: 0)
        guard rename(new, file) == 0 else { throw PrivateFile.failure(file) }
    }

    /// Removes a partial tile that a wider one has replaced, and its folder with the last of them.
    func remove(_ name: String) {
        unlink("\(path)/\(name)")
        if let slash = name.lastIndex(of: "/") { rmdir("\(path)/\(name[..<slash])") }
    }
}
