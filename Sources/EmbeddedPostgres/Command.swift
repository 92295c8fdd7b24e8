internal import Subprocess
internal import SystemPackage

/// One run of a program, with a bounded time and none of this process's environment.
struct Command: Sendable {
    struct Result: Sendable {
        let succeeded: Bool
        /// Standard output and standard error as they came.
        let output: String
    }

    struct TimedOut: Error {}

    let program: String
    let arguments: [String]
    /// A user that is not this process's one; only root may name any.
    var user: SystemUser?
    /// The working directory, not inherited, since `user` may not be able to read that one.
    var folder = "/"
    var input = ""
    var timeout: Duration = .seconds(30)

    init(_ program: String, _ arguments: [String]) {
        self.program = program
        self.arguments = arguments
    }

    /// Runs the program to its end.
    ///
    /// - Throws: ``TimedOut``, `CancellationError`, or `SubprocessError` if it cannot be started.
    func run() async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await self.runUnbounded() }
            group.addTask {
                try await Task.sleep(for: self.timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            guard let result = first else { throw TimedOut() }
            try Task.checkCancellation()
            return result
        }
    }

    /// The words before the program that make it run as `user`.
    ///
    /// Subprocess's own options for this are not used: to change the user, it clones the process
    /// behind the back of the C library, whose `setgroups` and `setuid` then now and then wait for
    /// threads that the clone does not have, for ever (seen in swift-subprocess 1.0.2, glibc 2.36).
    private var asUser: [String] {
        guard let user else { return [] }
        return [
            "/usr/bin/setpriv", "--reuid=\(user.userID)", "--regid=\(user.groupID)",
            "--init-groups", "--",
        ]
    }

    private func runUnbounded() async throws -> Result {
        var options = PlatformOptions()
        // Ctrl-C at a terminal goes to the process group; the server and its tools must not get it.
        options.createSession = true
        // initdb cleans up and pg_ctl stops the server it is starting when interrupted.
        options.teardownSequence = [
            .send(signal: .interrupt, allowedDurationToNextStep: .seconds(5))
        ]
        let line = asUser + [program] + arguments
        let result = try await Subprocess.run(
            .path(FilePath(line[0])),
            arguments: Arguments(Array(line.dropFirst())),
            // PG… variables would divert the tools; the locale decides the language of messages.
            environment: .custom(["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"]),
            workingDirectory: FilePath(folder),
            platformOptions: options,
            input: .string(input),
            output: .string(limit: 1 << 20),
            error: .combinedWithOutput
        )
        return Result(
            succeeded: result.terminationStatus.isSuccess,
            output: result.standardOutput
        )
    }
}
