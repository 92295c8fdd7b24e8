import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import ProjectionRuntime

/// Who asks, whether he may, and only then the answer; of health information the decision is on disk
/// before the answer leaves.
struct Door: Sendable {
    private let service: LedgerService

    init(_ service: LedgerService) {
        self.service = service
    }

    func answer(
        _ endpoint: Endpoint,
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let visitor: Visitor?
        do {
            visitor = endpoint.isPage ? try await service.visitor(of: request) : nil
        } catch  where endpoint.method == .post && Problem(error).status == .serviceUnavailable {
            throw FormNotTaken(reason: error)
        }
        let principal: Principal
        if let visitor {
            principal = visitor.principal
        } else {
            principal = try await service.authenticator.principal(of: request)
        }
        let payers = payers(principal, request, context)
        let share = try service.workAtOnce.share(payers)
        let (response, stream) = try await answer(
            endpoint,
            request,
            context,
            principal,
            visitor,
            streamingFor: payers.map { .stream($0) }
        )
        return response.keeping(stream ?? share)
    }

    /// For whom a request counts.
    private func payers(
        _ principal: Principal,
        _ request: Request,
        _ context: LedgerRequestContext
    ) -> [WorkAtOnce.Payer] {
        var payers: [WorkAtOnce.Payer] = [.token(subject: principal.subject)]
        // For a ledger only those who may enter it: strangers take none of its places.
        if let name = context.parameters.get("ledger").flatMap({ LedgerName($0) }),
            principal.ledgers?.contains(name) ?? true
        {
            payers.append(.ledger(name))
        }
        // Of others their connections are counted.
        if let address = service.signIn.proxies.client(request, behind: context.peer) {
            payers.append(.address(address))
        }
        return payers
    }

    private func answer(
        _ endpoint: Endpoint,
        _ request: Request,
        _ context: LedgerRequestContext,
        _ principal: Principal,
        _ visitor: Visitor?,
        streamingFor payers: [WorkAtOnce.Payer]
    ) async throws -> (Response, stream: WorkAtOnce.Share?) {
        let purpose = visitor?.session.purpose ?? request.headers[.purposeOfUse]
        let (ledger, decision) = try await admit(principal, endpoint, purpose, context)
        let bare = Call(
            service: service,
            request: request,
            context: context,
            principal: principal,
            visitor: visitor,
            ledger: ledger,
            decision: decision,
            parameters: endpoint.parameters,
            arguments: Arguments(request)
        )
        // Of what is allowed and then refused there is an entry too.
        let taken = await taken(endpoint, bare)
        let end = ContinuousClock.now + limit(endpoint)
        let call = (try? taken.get()) ?? bare
        var reply: Reply
        do {
            _ = try taken.get()
            reply = try await LedgerDatabase.sharing(ledger.id) {
                try await bounded(endpoint) { try await answered(endpoint, call) }
            }
        } catch {
            reply = Reply(.failure(error), decision: .door)
        }
        var stream: WorkAtOnce.Share?
        if case .success(let response) = reply.result, response.body.contentLength == nil {
            do {
                stream = try service.workAtOnce.share(payers)
            } catch {
                reply = Reply(.failure(error), decision: reply.decision)
            }
        }
        if endpoint.disclosesHealthInformation, case .door = reply.decision {
            try await record(reply, endpoint, call, by: end)
        }
        return (try reply.result.get(), stream)
    }

    /// The request with its body, within the time that it has for that.
    private func taken(_ endpoint: Endpoint, _ bare: Call) async -> Result<Call, any Error> {
        do {
            if endpoint.parameters.isEmpty, !endpoint.isPage {
                try ArgumentReader(bare.arguments, [], at: .open).finish()
            }
            var call = bare
            call.body = try await endpoint.wholeBody(call.request, call.context)
            return .success(call)
        } catch {
            return .failure(error)
        }
    }

    // MARK: - May he

