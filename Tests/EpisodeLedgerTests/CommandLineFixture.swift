import CareEpisode
import Foundation
import Glibc
import Postgres
import Synchronization
import TestSupport
import Testing

/// A database, an empty folder, and the program `episode-ledger` to use on them.
final class CommandLineFixture: Sendable {
    /// The database's URL; without a test's own database, one where no server is.
    let url: String
    /// For the test's files; removed with the fixture.
    let folder: String
    /// A connection of the test's own, as the superuser.
    let pool: PostgresPool
    /// Where the program keeps what lies outside the database.
    var dataDirectory: String { "\(folder)/data" }
    private let programs = Atomic(0)
    private let running = Mutex<[RunningProgram]>([])

    private init(url: String) throws {
        self.url = url
        var template = Array("/tmp/el-cli-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ProgramFailure(description: "no folder can be made in /tmp")
        }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        var configuration = try PostgresConfiguration(url: url)
        configuration.applicationName = "test"
        pool = PostgresPool(configuration, limit: 2)
    }

    /// Lends a database that the program itself has brought to the current schema.
    static func with<Result>(
        _ body: (CommandLineFixture) async throws -> Result
    ) async throws -> Result {
        try await Gate.shared.pass {
            let template = try await template.value
            return try await TestCluster.withDatabase(template: template) { url in
                try await lend(url, body)
            }
        }
    }

    /// Lends a database in which nothing is.
    static func withEmptyDatabase<Result>(
        _ body: (CommandLineFixture) async throws -> Result
    ) async throws -> Result {
        try await Gate.shared.pass {
            try await TestCluster.withDatabase { url in try await lend(url, body) }
        }
    }

    /// Lends a migrated database of a server of the test's own.
    static func with<Result>(
        on cluster: TestCluster,
        _ body: (CommandLineFixture) async throws -> Result
    ) async throws -> Result {
        try await cluster.withDatabase { url in
            try await lend(url) { fixture in
                try await fixture.succeed(["migrate"])
                return try await body(fixture)
            }
        }
    }

    /// Lends the program alone.
    static func withoutDatabase<Result>(
        _ body: (CommandLineFixture) async throws -> Result
    ) async throws -> Result {
        try await Gate.shared.pass { try await lend("postgresql://127.0.0.1:1/none", body) }
    }

    private static func lend<Result>(
        _ url: String,
        _ body: (CommandLineFixture) async throws -> Result
    ) async throws -> Result {
        let fixture = try CommandLineFixture(url: url)
        do {
            let result = try await body(fixture)
            await fixture.close()
            return result
        } catch {
            await fixture.close()
            throw error
        }
    }

    private static let template = Task {
        let name = "command_line_template"
        try await TestCluster.shared.createTemplate(name) { url in
            _ = try await lend(url) { fixture in try await fixture.succeed(["migrate"]) }
        }
        return name
    }

    private func close() async {
        for program in running.withLock({ $0 }) {
            program.kill()
            _ = try? await program.end()
        }
        await pool.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: - Programs

    /// Starts `episode-ledger` on the fixture's database, with key and checkpoint log in its folder.
    func start(
        _ arguments: [String],
        input: String = "/dev/null",
        environment: [String: String] = [:]
    ) throws -> RunningProgram {
        try launch(
            [Self.program] + arguments,
            input: input,
            environment: [
                "EPISODE_LEDGER_DATABASE_URL": url, "EPISODE_LEDGER_DATA_DIR": dataDirectory,
            ].merging(environment) { _, new in new }
        )
    }

    /// Starts any program.
    func launch(
        _ words: [String],
        input: String = "/dev/null",
        environment: [String: String] = [:],
        limit: Duration = RunningProgram.limit
    ) throws -> RunningProgram {
        let program = try RunningProgram(
            words,
            input: input,
            outputs: "\(folder)/program-\(programs.wrappingAdd(1, ordering: .relaxed).newValue)",
            environment: environment,
            limit: limit
        )
        running.withLock { $0.append(program) }
        return program
    }

    /// Runs `episode-ledger` to its end.
    func run(
        _ arguments: [String],
        input: String = "/dev/null",
        environment: [String: String] = [:]
    ) async throws -> ProgramEnd {
        try await start(arguments, input: input, environment: environment).end()
    }

    /// Runs `episode-ledger`, which must exit with 0 and say nothing on standard error.
    @discardableResult
    func succeed(_ arguments: [String], input: String = "/dev/null") async throws -> ProgramEnd {
        let end = try await run(arguments, input: input)
        guard end.status == 0, end.errors.isEmpty else {
            throw ProgramFailure(
                description:
                    "\(arguments.joined(separator: " ")): exit \(end.status)\n\(end.errors)"
            )
        }
        return end
    }

    /// Runs `episode-ledger`, which must succeed, and decodes the JSON it prints.
    func answer<Answer: Decodable>(
        _ type: Answer.Type,
        _ arguments: [String],
        input: String = "/dev/null"
    ) async throws -> Answer {
        try decode(type, try await succeed(arguments, input: input).output)
    }

    /// Decodes JSON that the program printed.
    func decode<Answer: Decodable>(_ type: Answer.Type, _ json: [UInt8]) throws -> Answer {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(json))
    }

    /// Runs a Python program of `Tests/Independent`, which must exit with 0 unless told otherwise.
    @discardableResult
    func python(_ words: [String], status: Int32 = 0) async throws -> ProgramEnd {
        let script = Self.tests + "/Independent/" + words[0]
        let end = try await launch(["python3", script] + words.dropFirst()).end()
        guard end.status == status else {
            throw ProgramFailure(
                description: "\(words.joined(separator: " ")): exit \(end.status)\n"
                    + String(end.text.prefix(2_000)) + end.errors
            )
        }
        return end
    }

    // MARK: - Files

    /// Writes a file of the test's own, and returns its path.
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = "\(folder)/\(name)"
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    /// Writes a file of lines, and returns its path.
    func file(_ name: String, lines: [String]) throws -> String {
        try file(name, Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    /// The program: the one that EPISODE_LEDGER_PROGRAM names, such as the released one, else the one that
    /// was built beside the tests.
    static let program: String =
        ProcessInfo.processInfo.environment["EPISODE_LEDGER_PROGRAM"] ?? built("episode-ledger")

    /// The path of a program that was built with the tests.
    static func built(_ name: String) -> String {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: name).path(percentEncoded: false)
    }

    /// The repository's folder of tests.
    static let tests: String = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().path(percentEncoded: false)
        .trimmingSuffix("/")

    /// The episodes of the MIMIC demo, which a checkout by itself does not have.
    static let mimic: String? = {
        let path = tests + "/../../shared/data/mimic/episodes.ndjson"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}

/// Lets a few tests run at once: each of them starts programs, and a machine has few processors.
private actor Gate {
    static let shared = Gate(places: 3)

    private var places: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) { self.places = places }

    nonisolated func pass<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        await enter()
        do {
            let result = try await body()
            await leave()
            return result
        } catch {
            await leave()
            throw error
        }
    }

    private func enter() async {
        if places > 0 {
            places -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { places += 1 } else { waiting.removeFirst().resume() }
    }
}
