import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Pages

/// What a browser asks for: pages, the style sheet and the script.
struct PageRoutes: Sendable {
    private let service: LedgerService
    private let door: Door
    private let pages: PageDoor

    init(_ service: LedgerService, _ door: Door) {
        self.service = service
        self.door = door
        pages = PageDoor(service)
    }

    private var signIn: SignIn { service.signIn }

    func add(to router: Router<LedgerRequestContext>) {
        for file in Assets.all {
            router.get(RouterPath(file.path)) { request, context in
                await pages.answer(request, context) { .asset(file) }
            }
        }
        for endpoint in Endpoint.pages {
            router.on(RouterPath(endpoint.route), method: endpoint.method) { request, context in
                await pages.answer(request, context) {
                    try await door.answer(endpoint, request, context)
                }
            }
        }
        for path in ["/", "ledgers"] {
            router.get(RouterPath(path)) { request, context in
                await pages.answer(request, context) { try await home(request, context) }
            }
        }
        router.get("ledgers/{ledger}") { request, context in
            await pages.answer(request, context) {
                throw Problem.notFound("there is no such page")
            }
        }
        router.get("ledgers/{ledger}/**") { request, context in
            await pages.answer(request, context) { throw Problem.notFound("there is no such page") }
        }
        router.get("account") { request, context in
            await pages.answer(request, context) { try await account(request, context) }
        }
        router.post("account") { request, context in
            await pages.answer(request, context) { try await setAccount(request, context) }
        }
    }

    // MARK: - First page and account

    /// Leads to the first page of the only ledger that a visitor may see, else lists them.
    private func home(_ request: Request, _ context: LedgerRequestContext) async throws -> Response
    {
        let visitor = try await service.visitor(of: request)
        let ledgers = try await service.database.ledgers().map(\.name).filter { name in
            Endpoint.pages.contains { $0.allows(visitor.principal, in: name) }
        }
        func first(_ ledger: LedgerName) -> String {
            PageRequest.places(visitor.principal, ledger).first?.path ?? "/account"
        }
        if ledgers.count == 1 { return .redirect(to: first(ledgers[0])) }
        let view = LedgersView(ledgers.map { ($0.description, first($0)) })
        return .page(try await frame(visitor, context).page(view))
    }

    private func account(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let visitor = try await service.visitor(of: request)
        let token = try await signIn.token("account", for: visitor.principal.subject)
        let view = AccountView(
            visitor.session,
            token: token,
            isSaved: request.uri.queryParameters["saved"] != nil
        )
        return .page(try await frame(visitor, context).page(view))
    }

    private func setAccount(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let visitor = try await service.visitor(of: request)
        let fields = try await FormFields(request)
        let subject = visitor.principal.subject
        try await signIn.check("account", fields, from: request, subject: subject)
        let purpose = fields["purpose"].flatMap { $0.isEmpty ? nil : $0 }
        guard purpose.map({ code in SignInSession.purposes.contains { $0.code == code } }) ?? true
        else { throw Problem.badRequest("purpose", "must be one of the list") }
        try await signIn.store.setAccount(
            of: visitor.session,
            purpose: purpose,
            usesKeys: fields["keys"] == "on"
        )
        return .redirect(to: "/account?saved=1")
    }

    private func frame(
        _ visitor: Visitor,
        _ context: LedgerRequestContext
    ) async throws -> PageFrame {
        var frame = PageFrame(requestID: context.id)
        frame.viewer = try await signIn.viewer(visitor)
        return frame
    }
}

extension LedgerService {
    /// Who asks for a page, within the time that a request has.
    ///
    /// - Throws: ``SignInNeeded``, and ``Problem`` 503.
    func visitor(of request: Request, isActivity: Bool = true) async throws -> Visitor {
        try await withTimeout(settings.requestTimeout) { [signIn] in
            try await signIn.visitor(of: request, isActivity: isActivity)
        }
    }
}

extension SignIn {
    /// Who reads a page, as its header says.
    func viewer(_ visitor: Visitor) async throws -> PageFrame.Viewer {
        PageFrame.Viewer(
            name: visitor.session.displayName,
            subject: visitor.principal.subject,
            signOutToken: try await token("sign-out", for: visitor.principal.subject),
            usesKeys: visitor.session.usesKeys,
            // A request is noted to the minute.
            idleSeconds: (SignInSession.idleMinutes - 1) * 60,
            longestSeconds: visitor.session.secondsLeft(at: .now)
        )
    }
}
