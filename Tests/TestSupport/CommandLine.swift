import Glibc

/// A program's end.
public struct ProgramResult: Sendable {
    /// The exit code, or 128 and the signal.
    public var status: Int32
    /// What it wrote to stdout and stderr.
    public var output: String
}

/// Runs a program to its end. Blocks: for setting tests up, not for what they measure.
///
/// The output goes through a file, so that a server the program leaves behind, which keeps the
/// descriptor, does not make the caller wait.
public func runProgram(_ arguments: [String]) -> ProgramResult {
    var template = Array("/tmp/el-out-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    precondition(descriptor >= 0, "no temporary file in /tmp")
    defer { close(descriptor) }
    unlink(template)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
    posix_spawn_file_actions_adddup2(&actions, descriptor, 2)
    // From a folder every user may enter.
    var argv = (["env", "-C", "/tmp"] + arguments).map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    var process: pid_t = 0
    let failure = posix_spawnp(&process, "env", &actions, nil, &argv, environ)
    guard failure == 0 else {
        return ProgramResult(
            status: 127,
            output: "\(arguments[0]): \(String(cString: strerror(failure)))"
        )
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    lseek(descriptor, 0, SEEK_SET)
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { break }
        output += buffer[..<count]
    }
    let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    return ProgramResult(status: code, output: String(decoding: output, as: UTF8.self))
}

/// Runs a program without blocking the calling task's thread.
///
/// A server may wait for a test's own connections to read their answers: a program that waits for
/// the server must not hold one of the few threads that run the tests.
public func runningProgram(_ arguments: [String]) async -> ProgramResult {
    await withCheckedContinuation { continuation in
        let thread = Work { continuation.resume(returning: runProgram(arguments)) }
        var identifier = pthread_t()
        let failure = pthread_create(
            &identifier,
            nil,
            { context in
                Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            },
            Unmanaged.passRetained(thread).toOpaque()
        )
        precondition(failure == 0, "no thread left")
        pthread_detach(identifier)
    }
}

private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
