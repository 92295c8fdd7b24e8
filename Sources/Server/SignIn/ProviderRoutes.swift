import CareEpisode
import Documents
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import Pages
import ProjectionRuntime

/// Signing in with an identity provider, and being signed out by it.
struct ProviderRoutes: Sendable {
    private let service: LedgerService
    private let pages: PageDoor

    init(_ service: LedgerService, _ pages: PageDoor) {
        self.service = service
        self.pages = pages
    }

    private var signIn: SignIn { service.signIn }

    func add(to router: Router<LedgerRequestContext>) {
        router.get("sign-in/start") { request, context in
            await pages.answer(request, context) {
                try await bounded { try await start(request, context) }
            }
        }
        router.get("sign-in/callback") { request, context in
            await pages.answer(request, context) {
                try await bounded { try await comeBack(request, context) }
            }
        }
        router.post("sign-in/backchannel-logout") { request, context in
            try pages.checkHost(of: request)
            return try await bounded { try await endSessions(request, context) }
        }
    }

    /// The longest that the provider and the database may take together.
    private func bounded(
        _ body: @escaping @Sendable () async throws -> Response
    ) async throws -> Response {
        try await withTimeout(service.settings.requestTimeout + .seconds(20), body)
    }

    private func provider() throws -> OpenIDProvider {
        guard let provider = signIn.provider else {
            throw Problem.notFound("there is no such page")
        }
        return provider
    }

    // MARK: - To the provider

    /// Begins to sign in: the browser goes on at the provider.
    private func start(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let provider = try provider()
        let page = request.uri.queryParameters["return"].flatMap { ReturnPage(String($0)) }
        // The provider leads back to the public host, where another host's cookie is not seen. And
        // another site begins nothing: whoever comes from there is asked.
        guard signIn.origins.isPublicHost(of: request),
            request.headers[.secFetchSite].map({ $0 == "same-origin" }) ?? true
        else {
            let address = SignIn.address(leadingTo: page)
            return .redirect(to: "\(provider.settings.origin.description)\(address)")
        }
        let sender = signIn.sender(request, context)
        try await signIn.checkFailures(of: sender)
        let flow = SignInFlow(returnPage: (page ?? .first).address)
        // Two tabs of a browser may be signing in.
        let cookie = signIn.flowSecret(request) ?? SignIns.secret()
        do {
            _ = try await provider.metadata()
            guard
                let state = try await signIn.store.begin(flow, cookie: cookie, from: sender)
            else { throw Problem.tooManyFlows }
            var response = Response.redirect(
                to: try await provider.authorizationAddress(flow, state: state)
            )
            response.headers[.setCookie] = signIn.flowCookie(cookie, for: request)
            return response
        } catch let error as OpenIDError {
            return try away("\(error)", context)
        }
    }

    // MARK: - Back from the provider

    /// Signs in whom the provider vouches for.
    private func comeBack(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let provider = try provider()
        let sender = signIn.sender(request, context)
        try await signIn.checkFailures(of: sender)
        do {
            return try await finish(provider, request, context)
        } catch AuthenticationError.unavailable {
            return try away("its keys cannot be fetched", context)
        } catch OpenIDError.away(let reason) {
            return try away(reason, context)
        } catch let error as OpenIDError {
            return try await refused("\(error)", request, context)
        } catch let error as AuthenticationError {
            return try await refused("\(error)", request, context)
        }
    }

    private func finish(
        _ provider: OpenIDProvider,
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let answer = ProviderAnswer(request)
        guard let state = answer.state, let cookie = signIn.flowSecret(request),
            let flow = try await signIn.store.takeFlow(state, cookie: cookie)
        else {
            throw OpenIDError.refused(
                "this sign-in was not begun in this browser, or more than ten minutes ago, or "
                    + "has been used"
            )
        }
        let code = try answer.code(
            issuer: provider.settings.issuer,
            namesIssuer: try await provider.metadata().namesIssuer
        )
        let (subject, claims) = try await provider.claims(code: code, flow)
        let mapped = provider.settings.claims.mapped(claims.all)
        guard mapped.isAnything else { return noAccess(subject, provider, context) }
        let secret = try await signIn.store.newSession(
            of: ProviderIdentity(
                issuer: provider.settings.issuer,
                subject: subject,
                providerSession: claims.sid,
                roles: mapped.roles,
                ledgers: mapped.ledgers,
                author: mapped.author
            )
        )
        // Whoever was signed in here before is not any more.
        if let before = signIn.secret(request) { try await signIn.store.end(secret: before) }
        var response = Response.redirect(to: (ReturnPage(flow.returnPage) ?? .first).address)
        response.headers[.setCookie] = signIn.cookie(secret, for: request)
        return response
    }

