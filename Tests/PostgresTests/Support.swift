import Glibc
import TestSupport

@testable import Postgres

#if !THREAD_SANITIZER
    import Synchronization
#endif

/// Lends the configuration of a database of its own.
func withDatabase<Result>(
    _ body: (PostgresConfiguration) async throws -> Result
) async throws -> Result {
    try await TestCluster.withDatabase { url in
        try await body(try PostgresConfiguration(url: url))
    }
}

/// Lends a connection to a database of its own.
func withConnection<Result>(
    _ body: (PostgresConnection) async throws -> Result
) async throws -> Result {
    try await withDatabase { configuration in
        try await PostgresConnection.withConnection(configuration, body)
    }
}

/// Lends a pool on a database of its own, and closes it.
func withPool<Result: Sendable>(
    limit: Int = 8,
    waitLimit: Int = 1000,
    waitTimeout: Duration = .seconds(10),
    checkAfter: Duration = .seconds(5),
    configure: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> Result
) async throws -> Result {
    try await withDatabase { configuration in
        var configuration = configuration
        configure(&configuration)
        let pool = PostgresPool(
            configuration,
            limit: limit,
            waitLimit: waitLimit,
            waitTimeout: waitTimeout,
            checkAfter: checkAfter
        )
        do {
            let result = try await body(pool)
            await pool.close()
            return result
        } catch {
            await pool.close()
            throw error
        }
    }
}

/// Runs something that has to fail with a `PostgresError`, and returns the error.
func postgresError(
    _ body: () async throws -> Void
) async throws -> PostgresError {
    do {
        try await body()
    } catch let error as PostgresError {
        return error
    }
    throw NeverHappened(description: "nothing was thrown")
}

/// Encodes and lends a value's binary form.
func encoded(_ value: some PostgresEncodable) -> [UInt8] {
    var bytes: [UInt8] = []
    value.encode(into: &bytes)
    return bytes
}

/// Reads a value of its binary form.
func decoded<Value: PostgresDecodable>(
    _ bytes: [UInt8],
    _ type: PostgresType,
    as: Value.Type = Value.self
) throws -> Value {
    try bytes.withUnsafeBytes { try Value(postgres: $0, type: type) }
}

/// Randomness that a printed seed repeats.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Runs `body` with stderr going to a file, and returns what was written there.
///
/// The test process has one stderr: what other tests print meanwhile comes along.
func capturingStandardError(_ body: () async throws -> Void) async throws -> String {
    var template = Array("/tmp/el-stderr-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    unlink(template)
    let saved = dup(2)
    dup2(file, 2)
    func restore() {
        dup2(saved, 2)
        close(saved)
    }
    do {
        try await body()
        restore()
    } catch {
        restore()
        close(file)
        throw error
    }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = pread(file, &bytes, bytes.count, 0)
    close(file)
    // What other tests printed meanwhile is not lost.
    write(2, bytes, max(count, 0))
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
}

/// A value that several tasks note something in.
final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value { state.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}
