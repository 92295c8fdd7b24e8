import HTTPTypes
import Hummingbird
import Ledger
import Pages

extension SignIn {
    /// The most bytes of a form that comes too late: nobody knows who sends it.
    static let lateFormLength = 131_072

    /// What somebody is answered who is not signed in, or not any more: the way to sign in and back to
    /// the page; or the form that came too late, whole, to be sent again.
    ///
    /// Nothing of a form is kept. Its token says whose it is: after somebody else has signed in it is
    /// refused.
    ///
    /// - Throws: ``Problem`` 403 where a form is not from a page of this service.
    func askToSignIn(
        _ request: Request,
        _ context: LedgerRequestContext
    ) async throws -> Response {
        guard request.method == .post else {
            // Where links alone sign in, they lead to the first page.
            let page = provider == nil ? nil : ReturnPage(request.uri.string)
            return .redirect(to: Self.address(leadingTo: page))
        }
        guard origins.isSameOrigin(request) else {
            throw Problem.forbidden("this form was sent from another site")
        }
        let view = LateFormView(
            action: request.uri.string,
            fields: try await FormFields(request, limit: Self.lateFormLength).all
        )
        return .page(PageFrame(requestID: context.id).page(view), status: .forbidden)
    }

    /// Where somebody signs in, and the page after that.
    static func address(
        _ path: String = "/sign-in",
        leadingTo page: ReturnPage?
    ) -> String {
        guard let page, page != .first else { return path }
        return PageAddress(path, ["return": [page.address]]).href
    }

    /// Refuses an address that has failed to sign in too often.
    ///
    /// - Throws: ``Problem`` 429.
    func checkFailures(of sender: String) async throws {
        if try await store.isRefused(sender) { throw Problem.tooManyAttempts }
    }

    /// Notes that an address has failed to sign in: not what another site has made its browser ask.
    func noteFailure(_ request: Request, _ context: LedgerRequestContext) async throws {
        let site = request.headers[.secFetchSite]
        guard site == nil || site == "none" || site == "same-origin" else { return }
        try await store.noteFailure(from: sender(request, context))
    }
}

extension Problem {
    /// That somebody tries to sign in too often.
    static let tooManyAttempts = Problem(
        status: .tooManyRequests,
        code: "too-many",
        detail: "too many attempts to sign in failed: try again in a minute",
        headers: [.retryAfter: "60"]
    )

    /// That somebody begins to sign in too often.
    static let tooManyFlows = Problem(
        status: .tooManyRequests,
        code: "too-many",
        detail: "too many sign-ins are under way from where you are: try again in ten minutes",
        headers: [.retryAfter: "\(SignInFlow.minutes * 60)"]
    )
}
