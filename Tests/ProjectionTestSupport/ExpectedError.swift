/// Something that a test relies on is not so.
public struct Unexpected: Error, CustomStringConvertible {
    public var description: String
}

/// Runs something that must throw an error of one type, and returns the error.
public func error<Failure: Error>(
    _ type: Failure.Type,
    _ body: () async throws -> Void
) async throws -> Failure {
    do {
        try await body()
    } catch let error as Failure {
        return error
    }
    throw Unexpected(description: "nothing was thrown")
}
