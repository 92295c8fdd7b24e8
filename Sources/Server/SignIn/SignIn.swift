import CareEpisode
import Crypto
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Ledger
import NIOCore
import Pages
import Synchronization

/// Somebody who is signed in to the pages.
struct Visitor: Sendable {
    let session: SignInSession
    let principal: Principal

    init(_ session: SignInSession) {
        self.session = session
        principal = Principal(
            subject: session.subject,
            roles: Set(session.roles.compactMap(Role.init(rawValue:))),
            ledgers: session.ledgers.map { Set($0.compactMap { LedgerName($0) }) },
            expiresAt: session.expiresAt
        )
    }
}

/// That a page is for who is signed in.
struct SignInNeeded: Error {}

/// Signing in to the pages and out: cookies, links, and what forms are signed with.
struct SignIn: Sendable {
    let store: SignIns
    let origins: PageOrigins
    let takesLinks: Bool
    /// Nil where links alone sign in, or nobody.
    let provider: OpenIDProvider?
    let proxies: TrustedProxies
    private let formKey: FormKey

    init(_ database: LedgerDatabase, _ settings: PageSettings) {
        store = SignIns(database)
        origins = PageOrigins(publicOrigin: settings.publicOrigin, usesTLS: settings.usesTLS)
        takesLinks = settings.takesLinks && settings.provider == nil
        provider = settings.provider.map { OpenIDProvider($0) }
        proxies = TrustedProxies(ranges: settings.trustedProxies)
        formKey = FormKey(store: store)
    }

    /// Deletes what is over, every few minutes, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            // The database may be away, and whoever asks is told then.
            try? await store.deleteExpired()
            try? await Task.sleep(for: .seconds(300))
        }
    }

    // MARK: - Who

    /// Who asks for a page, by the session's cookie.
    ///
    /// - Parameter isActivity: whether the request may count as somebody's doing; what a page asks by
    ///   itself says so, and does not.
    /// - Throws: ``SignInNeeded``.
    func visitor(of request: Request, isActivity: Bool = true) async throws -> Visitor {
        guard let secret = secret(request),
            let session = try await store.session(
                secret,
                isActivity: isActivity && request.uri.queryParameters["auto"] == nil
                    && value(ofCookie: Self.lateCookie, of: request) == nil
            ),
            // Who was signed in by a link, or by another provider, is not where that is over.
            session.issuer == provider?.settings.issuer
        else { throw SignInNeeded() }
        return Visitor(session)
    }

    /// Who sends a request, as far as proxies can be believed.
    func sender(_ request: Request, _ context: LedgerRequestContext) -> String {
        proxies.sender(request, peer: context.peer)
    }

    // MARK: - Cookies

    /// The secret of the session's cookie.
    func secret(_ request: Request) -> String? {
        // What no session has is not worth a query.
        cookie("session", of: request).flatMap { (64...66).contains($0.utf8.count) ? $0 : nil }
    }

    /// The secret of the browser that a sign-in with a provider is bound to.
    func flowSecret(_ request: Request) -> String? {
        cookie("sign-in", of: request).flatMap { $0.utf8.count == 64 ? $0 : nil }
    }

    private func cookie(_ name: String, of request: Request) -> String? {
        value(ofCookie: origins.cookieName(name, request), of: request)
    }

    private func value(ofCookie name: String, of request: Request) -> String? {
        for header in request.headers[values: .cookie] {
            for pair in header.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, parts[0].trimmed == name else { continue }
                return parts[1].trimmed
            }
        }
        return nil
    }

    private static let lateCookie = "late"

    /// What a page that is late leaves with the browser, which asks for it again by itself: the next
    /// request for it is nobody's doing.
    func lateCookie(for request: Request) -> String {
        "\(Self.lateCookie)=1; Max-Age=4; Path=\(request.uri.path); HttpOnly; SameSite=Strict"
            + (origins.isSecure(request) ? "; Secure" : "")
    }

    /// The cookie of a new session.
    func cookie(_ secret: String, for request: Request) -> String {
        cookie("session", secret, for: request)
    }

    /// The cookie that takes a session's away.
    func noCookie(for request: Request) -> String {
        cookie("session", "", for: request) + "; Max-Age=0"
    }

    /// The cookie of a sign-in with a provider.
    func flowCookie(_ secret: String, for request: Request) -> String {
        cookie("sign-in", secret, for: request) + "; Max-Age=\(SignInFlow.minutes * 60)"
    }

    private func cookie(_ name: String, _ value: String, for request: Request) -> String {
        let secure = origins.isSecure(request) ? "; Secure" : ""
        let name = origins.cookieName(name, request)
        return "\(name)=\(value); Path=/; HttpOnly; SameSite=Lax\(secure)"
    }

    // MARK: - Forms

    /// So many hours a form can be sent.
    static let formHours: Int64 = 24

    /// What a form is signed with.
    ///
    /// - Parameters:
    ///   - form: which one.
    ///   - subject: who it was made for; empty where nobody is signed in.
    func token(_ form: String, for subject: String) async throws -> String {
        let key = SymmetricKey(data: try await formKey.value())
        return Base64URL.encode(
            HMAC<SHA256>.authenticationCode(
                for: Self.message(form, subject, Self.hour),
                using: key
            )
        )
    }

    /// Takes a form only from where this service made it, for who sends it.
    ///
    /// - Throws: ``Problem`` 403.
    func check(
        _ form: String,
        _ fields: FormFields,
        from request: Request,
        subject: String
    ) async throws {
        guard origins.isSameOrigin(request) else {
            throw Problem.forbidden("this form was sent from another site")
        }
        if let code = Base64URL.decode(fields[FormToken.name] ?? "") {
            let key = SymmetricKey(data: try await formKey.value())
            for hour in (0...Self.formHours).map({ Self.hour - $0 })
            where HMAC<SHA256>.isValidAuthenticationCode(
                code,
                authenticating: Self.message(form, subject, hour),
                using: key
            ) {
                return
            }
        }
        throw Problem.forbidden("this form is too old or not yours: open the page again")
    }

    private static var hour: Int64 { Instant.now.microseconds / 3_600_000_000 }

    private static func message(_ form: String, _ subject: String, _ hour: Int64) -> [UInt8] {
        // With lengths, so that no two triples are one text.
        [form, subject, String(hour)].flatMap { Array("\($0.utf8.count):\($0)".utf8) }
    }
}

