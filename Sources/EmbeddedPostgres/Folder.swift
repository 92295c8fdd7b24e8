internal import Glibc

/// What the file system says about a path, links not followed.
struct FileStatus {
    let owner: uid_t
    let permissions: mode_t
    let size: Int
    let isFolder: Bool
    let isLink: Bool
    let isRegularFile: Bool

    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init(_ status: stat) {
        owner = status.st_uid
        permissions = status.st_mode & 0o7777
        size = Int(status.st_size)
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        isLink = status.st_mode & S_IFMT == S_IFLNK
        isRegularFile = status.st_mode & S_IFMT == S_IFREG
    }
}

/// Which file a path leads to, links followed: the same by whatever path, and in every container.
struct FileIdentity: Hashable {
    let device: dev_t
    let number: ino_t

    /// Nil if there is no such file or it may not be looked at, which `errno` tells apart.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = status.st_dev
        number = status.st_ino
    }
}

/// The absolute form of a path, without looking at the file system beyond the working directory.
func absolutePath(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    guard let here = getcwd(nil, 0) else { return "/\(path)" }
    defer { free(here) }
    return "\(String(cString: here))/\(path)"
}

/// The one path of an existing file, without links and detours; nil if there is no such file.
func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
}

/// The target of a link; nil if there is no link or it may not be read, which `errno` tells apart.
func linkTarget(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
        guard let base = buffer.baseAddress else { return nil }
        let length = readlink(path, base, Int(PATH_MAX))
        guard length >= 0 else { return nil }
        base[length] = 0
        return String(cString: base)
    }
}

/// The folder and the last name of a path.
func splitPath(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (String(path[..<slash]), String(path[path.index(after: slash)...]))
}

/// The names in a folder but for `.` and `..`, in no order; none if it cannot be read.
func namesInFolder(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
            String(cString: UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}

/// Creates a folder and the missing ones above it; those that exist are left as they are.
func createFolders(_ path: String, permissions: mode_t) throws {
    if mkdir(path, permissions) == 0 || errno == EEXIST { return }
    guard errno == ENOENT else {
        throw EmbeddedPostgresError.unusable("\(path) cannot be made", errno)
    }
    let parent = splitPath(path).folder
    guard !parent.isEmpty, parent != path else {
        throw EmbeddedPostgresError.unusable("\(path) cannot be made", ENOENT)
    }
    try createFolders(parent, permissions: 0o755)
    guard mkdir(path, permissions) == 0 || errno == EEXIST else {
        throw EmbeddedPostgresError.unusable("\(path) cannot be made", errno)
    }
}

/// Gives a folder that this process has made to `user`.
///
/// Works on the folder itself, never through a link that somebody put in its place.
func giveFolder(_ path: String, to user: SystemUser) throws {
    guard geteuid() != user.userID else { return }
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw EmbeddedPostgresError.unusable(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_uid == geteuid(),
        fchown(descriptor, user.userID, user.groupID) == 0
    else { throw EmbeddedPostgresError.unusable("\(path) cannot be given to \(user.name)", errno) }
}

/// Makes a rename in the folder last through a power failure.
func flushFolder(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
}

/// The content of a small regular file from `offset` on; nil if there is none.
func readSmallFile(_ path: String, from offset: Int = 0) -> String? {
    // Root reads this in folders of other users: no links, no devices, no pipes that block.
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, FileStatus(status).isRegularFile else { return nil }
    guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { return nil }
    let limit = 1 << 18
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        count = max(0, read(descriptor, buffer.baseAddress, limit))
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// A short, stable name for a path (FNV-1a; accidents are what it guards against, not malice).
func shortHash(_ text: String) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

extension EmbeddedPostgresError {
    static func unusable(_ what: String, _ number: Int32) -> EmbeddedPostgresError {
        EmbeddedPostgresError(
            code: .dataFolderUnusable,
            message: "\(what): \(String(cString: strerror(number)))."
        )
    }
}
