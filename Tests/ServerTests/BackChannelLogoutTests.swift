import Crypto
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Signed out by the identity provider")
struct BackChannelLogoutTests {
    private static let path = "/sign-in/backchannel-logout"

    /// As a provider sends it: from anywhere, with no form token.
    private static func send(_ browser: Browser, _ token: String) async throws -> Browser.Page {
        try await browser.post(path, ["logout_token": token], headers: [:])
    }

    @Test("The session that a token names ends, and no other")
    func session() async throws {
        try await Site.with { provider, fixture in
            try await Browser.with(fixture, host: Site.host) { first in
                try await Browser.with(fixture, host: Site.host) { second in
                    #expect(try await provider.signIn(first, ["sid": "\"a\""]).status == 303)
                    #expect(try await provider.signIn(second, ["sid": "\"b\""]).status == 303)
                    let token = try provider.logoutToken(["sid": "\"a\"", "sub": "\"n-7\""])
                    let answer = try await Self.send(second, token)
                    #expect(answer.status == 200)
                    #expect(answer.headers["cache-control"] == "no-store")
                    #expect(try await first.get("/account").status == 303)
                    #expect(try await second.get("/account").status == 200)
                }
            }
        }
    }

    @Test("A token that names a subject ends all of the subject's sessions, and of nobody else")
    func subject() async throws {
        try await Site.with { provider, fixture in
            let browsers = [("\"n-7\"", "\"a\""), ("\"n-7\"", ""), ("\"n-8\"", "\"c\"")]
            let signedIn = browsers.map { _ in Browser(port: fixture.port, host: Site.host) }
            for (browser, (sub, sid)) in zip(signedIn, browsers) {
                #expect(
                    try await provider.signIn(browser, ["sub": sub, "sid": sid]).status == 303
                )
            }
            let token = try provider.logoutToken(["sid": "", "sub": "\"n-7\""])
            #expect(try await Self.send(signedIn[0], token).status == 200)
            for (browser, status) in zip(signedIn, [303, 303, 200]) {
                #expect(try await browser.get("/account").status == status)
                try await browser.close()
            }
        }
    }

    @Test("A token that names both ends a session that the provider gave no name")
    func both() async throws {
        try await Site.browser { provider, _, browser in
            #expect(try await provider.signIn(browser, ["sid": ""]).status == 303)
            let token = try provider.logoutToken(["sid": "\"z\"", "sub": "\"n-7\""])
            #expect(try await Self.send(browser, token).status == 200)
            #expect(try await browser.get("/account").status == 303)
        }
    }

    @Test("A token counts once, and a wrong one not at all")
    func refused() async throws {
        try await Site.browser { provider, fixture, browser in
            #expect(try await provider.signIn(browser).status == 303)
            let now = FakeProvider.now
            var tokens = try [
                ["nonce": "\"n\""], ["iss": "\"https://evil.example\""], ["aud": "\"other\""],
                ["events": ""], ["events": "{}"], ["events": #"["logout"]"#],
                ["events": #"{"http://schemas.openid.net/event/other":{}}"#],
                ["events": #"{"http://schemas.openid.net/event/backchannel-logout":true}"#],
                ["jti": ""], ["jti": "7"], ["iat": ""], ["iat": "\(now - 3_600)"],
                ["iat": "\(now + 3_600)"], ["exp": "\(now - 61)"], ["sid": "", "sub": ""],
                ["sid": "\"\""],
            ].map { try provider.logoutToken($0) }
            tokens += [
                try provider.logoutToken(header: #"{"alg":"none","kid":"k1","typ":"logout+jwt"}"#),
                try provider.logoutToken(header: #"{"alg":"EdDSA","kid":"k2"}"#),
                try provider.logoutToken(header: #"{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#),
                try provider.logoutToken(signedBy: Curve25519.Signing.PrivateKey()), "", "a.b.c",
                String(repeating: "a", count: 20_000),
            ]
            for (index, token) in tokens.enumerated() {
                let answer = try await Self.send(browser, token)
                #expect(answer.status == 400, "case \(index)")
                #expect(answer.headers["cache-control"] == "no-store")
            }
            #expect(try await browser.post(Self.path, [:], headers: [:]).status == 400)
            #expect(try await browser.get(Self.path).status == 404)
            #expect(try await Site.sessions(fixture).count == 1)
            // Not for another host.
            let good = try provider.logoutToken(["exp": ""])
            let elsewhere = try await browser.post(
                Self.path,
                ["logout_token": good],
                headers: ["Host": "evil.example"]
            )
            #expect(elsewhere.status == 421)
            #expect(try await Self.send(browser, good).status == 200)
            #expect(try await Site.sessions(fixture).isEmpty)
            // Signed in again, the same token is worth nothing.
            #expect(try await provider.signIn(browser).status == 303)
            #expect(try await Self.send(browser, good).status == 400)
            #expect(try await browser.get("/account").status == 200)
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            _ = try await pool.query("update sign_in.logout set expires_at = clock_timestamp()")
            try await SignIns(fixture.database).deleteExpired()
            let rows = try await pool.query("select count(*) as rows from sign_in.logout")
            #expect(try rows[0].get("rows", as: Int64.self) == 0)
            await pool.close()
        }
    }
}
