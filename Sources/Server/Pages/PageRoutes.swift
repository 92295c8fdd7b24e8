import CareEpisode
import Documents
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import Pages

/// What a browser asks for: pages, signing in and out, the style sheet and the script.
struct PageRoutes: Sendable {
    private let service: LedgerService
    private let door: Door

    init(_ service: LedgerService, _ door: Door) {
        self.service = service
        self.door = door
    }

    private var signIn: SignIn { service.signIn }

    func add(to router: Router<LedgerRequestContext>) {
        for file in Assets.all {
            router.get(RouterPath(file.path)) { request, context in
                await page(request, context) { .asset(file) }
            }
        }
        for endpoint in Endpoint.pages {
            router.on(RouterPath(endpoint.route), method: endpoint.method) { request, context in
                await page(request, context) { try await door.answer(endpoint, request, context) }
            }
        }
        router.get("/") { request, context in
            await page(request, context) { try await home(request, context) }
        }
        router.get("ledgers/{ledger}/**") { request, context in
            await page(request, context) { throw Problem.notFound("there is no such page") }
        }
        router.get("sign-in") { request, context in
            await page(request, context) { signInPage(context) }
        }
        router.get("sign-in/once/{secret}") { request, context in
            await page(request, context) { try await link(request, context) }
        }
        router.post("sign-in/once/{secret}") { request, context in
            await page(request, context) { try await useLink(request, context) }
        }
        router.post("sign-out") { request, context in
            await page(request, context) { try await signOut(request, context) }
        }
        router.get("account") { request, context in
            await page(request, context) { try await account(request, context) }
        }
        router.post("account") { request, context in
            await page(request, context) { try await setAccount(request, context) }
        }
    }

    // MARK: - Around every page