    /// The ledger of the path, and the decision that the request is allowed.
    ///
    /// - Throws: ``Problem`` 403, kept in the access log where it was about health information.
    private func admit(
        _ principal: Principal,
        _ endpoint: Endpoint,
        _ purpose: String?,
        _ context: LedgerRequestContext
    ) async throws -> (LedgerDescription, AccessDecision) {
        guard let text = context.parameters.get("ledger"), let name = LedgerName(text) else {
            throw Problem.badRequest("ledger", "must be the name of a ledger")
        }
        let isAllowed = endpoint.allows(principal, in: name)
        var decision = AccessDecision(principal, endpoint, allowed: isAllowed, context)
        decision.purpose = PurposeOfUse.kept(purpose)
        let roles = endpoint.roles.map(\.rawValue).sorted().joined(separator: ", ")
        // Nobody learns which ledgers there are but who may enter; from a page, who may see it.
        if endpoint.isPage, !isAllowed {
            try keepDenial(decision, endpoint, name, context)
            throw Problem.forbidden("this takes one of the roles \(roles)")
        }
        guard isAllowed || (principal.ledgers?.contains(name) ?? true) else {
            let holder = endpoint.isPage ? "account" : "token"
            decision.detail = "the \(holder) is for other ledgers"
            try keepDenial(decision, endpoint, name, context)
            throw Problem.forbidden("this \(holder) is not for the ledger \(name)")
        }
        let ledger: LedgerDescription
        if let known = service.knownLedger(name) {
            ledger = known
        } else {
            ledger = try await withTimeout(service.settings.requestTimeout) {
                try await service.ledger(name)
            }
        }
        guard isAllowed else {
            if endpoint.disclosesHealthInformation {
                let entry = decision
                try await withTimeout(service.settings.requestTimeout) {
                    try await service.accessLog.recordOnce(entry, in: ledger)
                }
            }
            throw Problem.forbidden("this takes one of the roles \(roles)")
        }
        return (ledger, decision)
    }

    /// Keeps that somebody with a token for another ledger asked for health information of this one,
    /// where there is such a ledger; the answer is the same either way, and leaves before it is known.
    private func keepDenial(
        _ decision: AccessDecision,
        _ endpoint: Endpoint,
        _ name: LedgerName,
        _ context: LedgerRequestContext
    ) throws {
        guard endpoint.disclosesHealthInformation else { return }
        let service = service
        try service.lateDenials.put {
            guard !service.lateDenials.isUnknown(name) else { return }
            do {
                try await withTimeout(service.settings.requestTimeout) {
                    let ledger = try await service.ledger(name)
                    try await service.accessLog.recordOnce(decision, in: ledger)
                }
            } catch LedgerError.unknownLedger {
                // Nobody's log.
                service.lateDenials.noteUnknown(name)
            } catch {
                context.logger.warning("a denial is not in the access log")
            }
        }
    }

    // MARK: - What was given

    /// The decision with what was asked for and given.
    private func entry(_ call: Call, _ endpoint: Endpoint, _ reply: Reply) -> AccessDecision {
        var entry = call.decision
        var details = [entry.detail]
        // A page says itself what it made of its address.
        if !endpoint.isPage { details.append(call.arguments.described(endpoint.parameters)) }
        details.append(reply.disclosed)
        switch reply.result {
        case .success: details.append(reply.found.map { AccessDecision.told(found: $0) })
        case .failure(let error): details.append("answered with \(Problem(error).code)")
        }
        let known = details.compactMap(\.self)
        entry.detail = known.isEmpty ? nil : known.joined(separator: "; ")
        if let found = reply.found, found.count == 1 { entry.episodeID = found[0] }
        if endpoint.parameters.contains(where: { $0.name == Endpoint.episode.name }) {
            let named = call.arguments.values[Endpoint.episode.name]?.first
            entry.episodeID = entry.episodeID ?? named.flatMap { EpisodeID($0) }
        }
        return entry
    }

    /// Answers; what only reads is given up when its client has gone.
    ///
    /// What writes is carried through, and so is the entry in the access log, which goes with those of
    /// others.
    private func answered(_ endpoint: Endpoint, _ call: Call) async throws -> Reply {
        guard endpoint.method == .get else { return try await endpoint.handler(call) }
        return try await Departure.whileClientWaits { try await endpoint.handler(call) }
    }

    /// The time that a request has.
    private func limit(_ endpoint: Endpoint) -> Duration {
        service.settings.requestTimeout + .seconds(endpoint.extraSeconds)
    }

    /// Answers within the time that this request has; who appends has a limit of its own.
    private func bounded(
        _ endpoint: Endpoint,
        _ body: @escaping @Sendable () async throws -> Reply
    ) async throws -> Reply {
        guard !endpoint.hasOwnTimeout else { return try await body() }
        return try await withTimeout(limit(endpoint), body)
    }

    /// Keeps what became of a request in the time that is left, and a little where none is: whoever has
    /// run out of time is kept too.
    private func record(
        _ reply: Reply,
        _ endpoint: Endpoint,
        _ call: Call,
        by end: ContinuousClock.Instant
    ) async throws {
        let (log, entry) = (service.accessLog, entry(call, endpoint, reply))
        var failure: String?
        if case .failure(let error) = reply.result { failure = Problem(error).code }
        let code = failure
        let rest = max(ContinuousClock.now.duration(to: end), .milliseconds(400))
        try await withTimeout(rest) {
            if endpoint.countsRepeats {
                try await log.recordOnce(entry, code, in: call.ledger)
            } else {
                try await log.record(entry, in: call.ledger)
            }
        }
    }
}
