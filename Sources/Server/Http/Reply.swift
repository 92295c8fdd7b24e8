import CareEpisode
import HTTPTypes
import Hummingbird

/// What a handler returns: the answer, and what the access log is told of it.
struct Reply: Sendable {
    /// Who writes the decision on the request to the access log.
    enum DecisionWriter: Sendable {
        /// The door, before the answer leaves.
        case door
        /// Nobody any more: it went with the events, or nothing was decided.
        case handler
    }

    /// The answer, or what became of it.
    var result: Result<Response, any Error>
    /// What was given: positions and numbers, nothing of what they hold.
    var disclosed: String?
    /// The episodes that were found for a client's key; nil where none was given.
    var found: [EpisodeID]?
    var decision = DecisionWriter.door

    /// An answer.
    init(_ response: Response, disclosed: String? = nil) {
        result = .success(response)
        self.disclosed = disclosed
    }

    /// An answer or a refusal, whose decision is written already or not.
    init(
        _ result: Result<Response, any Error>,
        disclosed: String? = nil,
        decision: DecisionWriter = .door
    ) {
        self.result = result
        self.disclosed = disclosed
        self.decision = decision
    }

    /// An answer in JSON.
    static func json(
        _ answer: AnswerJSON,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:],
        disclosed: String? = nil
    ) -> Reply {
        Reply(.json(answer, status: status, headers: headers), disclosed: disclosed)
    }

    /// An answer of any kind.
    static func bytes(
        _ bytes: [UInt8],
        _ type: String,
        headers: HTTPFields = [:],
        disclosed: String? = nil
    ) -> Reply {
        Reply(.bytes(bytes, type, headers: headers), disclosed: disclosed)
    }

    /// Done, and nothing to say.
    static var noContent: Reply { Reply(Response(status: .noContent)) }
}
