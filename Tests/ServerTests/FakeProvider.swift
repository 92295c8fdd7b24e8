import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import Server

/// An identity provider of the test's own, which says whatever a test wants it to say.
final class FakeProvider: Sendable {
    static let client = "episode-ledger"
    static let secret = "s/e c:ret"
    static let key = Curve25519.Signing.PrivateKey()

    let port: Int
    private let state = Mutex(State())

    private struct State {
        /// What codes stand for.
        var codes: [String: Grant] = [:]
        /// Members of the metadata, as JSON; nil leaves one out.
        var metadata: [String: String?] = [:]
        var isAway = false
        /// The fields and the `Authorization` of each exchange.
        var exchanges: [(fields: [String: String], authorization: String?)] = []
    }

    /// What a browser asked for, and what its ID token will say.
    private struct Grant {
        let challenge: String
        let token: String
    }

    private init(port: Int) { self.port = port }

    var issuer: String { "http://127.0.0.1:\(port)" }

    // MARK: - Running

    /// Runs a provider for as long as the body runs.
    static func with(_ body: @escaping @Sendable (FakeProvider) async throws -> Void) async throws {
        let made = Mutex<FakeProvider?>(nil)
        @Sendable func answer(
            _ body: @Sendable (FakeProvider) throws -> (Int, String)
        ) -> Response {
            let result = made.withLock { $0 }.flatMap { try? body($0) } ?? (500, "")
            return Response(
                status: HTTPResponse.Status(code: result.0),
                headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: result.1))
            )
        }
        let router = Router()
        router.get(".well-known/openid-configuration") { _, _ in answer { $0.metadata() } }
        router.get("keys") { _, _ in answer { $0.keys() } }
        router.post("token") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 16)
            let text = String(buffer: body).replacingOccurrences(of: "+", with: "%20")
            var fields: [String: String] = [:]
            for (name, value) in URI("/?\(text)").queryParameters {
                fields[String(name)] = String(value)
            }
            let (sent, authorization) = (fields, request.headers[.authorization])
            return answer { $0.exchange(sent, authorization) }
        }
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let quiet = Logger(label: "provider") { JSONLog(label: $0, level: .critical) }
        let application = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { listening.yield($0.localAddress?.port ?? 0) },
            logger: quiet
        )
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [application], logger: quiet)
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var numbers = ports.makeAsyncIterator()
            let provider = FakeProvider(port: try #require(await numbers.next()))
            made.withLock { $0 = provider }
            do {
                try await body(provider)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    // MARK: - What it says

    /// Changes a member of the metadata, given as JSON; nil leaves it out.
    func set(_ member: String, _ json: String?) {
        state.withLock { $0.metadata[member] = .some(json) }
    }

    func set(isAway: Bool) { state.withLock { $0.isAway = isAway } }

    var exchanges: [(fields: [String: String], authorization: String?)] {
        state.withLock { $0.exchanges }
    }

    private func metadata() -> (Int, String) {
        state.withLock { state in
            guard !state.isAway else { return (503, "") }
            var members: [String: String] = [
                "issuer": "\"\(issuer)\"", "authorization_endpoint": "\"\(issuer)/authorize?x=1\"",
                "token_endpoint": "\"\(issuer)/token\"", "jwks_uri": "\"\(issuer)/keys\"",
                "end_session_endpoint": "\"\(issuer)/out\"",
                "authorization_response_iss_parameter_supported": "true",
                "code_challenge_methods_supported": #"["plain","S256"]"#,
            ]
            for (name, value) in state.metadata { members[name] = value }
            return (200, Self.object(members))
        }
    }

    private func keys() -> (Int, String) {
        guard !state.withLock({ $0.isAway }) else { return (503, "") }
        let point = Self.base64url(Self.key.publicKey.rawRepresentation)
        return (
            200,
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"k1","x":"\#(point)"}]}"#
        )
    }

    private func exchange(_ fields: [String: String], _ authorization: String?) -> (Int, String) {
        state.withLock { state in
            guard !state.isAway else { return (503, "") }
            state.exchanges.append((fields, authorization))
            guard let code = fields["code"], let grant = state.codes.removeValue(forKey: code),
                fields["grant_type"] == "authorization_code",
                let verifier = fields["code_verifier"], (43...128).contains(verifier.count),
                Self.base64url(SHA256.hash(data: Data(verifier.utf8))) == grant.challenge
            else { return (400, #"{"error":"invalid_grant"}"#) }
            return (
                200,
                #"{"access_token":"a","token_type":"Bearer","id_token":"\#(grant.token)"}"#
            )
        }
    }

    // MARK: - Tokens

    static func base64url(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    private static func object(_ members: [String: String]) -> String {
        "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    static var now: Int { Int(Date().timeIntervalSince1970) }

    /// A token with these claims, given as JSON.
    static func token(
        _ claims: [String: String],
        header: String = #"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#,
        signedBy key: Curve25519.Signing.PrivateKey = key
    ) throws -> String {
        let signed = base64url(header.utf8) + "." + base64url(object(claims).utf8)
        return signed + "." + base64url(try key.signature(for: Data(signed.utf8)))
    }

    /// What an ID token says of somebody, changed as a test wants; an empty text leaves a member out.
    func claims(nonce: String, _ change: [String: String] = [:]) -> [String: String] {
        var claims = [
            "iss": "\"\(issuer)\"", "aud": "\"\(Self.client)\"", "sub": "\"n-7\"",
            "iat": "\(Self.now)", "exp": "\(Self.now + 300)", "nonce": "\"\(nonce)\"",
            "sid": #""s-1""#, "groups": #"["iop-clinicians","iop-default"]"#,
            "name": #""Simulated Nurse""#, "staff": "4711",
        ]
        for (name, value) in change { claims[name] = value.isEmpty ? nil : value }
        return claims
    }

    /// A logout token, changed as a test wants.
    func logoutToken(
        _ change: [String: String] = [:],
        header: String = #"{"alg":"EdDSA","kid":"k1","typ":"logout+jwt"}"#,
        signedBy key: Curve25519.Signing.PrivateKey = key
    ) throws -> String {
        var claims = [
            "iss": "\"\(issuer)\"", "aud": "\"\(Self.client)\"", "iat": "\(Self.now)",
            "exp": "\(Self.now + 120)", "jti": "\"\(UUID().uuidString)\"", "sid": #""s-1""#,
            "events": #"{"http://schemas.openid.net/event/backchannel-logout":{}}"#,
        ]
        for (name, value) in change { claims[name] = value.isEmpty ? nil : value }
        return try Self.token(claims, header: header, signedBy: key)
    }

    // MARK: - In place of its pages

    /// What an address that the service leads to asks for.
    static func asked(_ address: String) -> [String: String] {
        let items = URLComponents(string: address)?.queryItems ?? []
        return Dictionary(items.map { ($0.name, $0.value ?? "") }) { $1 }
    }

    /// Signs somebody in, and says where the browser goes with that: below the service's own address.
    ///
    /// - Parameters:
    ///   - address: that the service has led to.
    ///   - change: what the ID token says otherwise.
    ///   - token: makes the ID token of its claims.
    func authorize(
        _ address: String,
        _ change: [String: String] = [:],
        token: ([String: String]) throws -> String = { try FakeProvider.token($0) }
    ) throws -> [String: String] {
        let asked = Self.asked(address)
        let code = UUID().uuidString
        let token = try token(claims(nonce: asked["nonce"] ?? "", change))
        state.withLock {
            $0.codes[code] = Grant(challenge: asked["code_challenge"] ?? "", token: token)
        }
        return ["code": code, "state": asked["state"] ?? "", "iss": issuer]
    }

    /// The service's address with what the provider answers.
    static func callback(_ answer: [String: String]) -> String {
        let pairs = answer.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
        }
        return "/sign-in/callback?\(pairs.joined(separator: "&"))"
    }

    /// Has a browser sign in from the service's page on.
    func signIn(
        _ browser: Browser,
        start: String = "/sign-in/start",
        _ change: [String: String] = [:],
        headers: [String: String] = [:]
    ) async throws -> Browser.Page {
        let begun = try await browser.getOnce(start, headers: headers)
        #expect(begun.status == 303)
        let answer = try authorize(begun.headers["location"] ?? "", change)
        return try await browser.getOnce(Self.callback(answer), headers: headers)
    }
}
