import HTTPTypes
import Hummingbird
import Pages

extension Response {
    /// A page.
    static func page(_ html: String, status: HTTPResponse.Status = .ok) -> Response {
        .bytes(Array(html.utf8), "text/html; charset=utf-8", status: status)
    }

    /// A file that may be kept: its name changes with what it holds.
    static func asset(_ file: Assets.File) -> Response {
        .bytes(
            Array(file.text.utf8),
            file.type,
            headers: [.cacheControl: "public, max-age=31536000, immutable"]
        )
    }

    /// Leads to another page, asked for by GET.
    static func redirect(to path: String) -> Response {
        Response(status: .seeOther, headers: [.location: path])
    }
}

extension HTTPFields {
    /// What keeps a page from being framed, fed with foreign scripts, kept, or told to others.
    ///
    /// - Parameters:
    ///   - isSecure: whether browsers come over https.
    ///   - formTargets: other origins that a form may lead to: the identity provider's.
    mutating func addPageHeaders(isSecure: Bool, formTargets: [String]) {
        let targets = (["'self'"] + formTargets).joined(separator: " ")
        self[.contentSecurityPolicy] = """
            default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
            connect-src 'self'; form-action \(targets); frame-ancestors 'none'; base-uri 'none'; \
            require-trusted-types-for 'script'; trusted-types parts
            """
        self[.referrerPolicy] = "same-origin"
        self[.xContentTypeOptions] = "nosniff"
        self[.crossOriginOpenerPolicy] = "same-origin"
        self[.crossOriginResourcePolicy] = "same-origin"
        self[.permissionsPolicy] =
            "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"
        if isSecure { self[.strictTransportSecurity] = "max-age=63072000" }
    }
}