    private func noAccess(
        _ subject: String,
        _ provider: OpenIDProvider,
        _ context: LedgerRequestContext
    ) -> Response {
        context.logger.warning(
            "signed in at the provider, with no role or no ledger here",
            metadata: ["subject": "\(subject.printable)"]
        )
        let view = MessageView(
            "You have no access",
            [
                "\(provider.settings.name) knows you as \(subject), and what it says of you "
                    + "opens no ledger here.",
                "Who runs the service can give you access.",
            ],
            // Who is signed in there would only be known by the same name again.
            link: (provider.endSessionAddress ?? "/sign-in", "Sign in as somebody else")
        )
        return .page(PageFrame(requestID: context.id).page(view), status: .forbidden)
    }

    private func refused(
        _ reason: String,
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        // The provider's page leads back from another site, and then with the cookie of the flow.
        if signIn.flowSecret(request) != nil {
            try await signIn.store.noteFailure(from: signIn.sender(request, context))
        } else {
            try await signIn.noteFailure(request, context)
        }
        context.logger.warning("a sign-in is refused", metadata: ["reason": "\(reason)"])
        let view = MessageView(
            "You are not signed in",
            ["Signing in did not work: \(reason)."],
            link: ("/sign-in", "Try again")
        )
        return .page(PageFrame(requestID: context.id).page(view), status: .badRequest)
    }

    /// That the provider is the reason why nobody can sign in now.
    private func away(_ reason: String, _ context: LedgerRequestContext) throws -> Response {
        context.logger.warning(
            "the identity provider cannot be used",
            metadata: ["reason": "\(reason)"]
        )
        throw Problem.unavailable(
            "the identity provider does not answer as it should: try again in a minute",
            retryAfter: 10
        )
    }

    // MARK: - Signed out by the provider

    /// The most bytes of a form with a logout token.
    private static let logoutLimit = 32_768

    /// Ends the sessions that the provider has ended (OpenID Connect Back-Channel Logout 1.0).
    private func endSessions(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let provider = try provider()
        do {
            guard let token = try await FormFields(request, limit: Self.logoutLimit)["logout_token"]
            else {
                throw OpenIDError.refused("there is no logout_token")
            }
            let logout = try await provider.logout(token)
            guard
                let ended = try await signIn.store.logOut(
                    issuer: provider.settings.issuer,
                    token: logout.token,
                    session: logout.session,
                    subject: logout.subject
                )
            else { throw OpenIDError.refused("the token was used before") }
            context.logger.info(
                "signed out by the provider",
                metadata: ["sessions": "\(ended)"]
            )
            return Response(status: .ok)
        } catch let error where Self.isRefusal(error) {
            context.logger.warning("a logout is refused", metadata: ["reason": "\(error)"])
            return .json(["error": "invalid_request"], status: .badRequest)
        }
    }

    /// Whether what was sent is at fault, or the provider: then a logout is answered with 400.
    private static func isRefusal(_ error: any Error) -> Bool {
        switch error {
        case is OpenIDError, is AuthenticationError: true
        case let problem as Problem: problem.status == .badRequest
        case let error as HTTPError: error.status == .contentTooLarge
        default: false
        }
    }
}

/// What a browser brings back from the provider.
private struct ProviderAnswer {
    let state: String?
    private let code: String?
    private let issuers: [String]
    private let error: String?

    init(_ request: Request) {
        let query = request.uri.queryParameters
        /// Something that is given twice counts as not given.
        func value(_ name: String) -> String? {
            let all = query[values: Substring(name)]
            return all.count == 1 ? String(all[0]) : nil
        }
        state = value("state")
        code = value("code")
        issuers = query[values: "iss"].map(String.init)
        error = value("error")
    }

    /// The code of an answer that is the provider's (RFC 9207) and no error.
    ///
    /// - Throws: ``OpenIDError/refused(_:)``.
    func code(issuer expected: String, namesIssuer: Bool) throws -> String {
        guard issuers.allSatisfy({ $0 == expected }), !issuers.isEmpty || !namesIssuer else {
            throw OpenIDError.refused("the answer is not the provider's")
        }
        if let error {
            // Only what looks like one of the codes of RFC 6749 is repeated.
            let isCode =
                error.utf8.count <= 64
                && error.utf8.allSatisfy {
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                        || $0 == UInt8(ascii: "_")
                }
            throw OpenIDError.refused(
                isCode ? "the provider says \(error)" : "the provider says that it failed"
            )
        }
        guard let code, !code.isEmpty else {
            throw OpenIDError.refused("the provider sent no code")
        }
        return code
    }
}
