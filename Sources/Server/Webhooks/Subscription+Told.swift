import CareEpisode
import Ledger

extension Subscription {
    /// What the access log says of it: its name, and how much goes where.
    var told: String { "name=\(name); \(sends)" }

    /// How much goes where.
    var sends: String { webhook?.told ?? "for consumers" }
}

extension WebhookSettings {
    /// How much goes where: of the address its origin alone, since the rest may hold secrets.
    var told: String {
        // What was put was read then.
        let origin = try? WebhookAddress(url, allowsPrivate: true).origin
        return "payload \(payload.rawValue) to \(origin ?? "<invalid>")"
    }
}

extension AccessDecision {
    /// That whole events are about to leave for the receiver of a webhook.
    ///
    /// - Parameters:
    ///   - events: at least one, in order.
    ///   - requestID: the id of the first message, as the receiver has it.
    init(
        delivering events: ArraySlice<RecordedEvent>,
        of subscription: Subscription,
        requestID: String
    ) {
        let positions = events.map(\.history.position)
        let episodes = Set(events.map(\.episodeID))
        let range =
            positions.count == 1
            ? "1 event at position \(positions[0])"
            : "\(positions.count) events from position \(positions[0]) to "
                + "\(positions[positions.count - 1])"
        self.init(
            subject: "webhook:\(subscription.name)",
            roles: ["webhook"],
            operation: "deliverWebhook",
            isAllowed: true,
            episodeID: episodes.count == 1 ? episodes.first : nil,
            detail: "\(subscription.told); \(range)",
            requestID: requestID
        )
    }
}
