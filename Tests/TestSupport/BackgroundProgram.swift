import Glibc

/// A program that runs beside a test until it is killed.
///
/// Not Foundation's `Process`: its `waitUntilExit` can wait for another child that was started at the
/// same time, on one of the few threads that run the tests.
public final class BackgroundProgram: Sendable {
    private let process: pid_t
    private let folder: String

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: found through `PATH`.
    ///   - input: what it reads on standard input.
    public init(_ arguments: [String], input: String = "") {
        var template = Array("/tmp/el-program-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "no temporary folder in /tmp")
        folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let file = open("\(folder)/input", O_CREAT | O_WRONLY, 0o600)
        let bytes = Array(input.utf8)
        precondition(write(file, bytes, bytes.count) == bytes.count, "no room in /tmp")
        close(file)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "\(folder)/input", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions,
            1,
            "\(folder)/output",
            O_CREAT | O_WRONLY | O_APPEND,
            0o600
        )
        var argv = (["env"] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var process: pid_t = 0
        let failure = posix_spawnp(&process, "env", &actions, nil, &argv, environ)
        precondition(failure == 0, "\(arguments[0]) cannot be started")
        self.process = process
    }

    /// What it has written to standard output so far.
    public var output: String {
        let file = open("\(folder)/output", O_RDONLY)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// Kills it, as a crash would, and waits until it is gone.
    public func kill() {
        Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        for name in ["input", "output"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
}
