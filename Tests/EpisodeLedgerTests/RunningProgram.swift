import Foundation
import Glibc
import Synchronization
import TestSupport

/// How a program ended and what it wrote.
struct ProgramEnd {
    /// The exit code, or 128 and the signal that killed it.
    let status: Int32
    /// What it wrote to standard output.
    let output: [UInt8]
    /// What it wrote to standard error.
    let errors: String

    /// Standard output as text.
    var text: String { String(decoding: output, as: UTF8.self) }
    /// The lines of standard output, without their newlines.
    var lines: [String] { text.split(separator: "\n").map(String.init) }
    /// The lines of standard error, without their newlines.
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
}

/// A program that was started and did not end, or could not be started.
struct ProgramFailure: Error, CustomStringConvertible {
    let description: String
}

/// A program that a test has started.
///
/// Its output goes to files, so that it never waits for the test to read. It is killed, with what
/// it has started, when its time is over.
final class RunningProgram: Sendable {
    /// How long a program may run unless a test says otherwise.
    static let limit: Duration = .seconds(100)

    let processID: pid_t
    private let words: [String]
    private let outputPath: String
    private let errorPath: String
    private let limit: Duration
    private let deadline: ContinuousClock.Instant
    private let status = Mutex<Int32?>(nil)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - words: the path of the program, and its arguments.
    ///   - input: the file that is standard input.
    ///   - outputs: a path that no other program's output has; endings are added.
    ///   - environment: variables besides the few that every program needs.
    ///   - limit: how long it may run.
    init(
        _ words: [String],
        input: String = "/dev/null",
        outputs: String,
        environment: [String: String] = [:],
        limit: Duration = RunningProgram.limit
    ) throws {
        self.words = words
        outputPath = outputs + ".out"
        errorPath = outputs + ".err"
        self.limit = limit
        deadline = .now + limit

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, outputPath, flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errorPath, flags, 0o600)

        // A process group of its own, to be killed as one; signals as a shell hands them down.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        )

        // Nothing that the tests' own surroundings say about ledgers and terminals.
        let own = ProcessInfo.processInfo.environment
        var variables = ["LC_ALL": "C.UTF-8", "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"]
        for name in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"] { variables[name] = own[name] }
        variables.merge(environment) { _, new in new }
        var arguments = words.map { strdup($0) } + [nil]
        var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + settings { free(text) } }

        var started: pid_t = 0
        let failure = posix_spawnp(
            &started,
            words[0],
            &actions,
            &attributes,
            &arguments,
            &settings
        )
        guard failure == 0 else {
            throw ProgramFailure(
                description: "\(words[0]) cannot be started: \(String(cString: strerror(failure)))"
            )
        }
        processID = started
    }

    deinit { kill() }

    /// Whether it has not ended yet.
    var isRunning: Bool {
        status.withLock { status in
            guard status == nil else { return false }
            var ended: Int32 = 0
            guard waitpid(processID, &ended, WNOHANG) == processID else { return true }
            status = ended & 0x7F == 0 ? (ended >> 8) & 0xFF : 128 + (ended & 0x7F)
            return false
        }
    }

    /// Sends a signal, unless it has ended.
    func signal(_ number: Int32) {
        if isRunning { Glibc.kill(processID, number) }
    }

    /// Ends it at once, as `kill -9` does, with what it has started.
    func kill() {
        guard isRunning else { return }
        Glibc.kill(-processID, SIGKILL)
        Glibc.kill(processID, SIGKILL)
    }

    /// Waits until it has ended, and kills it when its time is over.
    func end() async throws -> ProgramEnd {
        do {
            try await eventually("it has ended", within: ContinuousClock.now.duration(to: deadline))
            { !isRunning }
        } catch {
            kill()
            throw ProgramFailure(
                description: "still running after \(limit): "
                    + words.joined(separator: " ") + "\n\(errors)"
            )
        }
        return ProgramEnd(
            status: status.withLock { $0 } ?? -1,
            output: output,
            errors: errors
        )
    }

    /// What it has written to standard output so far.
    var output: [UInt8] { Array(FileManager.default.contents(atPath: outputPath) ?? Data()) }

    /// The whole lines that it has written to standard output so far.
    var lineCount: Int { output.count { $0 == 0x0A } }

    /// What it has written to standard error so far.
    var errors: String {
        String(decoding: FileManager.default.contents(atPath: errorPath) ?? Data(), as: UTF8.self)
    }
}
