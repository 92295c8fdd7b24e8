import CareEpisode
import Hummingbird
import Ledger

extension AccessDecision {
    /// A decision on a request, and on the episode or the subscription in its path.
    init(
        _ principal: Principal,
        _ endpoint: Endpoint,
        allowed isAllowed: Bool,
        _ context: LedgerRequestContext
    ) {
        self.init(
            subject: principal.subject,
            roles: principal.roles.map(\.rawValue).sorted(),
            operation: endpoint.operation,
            isAllowed: isAllowed,
            episodeID: context.parameters.get("episode").flatMap { EpisodeID($0) },
            detail: Self.subscription(context),
            requestID: context.id
        )
    }

    /// The subscription that a path names, and the position below it, as they were read.
    private static func subscription(_ context: LedgerRequestContext) -> String? {
        guard let name = context.parameters.get("name") else { return nil }
        let told = "name=\(SubscriptionName(name)?.description ?? "<invalid>")"
        guard let position = context.parameters.get("position") else { return told }
        return "\(told)&position=\(Int64(position).map { "\($0)" } ?? "<invalid>")"
    }
}
