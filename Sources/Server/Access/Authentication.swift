import HTTPTypes
import Hummingbird

extension Authenticator {
    /// Who makes a request, by its bearer token.
    ///
    /// - Throws: ``Problem`` 401 without a good token, and 503 where keys cannot be had.
    func principal(of request: Request) async throws -> Principal {
        guard let header = request.headers[.authorization] else {
            throw Problem.unauthorized("a bearer token is needed")
        }
        // By bytes: characters cost more than the rest of the check.
        let parts = header.utf8.split(
            separator: UInt8(ascii: " "),
            omittingEmptySubsequences: false
        )
        guard parts.count == 2, Substring(parts[0]).lowercased() == "bearer" else {
            throw Problem.unauthorized("the Authorization header must be: Bearer TOKEN")
        }
        do {
            return try await principal(Substring(parts[1]))
        } catch AuthenticationError.unavailable {
            throw Problem.unavailable("\(AuthenticationError.unavailable)")
        } catch let error as AuthenticationError {
            throw Problem.unauthorized("\(error)")
        }
    }
}