/// The key of forms, read once.
private final class FormKey: Sendable {
    private let store: SignIns
    private let known = Mutex<[UInt8]?>(nil)

    init(store: SignIns) { self.store = store }

    func value() async throws -> [UInt8] {
        if let key = known.withLock({ $0 }) { return key }
        let key = try await store.formKey()
        known.withLock { $0 = key }
        return key
    }
}

/// The fields of a form as a browser sends it.
struct FormFields: Sendable {
    /// As they were sent.
    let all: [(name: String, value: String)]

    /// The most bytes of a form.
    static let limit = 1 << 20
    /// The most fields of a form.
    private static let fieldLimit = 10_000

    /// Reads a form's body.
    ///
    /// - Parameter limit: the most bytes that it may have.
    /// - Throws: ``Problem`` 400 or 413.
    init(_ request: Request, limit: Int = FormFields.limit) async throws {
        let type = request.headers[.contentType]?.split(separator: ";").first.map(String.init)
        guard type == "application/x-www-form-urlencoded" else {
            throw Problem.badRequest("Content-Type", "must be application/x-www-form-urlencoded")
        }
        let body: [UInt8]
        do {
            body = Array(try await request.body.collect(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw HTTPError(.contentTooLarge)
        }
        // Counted before anything is taken apart: nobody's form may keep others waiting.
        guard body.count(where: { $0 == UInt8(ascii: "&") }) < Self.fieldLimit else {
            throw HTTPError(.contentTooLarge)
        }
        all = body.split(separator: UInt8(ascii: "&")).map { field in
            let parts = field.split(
                separator: UInt8(ascii: "="),
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            return (Self.decoded(parts[0]), parts.count == 2 ? Self.decoded(parts[1]) : "")
        }
    }

    /// A name or a value as it was typed: `+` is a blank, `%41` a byte (WHATWG URL, 5.1).
    private static func decoded(_ text: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var place = text.startIndex
        while place < text.endIndex {
            let byte = text[place]
            place += 1
            if byte == UInt8(ascii: "%"), text.endIndex - place >= 2,
                let high = Self.digit(text[place]), let low = Self.digit(text[place + 1])
            {
                bytes.append(high << 4 | low)
                place += 2
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The first value of a field.
    subscript(_ name: String) -> String? { all.first { $0.name == name }?.value }
}
