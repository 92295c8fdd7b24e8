import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Pages
import ProjectionRuntime
import Projections

/// How a ledger's machinery is, for who runs it and may see nobody's health information.
enum OperationsPage {
    private static let form = "operations"
    /// So many subscriptions are shown.
    private static let subscriptionLimit = 50

    static func show(_ request: PageRequest) async throws -> PageResult {
        try await page(request.asOfNow(), retried: nil)
    }

    /// Asks for parked episodes to be folded again.
    static func retry(_ request: PageRequest) async throws -> PageResult {
        let fields = try await request.fields(of: form)
        let request = request.asOfNow()
        guard let name = fields["model"], ReadModels.names.contains(name) else {
            throw Problem.badRequest("model", "must be the name of a read model")
        }
        let retried = try await ProjectionStatus.retryParked(
            request.call.database,
            ledger: request.call.ledger,
            name: name,
            episode: nil
        )
        return try await page(request, retried: retried)
    }

    private static func page(_ request: PageRequest, retried: Int?) async throws -> PageResult {
        let (database, ledger) = (request.call.database, request.call.ledger)
        let models = try await ProjectionStatus.all(database, ledger: ledger)
        let all = try await SubscriptionRegistry(database, ledger: ledger).all()
        var subscribers: [OperationsView.Subscriber] = []
        for subscription in all.prefix(subscriptionLimit) {
            var status: SubscriptionStatus?
            do {
                status = try await SubscriptionStatus(database, ledger, subscription)
            } catch SubscriptionError.unknown {}
            subscribers.append(
                OperationsView.Subscriber(
                    name: "\(subscription.name)",
                    isSent: subscription.webhook != nil,
                    status: status
                )
            )
        }
        let mayRetry = request.may("operations", .post)
        let view = OperationsView(
            models.map { ($0, ReadModels.isRebuildNeeded($0)) },
            try await SealStatus(database, ledger: ledger),
            try await AccessStatus(database, ledger: ledger),
            subscribers,
            isCut: all.count > subscriptionLimit,
            token: mayRetry
                ? try await request.call.service.signIn.token(
                    form,
                    for: request.visitor.principal.subject
                ) : nil,
            retried: retried,
            request.address,
            request.format
        )
        let head = request.context.head
        return .page(
            FoundPage(
                view: view,
                basis: ReadModelBasis(position: head, head: head, knownAt: nil, knownBy: .source),
                rows: 0,
                filters: retried.map { ["\($0) parked episodes are to be folded again"] } ?? [],
                compares: false,
                isAsOfNow: true
            )
        )
    }
}
