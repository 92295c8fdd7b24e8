import HTTPTypes
import Hummingbird
import Ledger
import Logging
import Pages

/// Signing in to the pages and out.
struct SignInRoutes: Sendable {
    private let service: LedgerService
    private let pages: PageDoor

    init(_ service: LedgerService) {
        self.service = service
        pages = PageDoor(service)
    }

    private var signIn: SignIn { service.signIn }

    func add(to router: Router<LedgerRequestContext>) {
        router.get("sign-in") { request, context in
            await pages.answer(request, context) { signInPage(request, context) }
        }
        router.get("sign-in/once/{secret}") { request, context in
            await pages.answer(request, context) { try await link(request, context) }
        }
        router.post("sign-in/once/{secret}") { request, context in
            await pages.answer(request, context) { try await useLink(request, context) }
        }
        router.post("sign-out") { request, context in
            await pages.answer(request, context) { try await signOut(request, context) }
        }
        ProviderRoutes(service, pages).add(to: router)
    }

    private func signInPage(_ request: Request, _ context: LedgerRequestContext) -> Response {
        let page = request.uri.queryParameters["return"].flatMap { ReturnPage(String($0)) }
        let provider = signIn.provider.map { provider in
            SignedOutView.Provider(
                name: provider.settings.name,
                path: SignIn.address("/sign-in/start", leadingTo: page)
            )
        }
        let view = SignedOutView(takesLinks: signIn.takesLinks, provider: provider)
        return .page(PageFrame(requestID: context.id).page(view))
    }

    // MARK: - One-time links

    private func link(_ request: Request, _ context: LedgerRequestContext) async throws -> Response
    {
        let secret = try await linkSecret(request, context)
        guard try await signIn.store.isLink(secret) else {
            return try await deadLink(request, context)
        }
        let view = OneTimeLinkView(
            path: "/sign-in/once/\(secret)",
            token: try await signIn.token("sign-in", for: "")
        )
        return .page(PageFrame(requestID: context.id).page(view))
    }

    private func useLink(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let secret = try await linkSecret(request, context)
        try await signIn.check(
            "sign-in",
            try await FormFields(request),
            from: request,
            subject: ""
        )
        try await signIn.store.deleteExpired()
        guard let session = try await signIn.store.useLink(secret) else {
            return try await deadLink(request, context)
        }
        // Whoever was signed in here before is not any more.
        if let before = signIn.secret(request) { try await signIn.store.end(secret: before) }
        var response = Response.redirect(to: "/")
        response.headers[.setCookie] = signIn.cookie(session, for: request)
        return response
    }

    /// The secret of a link's address, where this service takes links and the address has not failed
    /// too often.
    private func linkSecret(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> String {
        guard signIn.takesLinks else { throw Problem.notFound("there is no such page") }
        try await signIn.checkFailures(of: signIn.sender(request, context))
        return context.parameters.get("secret") ?? ""
    }

    private func deadLink(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        try await signIn.noteFailure(request, context)
        let view = SignedOutView(
            "This link signs in no more",
            "A link is good once, for ten minutes, and until a newer one is made.",
            takesLinks: true
        )
        return .page(PageFrame(requestID: context.id).page(view), status: .notFound)
    }

    // MARK: - Signing out

    private func signOut(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        // Without a session too: a browser sends none along from another site.
        guard signIn.origins.isSameOrigin(request) else {
            throw Problem.forbidden("this form was sent from another site")
        }
        var next = "/sign-in"
        do {
            let visitor = try await service.visitor(of: request)
            let fields = try await FormFields(request)
            let subject = visitor.principal.subject
            try await signIn.check("sign-out", fields, from: request, subject: subject)
            _ = try await signIn.store.end(session: visitor.session.id)
            if let provider = signIn.provider,
                visitor.session.issuer == provider.settings.issuer,
                let address = provider.endSessionAddress
            {
                next = address
            }
        } catch is SignInNeeded {
            // Whose session is over already has what was asked for.
        }
        var response = Response.redirect(to: next)
        response.headers[.setCookie] = signIn.noCookie(for: request)
        response.headers[.clearSiteData] = "\"cache\", \"storage\""
        return response
    }
}
