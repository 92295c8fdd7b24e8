import CareEpisode
import Hummingbird
import Ledger

extension AccessDecision {
    /// A decision on a request, and on the episode in its path.
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
            requestID: context.id
        )
    }
}
