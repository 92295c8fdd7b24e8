import CareEpisode
import Ledger
import ProjectionRuntime

/// One event as it is sent: a CloudEvent (1.0, JSON), signed by the Standard Webhooks specification.
struct WebhookMessage: Sendable {
    /// The same in each attempt: what a receiver deduplicates by.
    let id: String
    /// The headers, without the signature's.
    private(set) var headers: [(String, String)]
    let body: [UInt8]

    /// - Parameters:
    ///   - event: what happened.
    ///   - ledger: where.
    ///   - name: what the message is called within the ledger.
    ///   - settings: how much is sent, and in which form.
    init(
        _ event: RecordedEvent,
        ledger: LedgerName,
        name: String,
        settings: WebhookSettings
    ) {
        let position = event.history.position
        let recordedAt = event.history.recordedAt.description
        id = "\(ledger)/\(name)"
        let data: AnswerJSON =
            switch settings.payload {
            case .full: .raw(event.served())
            case .thin:
                [
                    "ledger": .string(ledger.description), "position": .integer(position.rawValue),
                    "episode_id": .string(event.episodeID.description), "time": .string(recordedAt),
                ]
            }
        // The kind of an event says something about a client: a thin message keeps it back.
        let kind = settings.payload == .full ? event.history.type.rawValue : "event_recorded"
        let attributes = [
            ("specversion", "1.0"), ("id", name), ("source", "/v1/ledgers/\(ledger)"),
            ("type", "org.episodeledger.\(kind)"), ("subject", event.episodeID.description),
            ("time", recordedAt),
        ]
        switch settings.mode {
        case .structured:
            let members = attributes.map { (name: $0.0, value: AnswerJSON.string($0.1)) }
            headers = [("content-type", "application/cloudevents+json; charset=utf-8")]
            body =
                AnswerJSON.object(
                    members + [("datacontenttype", "application/json"), ("data", data)]
                ).bytes
        case .binary:
            headers =
                [("content-type", "application/json")] + attributes.map { ("ce-\($0.0)", $0.1) }
            body = data.bytes
        }
    }

    /// The headers of one attempt, signed with each secret, the newest first.
    ///
    /// - Parameter time: of the attempt, in seconds since 1970.
    func headers(at time: Int64, signedWith secrets: [WebhookSecret]) throws -> [(String, String)] {
        let signatures = try secrets.map { try $0.sign(id: id, timestamp: time, body: body) }
        return headers + [
            ("webhook-id", id), ("webhook-timestamp", "\(time)"),
            ("webhook-signature", signatures.joined(separator: " ")),
        ]
    }
}
