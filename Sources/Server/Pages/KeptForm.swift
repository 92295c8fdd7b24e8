import HTTPTypes
import Hummingbird
import Pages

/// A form that the service could not take now: what was typed goes back, to be sent again, and nothing else.
struct KeptForm {
    private let action: String
    private let fields: FormFields
    private let detail: String

    /// Keeps a form; nil where sending it again would not help.
    init?(_ request: Request, _ fields: FormFields, _ error: any Error) {
        if error is LateAnswer {
            detail = "the service is still working on it"
        } else {
            let problem = Problem(error)
            guard problem.status == .serviceUnavailable else { return nil }
            detail = problem.detail
        }
        action = request.uri.string
        self.fields = fields
    }

    /// The page, 503.
    func response(_ context: LedgerRequestContext) -> Response {
        let view = LateFormView(action: action, fields: fields.all, unavailable: detail)
        return .page(PageFrame(requestID: context.id).page(view), status: .serviceUnavailable)
    }
}

/// That nobody knows who sends a form, since the database is away: it has not been read yet.
struct FormNotTaken: Error {
    let reason: any Error
}
