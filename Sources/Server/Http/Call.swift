import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import ProjectionRuntime

/// A request that is allowed, with what its path and query say.
struct Call: Sendable {
    let service: LedgerService
    let request: Request
    let context: LedgerRequestContext
    let principal: Principal
    /// Who looks at a page; nil of the API's requests.
    let visitor: Visitor?
    let ledger: LedgerDescription
    /// That the request is allowed.
    let decision: AccessDecision
    /// What the request may be given.
    let parameters: [Parameter]
    /// What its query says.
    let arguments: Arguments
    /// The whole body, where the request has one that is not a stream.
    var body: [UInt8] = []

    var database: LedgerDatabase { service.database }

    /// What this process knows of the ledger's newest events.
    var feed: LiveFeed { service.feeds.feed(of: ledger.id) }

    var reader: EventReader { EventReader(database, ledger: ledger) }

    /// Reads what is given, where no time is among it.
    func read<Value>(_ body: (inout ArgumentReader) -> Value) throws -> Value {
        var reader = ArgumentReader(arguments, parameters, at: .open)
        let value = body(&reader)
        try reader.finish()
        return value
    }

    /// Whether the caller wants an answer of this media type.
    func accepts(_ type: String) -> Bool { request.headers[.accept]?.contains(type) == true }

    /// The episode of the path.
    func episode() throws -> EpisodeID {
        guard let text = context.parameters.get("episode"), let id = EpisodeID(text) else {
            throw Problem.badRequest("episode", "must be a UUID")
        }
        return id
    }
}

extension Arguments {
    /// What the query of a request says.
    init(_ request: Request) {
        var values: [String: [String]] = [:]
        for (name, value) in request.uri.queryParameters {
            values[String(name), default: []].append(String(value))
        }
        self.init(values)
    }
}

extension Position {
    /// The highest position that a request may name.
    static let most: Int64 = 1 << 53
}