    /// Answers a request of a browser: for the pages' own host alone, every error as a page, and with
    /// the headers that keep a page safe.
    private func page(
        _ request: Request,
        _ context: LedgerRequestContext,
        _ body: () async throws -> Response
    ) async -> Response {
        var response: Response
        do {
            guard signIn.origins.isHost(of: request) else {
                throw Problem(
                    status: .misdirectedRequest,
                    code: "misdirected",
                    detail: "this host is not the one that the service is known by"
                )
            }
            response = try await body()
        } catch let late as LateAnswer {
            let view = late.view
            response = .page(PageFrame(requestID: context.id).page(view), status: .accepted)
            response.headers[.refresh] = "2"
        } catch is SignInNeeded {
            response = .redirect(to: "/sign-in")
        } catch {
            let problem = Problem(error)
            if problem.status.code >= 500 {
                context.logger.error(
                    "page failed",
                    metadata: ["error": "\(type(of: error))", "code": "\(problem.code)"]
                )
            }
            response = .page(
                PageFrame(requestID: context.id).page(problem.view),
                status: problem.status
            )
            for field in problem.headers where field.name != .wwwAuthenticate {
                response.headers[field.name] = field.value
            }
        }
        response.headers.addPageHeaders(isSecure: signIn.origins.isSecure(request))
        return response
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

    // MARK: - Signing in and out

    private func signInPage(_ context: LedgerRequestContext) -> Response {
        let view = SignedOutView(takesLinks: signIn.takesLinks)
        return .page(PageFrame(requestID: context.id).page(view))
    }

    private func link(_ request: Request, _ context: LedgerRequestContext) async throws -> Response
    {
        let secret = try await linkSecret(context)
        guard try await signIn.store.isLink(secret) else { return try await deadLink(context) }
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
        let secret = try await linkSecret(context)
        try await signIn.check(
            "sign-in",
            try await FormFields(request),
            from: request,
            subject: ""
        )
        try await signIn.store.deleteExpired()
        guard let session = try await signIn.store.useLink(secret) else {
            return try await deadLink(context)
        }
        var response = Response.redirect(to: "/")
        response.headers[.setCookie] = signIn.cookie(session, for: request)
        return response
    }

    /// The secret of a link's address, where this service takes links and the address has not failed
    /// too often.
    private func linkSecret(_ context: LedgerRequestContext) async throws -> String {
        guard signIn.takesLinks else { throw Problem.notFound("there is no such page") }
        if try await signIn.store.isRefused(context.peer) {
            throw Problem(
                status: .tooManyRequests,
                code: "too-many",
                detail: "too many attempts to sign in failed: try again in a minute",
                headers: [.retryAfter: "60"]
            )
        }
        return context.parameters.get("secret") ?? ""
    }

    private func deadLink(_ context: LedgerRequestContext) async throws -> Response {
        try await signIn.store.noteFailure(from: context.peer)
        let view = SignedOutView(
            "This link signs in no more",
            "A link is good once, for ten minutes, and until a newer one is made.",
            takesLinks: true
        )
        return .page(PageFrame(requestID: context.id).page(view), status: .notFound)
    }

    private func signOut(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        let visitor = try await service.visitor(of: request)
        let fields = try await FormFields(request)
        let subject = visitor.principal.subject
        try await signIn.check("sign-out", fields, from: request, subject: subject)
        _ = try await signIn.store.end(session: visitor.session.id)
        var response = Response.redirect(to: "/sign-in")
        response.headers[.setCookie] = signIn.noCookie(for: request)
        response.headers[.clearSiteData] = "\"cache\", \"storage\""
        return response
    }
}

extension LedgerService {
    /// Who asks for a page, within the time that a request has.
    ///
    /// - Throws: ``SignInNeeded``, and ``Problem`` 503.
    func visitor(of request: Request) async throws -> Visitor {
        try await withTimeout(settings.requestTimeout) { [signIn] in
            try await signIn.visitor(of: request)
        }
    }
}

extension SignIn {
    /// Who reads a page, as its header says.
    func viewer(_ visitor: Visitor) async throws -> PageFrame.Viewer {
        PageFrame.Viewer(
            name: visitor.session.subject,
            signOutToken: try await token("sign-out", for: visitor.principal.subject),
            usesKeys: visitor.session.usesKeys,
            // A request is noted to the minute.
            idleSeconds: (SignInSession.idleMinutes - 1) * 60,
            longestSeconds: visitor.session.secondsLeft(at: .now)
        )
    }
}

extension LateAnswer {
    /// What is going on, for people.
    fileprivate var view: MessageView {
        let again = "This page looks again by itself every two seconds."
        guard let seconds else {
            return MessageView(
                "Waiting for other pages",
                [
                    "As many pages of the past are being worked out as the service takes at a time.",
                    again,
                ]
            )
        }
        var progress = "It has taken \(seconds) s so far"
        if events > 0 { progress += ", and \(Words.grouped(Int64(events))) events are read" }
        return MessageView(
            "Working on it",
            ["The history is folded as it was known at that time. \(progress).", again]
        )
    }
}

extension Problem {
    /// The problem for people.
    fileprivate var view: MessageView {
        switch status {
        case .forbidden:
            MessageView(
                "You may not see this page",
                [
                    "Your roles do not include it, or it was opened from elsewhere: \(detail).",
                    "Who runs the service can give you more.",
                ],
                link: ("/", "To the first page")
            )
        case .notFound:
            MessageView(
                "There is no such page",
                ["\(detail.sentence) It may have been mistyped."],
                link: ("/", "To the first page")
            )
        case .badRequest:
            MessageView(
                "This page cannot be shown as it was asked for",
                [detail.sentence],
                link: ("/", "To the first page")
            )
        case .serviceUnavailable:
            MessageView(
                "The service cannot answer at this moment",
                ["\(detail.sentence) Nothing was lost."]
            )
        default:
            MessageView("This did not work", [detail.sentence], link: ("/", "To the first page"))
        }
    }
}

extension String {
    /// With a capital letter and a full stop.
    fileprivate var sentence: String {
        prefix(1).uppercased() + dropFirst() + (last == "." ? "" : ".")
    }
}
