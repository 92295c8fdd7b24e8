import Documents
import HTTPTypes
import Hummingbird
import Logging
import Pages

/// What stands before every page: the pages' own host alone, every error as a page, and the headers
/// that keep a page safe.
struct PageDoor: Sendable {
    private let service: LedgerService

    init(_ service: LedgerService) { self.service = service }

    private var signIn: SignIn { service.signIn }

    func answer(
        _ request: Request,
        _ context: LedgerRequestContext,
        _ body: () async throws -> Response
    ) async -> Response {
        var response: Response
        do {
            try checkHost(of: request)
            // A link that begins with two slashes leads to another host.
            guard !request.uri.path.contains("//") else {
                throw Problem.notFound("there is no such page")
            }
            do {
                response = try await body()
            } catch is SignInNeeded {
                let isForm = request.method == .post
                let share = try service.workAtOnce.share(isForm ? [.lateForms] : [])
                response = try await signIn.askToSignIn(request, context).keeping(share)
            } catch let late as FormNotTaken {
                guard signIn.origins.isSameOrigin(request) else { throw late.reason }
                let share = try service.workAtOnce.share([.lateForms])
                let fields = try await FormFields(request, limit: SignIn.lateFormLength)
                guard let kept = KeptForm(request, fields, late.reason) else { throw late.reason }
                response = kept.response(context).keeping(share)
            }
        } catch let late as LateAnswer {
            response = .page(PageFrame(requestID: context.id).page(late.view), status: .accepted)
            response.headers[.refresh] = "2"
            response.headers[.setCookie] = signIn.lateCookie(for: request)
        } catch let refused as PageRefusal {
            response = .page(refused.html, status: .badRequest)
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
        response.headers.addPageHeaders(
            isSecure: signIn.origins.isSecure(request),
            formTargets: signIn.provider?.known?.origins ?? []
        )
        return response
    }

    /// Takes a request for the service's own host alone.
    ///
    /// - Throws: ``Problem`` 421.
    func checkHost(of request: Request) throws {
        guard signIn.origins.isHost(of: request) else {
            throw Problem(
                status: .misdirectedRequest,
                code: "misdirected",
                detail: "this host is not the one that the service is known by"
            )
        }
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
                link: ("/", "To the first page"),
                isError: true
            )
        case .notFound:
            MessageView(
                "There is no such page",
                ["\(detail.sentence) It may have been mistyped."],
                link: ("/", "To the first page"),
                isError: true
            )
        case .badRequest:
            MessageView(
                "This page cannot be shown as it was asked for",
                [detail.sentence],
                link: ("/", "To the first page"),
                isError: true
            )
        case .serviceUnavailable:
            MessageView(
                "The service cannot answer at this moment",
                ["\(detail.sentence) Nothing was lost."],
                isError: true
            )
        default:
            MessageView(
                "This did not work",
                [detail.sentence],
                link: ("/", "To the first page"),
                isError: true
            )
        }
    }
}

extension String {
    /// With a capital letter and a full stop.
    fileprivate var sentence: String {
        prefix(1).uppercased() + dropFirst() + (last == "." ? "" : ".")
    }
}
