import CareEpisode
import Hummingbird
import NIOCore

extension Endpoint {
    /// The most that a body may have which is no list of events, in bytes.
    private static let bodyLimit = 1_048_576

    /// The body of a request, up to its limit; empty where it has none or is a stream.
    ///
    /// ``RequestDeadline`` sees to it that it arrives.
    ///
    /// - Throws: also a ``Refusal``, where it is one event and larger than that may be: the rest is not
    ///   read.
    func wholeBody(_ request: Request, _ context: LedgerRequestContext) async throws -> [UInt8] {
        guard body?.type == "application/json" else { return [] }
        let limit = takesEvents ? context.maxUploadSize : Self.bodyLimit
        if let text = request.headers[.contentLength], let length = Int(text), length > limit {
            throw HTTPError(.contentTooLarge)
        }
        var arrival = takesEvents ? EventParser.Arrival() : nil
        var bytes: [UInt8] = []
        for try await buffer in request.body {
            guard bytes.count + buffer.readableBytes <= limit else {
                throw HTTPError(.contentTooLarge)
            }
            try arrival?.take(buffer.readableBytesView)
            bytes += buffer.readableBytesView
        }
        return bytes
    }
}
