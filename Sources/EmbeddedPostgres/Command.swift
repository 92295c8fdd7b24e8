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
    /// An open file that the program and all that it starts inherit, in the place of an input.
    var inheritedDescriptor: Int32?
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

    /// The words before a program that make it run as a user.
    ///
    /// Subprocess's own options for this are not used: to change the user, it clones the process
    /// behind the back of the C library, whose `setgroups` and `setuid` then now and then wait for
    /// threads that the clone does not have, for ever (seen in swift-subprocess 1.0.2, glibc 2.36).
    static func words(toRunAs user: SystemUser) -> [String] {
        [
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
        func run(_ line: [String], input: some InputProtocol) async throws -> Result {
            let result = try await Subprocess.run(
                .path(FilePath(line[0])),
                arguments: Arguments(Array(line.dropFirst())),
                // PG… variables would divert the tools; the locale decides the language of messages.
                environment: .custom(["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"]),
                workingDirectory: FilePath(folder),
                platformOptions: options,
                input: input,
                output: .string(limit: 1 << 20),
                error: .combinedWithOutput
            )
            return Result(
                succeeded: result.terminationStatus.isSuccess,
                output: result.standardOutput
            )
        }
        let line = [program] + arguments
        let asUser = user.map(Self.words(toRunAs:)) ?? []
        guard let inheritedDescriptor else {
            return try await run(asUser + line, input: .string(input))
        }
        // Subprocess hands over the three standard descriptors only, and closes all others.
        let asDescriptor3 = ["/bin/sh", "-c", "exec \"$@\" 3<&0 </dev/null", "sh"]
        return try await run(
            asUser + asDescriptor3 + line,
            input: .fileDescriptor(
                FileDescriptor(rawValue: inheritedDescriptor),
                closeAfterSpawningProcess: false
            )
        )
    }
}
