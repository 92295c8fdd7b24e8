import Glibc
import Synchronization
import TestSupport
import Testing

@testable import EmbeddedPostgres

/// Another process that uses a cluster, until told to leave or killed.
final class UserProcess: Sendable {
    let processID: pid_t
    private let input: Int32
    private let output: Int32
    private static let starting = Mutex(())

    /// Starts the process.
    ///
    /// - Parameters:
    ///   - programs: The folder of PostgreSQL's programs, unless the usual one.
    ///   - container: The words of a command that runs another one, such as ``OtherContainer``.
    convenience init(
        using folder: ClusterFolder,
        programs: String? = nil,
        within container: [String] = []
    ) throws {
        let words = [try Self.program, folder.path] + (programs.map { [$0] } ?? [])
        try self.init(running: container + words)
    }

    /// The tests and the program are built into one folder.
    static var program: String {
        get throws {
            splitPath(try #require(realPath("/proc/self/exe"))).folder + "/embedded-postgres-user"
        }
    }

    /// Starts a program that prints a line and reads its input to the end.
    init(running words: [String]) throws {
        let arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var inputPipe: [Int32] = [0, 0]
        var outputPipe: [Int32] = [0, 0]
        var started: pid_t = 0
        // One at a time: a process that inherited another one's pipes would keep its input open.
        try Self.starting.withLock { _ in
            try #require(pipe(&inputPipe) == 0 && pipe(&outputPipe) == 0)
            for end in inputPipe + outputPipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_adddup2(&actions, inputPipe[0], STDIN_FILENO)
            posix_spawn_file_actions_adddup2(&actions, outputPipe[1], STDOUT_FILENO)
            try #require(posix_spawn(&started, words[0], &actions, nil, arguments, environ) == 0)
        }
        close(inputPipe[0])
        close(outputPipe[1])
        processID = started
        input = inputPipe[1]
        output = outputPipe[0]
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(input)
        close(output)
    }

    /// The line that the process prints when its cluster is ready, or why it is not.
    func firstLine() async throws -> String {
        var bytes: [UInt8] = []
        try await eventually("the process has written a line") {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(self.output, &buffer, buffer.count)
            if count > 0 { bytes += buffer[..<count] }
            return count == 0 || bytes.contains(UInt8(ascii: "\n"))
        }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// Tells the process to leave the cluster, and returns its exit status, or the signal, negative.
    func leave() async throws -> Int32 {
        shutdownInput()
        return try await ended()
    }

    /// Kills the process as `kill -9` does.
    func kill() async throws {
        Glibc.kill(processID, SIGKILL)
        _ = try await ended()
    }

    private func shutdownInput() {
        // Replaces the pipe by nothing, without freeing the number that `deinit` closes.
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        dup2(nothing, input)
        close(nothing)
    }

    private func ended() async throws -> Int32 {
        var status: Int32 = 0
        try await eventually("the process has ended") {
            waitpid(self.processID, &status, WNOHANG) == self.processID
        }
        return status & 0x7f == 0 ? status >> 8 : -(status & 0x7f)
    }
}
