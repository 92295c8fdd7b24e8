import Hummingbird
import NIOCore

extension Endpoint {
    /// The body of a request, up to its limit; empty where it has none or is a stream.
    ///
    /// ``RequestDeadline`` sees to it that it arrives.
    func wholeBody(_ request: Request, _ context: LedgerRequestContext) async throws -> [UInt8] {
        guard body?.type == "application/json" else { return [] }
        do {
            let buffer = try await request.body.collect(upTo: context.maxUploadSize)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw HTTPError(.contentTooLarge)
        }
    }
}
