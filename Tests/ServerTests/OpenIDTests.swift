import CareEpisode
import Crypto
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Signing in with an identity provider")
struct OpenIDTests {
    @Test("Who asks for a page signs in at the provider and comes back to that page")
    func signIn() async throws {
        try await Site.browser { provider, fixture, browser in
            let page = "\(Site.census)?date=2026-01-15&order=program"
            let first = try await browser.get(page)
            #expect(first.status == 303)
            let signIn = try #require(first.headers["location"])
            #expect(
                signIn
                    == "/sign-in?return=%2Fledgers%2Fdefault%2Fcensus%3Fdate%3D2026-01-15"
                    + "%26order%3Dprogram"
            )
            let asked = try await browser.get(signIn)
            #expect(asked.status == 200)
            #expect(asked.text.contains("Sign in with 127.0.0.1:\(provider.port)"))
            let link = try #require(asked.text.firstMatch(of: /href="(\/sign-in\/start[^"]*)"/))
            let start = String(link.output.1).replacingOccurrences(of: "&amp;", with: "&")
            let begun = try await browser.get(start, headers: ["Sec-Fetch-Site": "same-origin"])
            #expect(begun.status == 303)
            let flowCookie = try #require(begun.headers["set-cookie"])
            #expect(flowCookie.hasPrefix("__Host-sign-in="))
            for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
                #expect(flowCookie.contains(part), "\(part)")
            }
            let address = try #require(begun.headers["location"])
            #expect(address.hasPrefix("\(provider.issuer)/authorize?x=1&"))
            let parameters = FakeProvider.asked(address)
            #expect(parameters["response_type"] == "code")
            #expect(parameters["client_id"] == FakeProvider.client)
            #expect(parameters["redirect_uri"] == "https://\(Site.host)/sign-in/callback")
            #expect(parameters["scope"] == "openid groups")
            #expect(parameters["code_challenge_method"] == "S256")
            let answer = try provider.authorize(address)
            let back = try await browser.get(FakeProvider.callback(answer))
            #expect(back.status == 303)
            #expect(back.headers["location"] == page)
            let cookie = try #require(back.headers["set-cookie"])
            #expect(cookie.hasPrefix("__Host-session="))
            for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
                #expect(cookie.contains(part), "\(part)")
            }
            let seen = try await browser.get(page)
            #expect(seen.status == 200)
            #expect(seen.text.contains("Simulated Nurse"))
            let session = try #require(try await Site.sessions(fixture).first)
            #expect(session.subject == "n-7")
            #expect(session.roles == ["clinician"])
            #expect(session.ledgers == ["default"])
            #expect(session.issuer == provider.issuer)
            #expect(session.providerSession == "s-1")
            #expect(
                session.author
                    == SignInSession.Author(id: "4711", name: "Simulated Nurse", role: "nurse")
            )
            let account = try await browser.get("/account")
            #expect(account.text.contains("4711"))
            // The secret goes along as RFC 6749 has it, and the code with its verifier.
            let exchange = try #require(provider.exchanges.first)
            #expect(exchange.fields["redirect_uri"] == "https://\(Site.host)/sign-in/callback")
            let pair = Data("episode-ledger:s%2Fe%20c%3Aret".utf8).base64EncodedString()
            #expect(exchange.authorization == "Basic \(pair)")
            // Who is signed in is in the log by the subject that bearer tokens name too.
            let token = try await fixture.token(.auditor)
            let log = try await fixture.get("access-log", token: token).json
            #expect(log.list("entries").contains { $0["subject"] as? String == "n-7" })
        }
    }

    @Test("A secret goes into the form where the provider takes it there alone")
    func secretInForm() async throws {
        try await FakeProvider.with { provider in
            provider.set("token_endpoint_auth_methods_supported", #"["client_secret_post"]"#)
            try await ServiceFixture.with(pages: { Site.settings(provider, &$0) }) { fixture in
                try await Browser.with(fixture, host: Site.host) { browser in
                    let page = try await provider.signIn(browser)
                    #expect(page.status == 303)
                }
            }
            let exchange = try #require(provider.exchanges.first)
            #expect(exchange.fields["client_id"] == FakeProvider.client)
            #expect(exchange.fields["client_secret"] == FakeProvider.secret)
            #expect(exchange.authorization == nil)
        }
    }

    @Test("Signing out ends the session here and goes on to the provider")
    func signOut() async throws {
        try await Site.browser { provider, fixture, browser in
            #expect(try await provider.signIn(browser).status == 303)
            let page = try await browser.get("/account")
            let policy = try #require(page.headers["content-security-policy"])
            #expect(policy.contains("form-action 'self' \(provider.issuer); "))
            let out = try await browser.post("/sign-out", ["form_token": page.formTokens[0]])
            #expect(out.status == 303)
            let address = try #require(out.headers["location"])
            #expect(address.hasPrefix("\(provider.issuer)/out?"))
            #expect(
                FakeProvider.asked(address) == [
                    "client_id": FakeProvider.client,
                    "post_logout_redirect_uri": "https://\(Site.host)/sign-in",
                ]
            )
            #expect(out.headers["set-cookie"]?.contains("Max-Age=0") == true)
            #expect(try await Site.sessions(fixture).isEmpty)
            #expect(try await browser.get("/account").status == 303)
            // Sent once more, it is done already.
            let again = try await browser.post("/sign-out", ["form_token": page.formTokens[0]])
            #expect(again.status == 303)
            #expect(again.headers["location"] == "/sign-in")
        }
    }

    @Test("What comes back wrong signs nobody in, and is told")
    func answers() async throws {
        try await Site.with { provider, fixture in
            let wrong: [(String, @Sendable (inout [String: String]) -> Void)] = [
                ("no state", { $0["state"] = nil }),
                ("another state", { $0["state"] = SignIns.secret() }),
                ("no iss", { $0["iss"] = nil }),
                ("another iss", { $0["iss"] = "https://evil.example" }),
                ("no code", { $0["code"] = nil }),
                ("another code", { $0["code"] = "guessed" }),
                (
                    "denied",
                    {
                        $0["code"] = nil; $0["error"] = "access_denied"
                    }
                ),
                ("an error of its own", { $0["error"] = "<b>call this number</b>" }),
            ]
            for (index, (name, change)) in wrong.enumerated() {
                try await Browser.with(fixture, host: Site.host) { browser in
                    let from = ["X-Forwarded-For": "203.0.113.\(index)"]
                    let begun = try await browser.get("/sign-in/start", headers: from)
                    var answer = try provider.authorize(begun.headers["location"] ?? "")
                    change(&answer)
                    let page = try await browser.get(FakeProvider.callback(answer), headers: from)
                    #expect(page.status == 400, "\(name)")
                    #expect(page.headers["set-cookie"] == nil, "\(name)")
                    #expect(page.text.contains("You are not signed in"), "\(name)")
                    #expect(!page.text.contains("call this number"))
                    if name == "denied" { #expect(page.text.contains("access_denied")) }
                }
            }
            // An answer that names its issuer twice.
            try await Browser.with(fixture, host: Site.host) { browser in
                let begun = try await browser.get("/sign-in/start")
                let answer = try provider.authorize(begun.headers["location"] ?? "")
                let path = FakeProvider.callback(answer) + "&iss=https://evil.example"
                #expect(try await browser.get(path).status == 400)
            }
            #expect(try await Site.sessions(fixture).isEmpty)
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            let rows = try await pool.query("select count(*) as failures from sign_in.failure")
            #expect(try rows[0].get("failures", as: Int64.self) == Int64(wrong.count) + 1)
            await pool.close()
        }
    }

    @Test("A flow is for its browser, once, for ten minutes; a code is good once")
    func flows() async throws {
        try await Site.with { provider, fixture in
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            try await Browser.with(fixture, host: Site.host) { browser in
                let begun = try await browser.get("/sign-in/start")
                let answer = try provider.authorize(begun.headers["location"] ?? "")
                let cookie = await browser.cookies["__Host-sign-in"]
                // In another browser, or without a cookie, it is nothing, and is not used up.
                for other in [nil, SignIns.secret(), ""] {
                    await browser.set(cookie: "__Host-sign-in", other)
                    let page = try await browser.get(FakeProvider.callback(answer))
                    #expect(page.status == 400)
                }
                await browser.set(cookie: "__Host-sign-in", cookie)
                let good = try await browser.get(FakeProvider.callback(answer))
                #expect(good.status == 303)
                #expect(try await browser.get(FakeProvider.callback(answer)).status == 400)
                // The same code in a flow of its own.
                let second = try await browser.get("/sign-in/start")
                var stolen = try provider.authorize(second.headers["location"] ?? "")
                stolen["code"] = answer["code"]
                #expect(try await browser.get(FakeProvider.callback(stolen)).status == 400)
                // Two tabs of one browser do not disturb each other.
                let tabs = [
                    try await browser.get("/sign-in/start"),
                    try await browser.get("/sign-in/start"),
                ]
                for tab in tabs {
                    let answer = try provider.authorize(tab.headers["location"] ?? "")
                    #expect(try await browser.get(FakeProvider.callback(answer)).status == 303)
                }
                let late = try await browser.get("/sign-in/start")
                let lateAnswer = try provider.authorize(late.headers["location"] ?? "")
                _ = try await pool.query(
                    "update sign_in.flow set expires_at = clock_timestamp() - interval '1 second'"
                )
                #expect(try await browser.get(FakeProvider.callback(lateAnswer)).status == 400)
                try await SignIns(fixture.database).deleteExpired()
                let rows = try await pool.query("select count(*) as flows from sign_in.flow")
                #expect(try rows[0].get("flows", as: Int64.self) == 0)
            }
            await pool.close()
        }
    }

    @Test("An address that has begun too many flows begins no more")
    func manyFlows() async throws {
        try await LedgerFixture.withDatabase { database in
            let store = SignIns(database)
            for _ in 0..<SignIns.flowLimit {
                let state = try await store.begin(
                    SignInFlow(returnPage: "/"),
                    cookie: "c",
                    from: "203.0.113.1"
                )
                #expect(state != nil)
            }
            let flow = SignInFlow(returnPage: "/")
            #expect(try await store.begin(flow, cookie: "c", from: "203.0.113.1") == nil)
            #expect(try await store.begin(flow, cookie: "c", from: "203.0.113.2") != nil)
        }
    }

    @Test("An ID token that is wrong in anything signs nobody in")
    func tokens() async throws {
        try await Site.with { provider, fixture in
            let now = FakeProvider.now
            let changes: [[String: String]] = [
                ["nonce": "\"another\""], ["nonce": ""], ["iss": "\"https://evil.example\""],
                ["iss": ""], ["aud": "\"other\""], ["aud": "[]"], ["aud": ""],
                ["aud": #"["episode-ledger","other"]"#],
                ["aud": #"["episode-ledger","other"]"#, "azp": "\"other\""],
                ["azp": "\"other\""], ["exp": "\(now - 61)"], ["exp": ""], ["exp": "\"soon\""],
                ["nbf": "\(now + 3_600)"], ["iat": ""], ["iat": "\(now + 3_600)"],
                ["iat": "\(now - 3_600)"], ["sub": ""], ["sub": "\"\""], ["sub": #""a\u0000""#],
                ["sub": "7"],
            ]
            let tokens: [@Sendable ([String: String]) throws -> String] = [
                { try FakeProvider.token($0, header: #"{"alg":"none","kid":"k1"}"#) },
                {
                    let token = try FakeProvider.token($0, header: #"{"alg":"none"}"#)
                    return token.prefix { $0 != "." } + "."
                        + token.split(separator: ".")[1] + "."
                },
                { try FakeProvider.token($0, header: #"{"alg":"HS256","kid":"k1"}"#) },
                { try FakeProvider.token($0, header: #"{"alg":"EdDSA","kid":"k2"}"#) },
                { try FakeProvider.token($0, header: #"{"alg":"EdDSA"}"#) },
                {
                    try FakeProvider.token(
                        $0,
                        header: #"{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#
                    )
                },
                {
                    try FakeProvider.token(
                        $0,
                        header: #"{"alg":"EdDSA","kid":"k1","typ":"logout+jwt"}"#
                    )
                },
                { try FakeProvider.token($0, signedBy: Curve25519.Signing.PrivateKey()) },
                { _ in "no.token" },
            ]
            for index in 0..<(changes.count + tokens.count) {
                try await Browser.with(fixture, host: Site.host) { browser in
                    let from = ["X-Forwarded-For": "203.0.113.\(index)"]
                    let begun = try await browser.get("/sign-in/start", headers: from)
                    let address = begun.headers["location"] ?? ""
                    let answer =
                        index < changes.count
                        ? try provider.authorize(address, changes[index])
                        : try provider.authorize(address, token: tokens[index - changes.count])
                    let page = try await browser.get(FakeProvider.callback(answer), headers: from)
                    #expect(page.status == 400, "case \(index)")
                    #expect(page.headers["set-cookie"] == nil, "case \(index)")
                }
            }
            #expect(try await Site.sessions(fixture).isEmpty)
            // And these are good.
            for change in [
                // The clocks may be a minute apart.
                ["exp": "\(FakeProvider.now - 20)"], ["iat": "\(FakeProvider.now + 20)"],
                ["aud": #"["episode-ledger","other"]"#, "azp": "\"episode-ledger\""],
                ["aud": #"["episode-ledger"]"#],
                ["sid": ""],
            ] {
                try await Browser.with(fixture, host: Site.host) { browser in
                    let page = try await provider.signIn(browser, change)
                    #expect(page.status == 303, "\(change)")
                }
            }
        }
    }

    @Test("Claims say what somebody may be and where; who has nothing is told so")
    func mapping() async throws {
        try await Site.with { provider, fixture in
            _ = try await fixture.database.createLedger(
                named: #require(LedgerName("north")),
                timeZone: "America/New_York"
            )
            // Groups, and the status of pages of two ledgers.
            let cases: [(groups: String, default: Int, north: Int)] = [
                (#"["iop-clinicians","iop-default"]"#, 200, 403),
                (#"["iop-clinicians","iop-north"]"#, 403, 200),
                (#"["iop-audit","iop-all"]"#, 200, 200),
            ]
            for (groups, first, second) in cases {
                try await Browser.with(fixture, host: Site.host) { browser in
                    #expect(try await provider.signIn(browser, ["groups": groups]).status == 303)
                    #expect(try await browser.get(Site.census).status == first, "\(groups)")
                    let north = try await browser.get("/ledgers/north/census")
                    #expect(north.status == second, "\(groups)")
                    let home = try await browser.get("/")
                    let list = first + second == 400
                    #expect(home.status == (list ? 200 : 303), "\(groups)")
                }
            }
            for groups in ["", "[]", #"["iop-clinicians"]"#, #"["iop-default"]"#, #"["other"]"#] {
                try await Browser.with(fixture, host: Site.host) { browser in
                    let page = try await provider.signIn(browser, ["groups": groups])
                    #expect(page.status == 403, "\(groups)")
                    #expect(page.text.contains("You have no access"))
                    #expect(page.text.contains("href=\"\(provider.issuer)/out?client_id="))
                    #expect(page.headers["set-cookie"] == nil)
                    #expect(try await browser.get("/account").status == 303)
                }
            }
        }
    }

    @Test("A session that was fixed before is not taken over, and the one before ends")
    func fixation() async throws {
        try await Site.browser { provider, fixture, browser in
            let fixed = "p.\(SignIns.secret())"
            await browser.set(cookie: "__Host-session", fixed)
            #expect(try await provider.signIn(browser).status == 303)
            let first = try #require(await browser.cookies["__Host-session"])
            #expect(first != fixed)
            // A program that knows no ledgers of a session, before migration 19, takes 64 alone.
            #expect(first.utf8.count == 66)
            #expect(try await provider.signIn(browser).status == 303)
            #expect(await browser.cookies["__Host-session"] != first)
            #expect(try await Site.sessions(fixture).count == 1)
            await browser.set(cookie: "__Host-session", first)
            #expect(try await browser.get("/account").status == 303)
        }
    }

    @Test("Ten failures a minute of an address, then 429, for that address alone")
    func failures() async throws {
        try await Site.browser { provider, _, browser in
            let from = ["X-Forwarded-For": "192.0.2.66, 203.0.113.66"]
            for _ in 0..<SignIns.failureLimit {
                let page = try await browser.get("/sign-in/callback?state=x", headers: from)
                #expect(page.status == 400)
            }
            for path in ["/sign-in/callback?state=x", "/sign-in/start"] {
                let page = try await browser.get(path, headers: from)
                #expect(page.status == 429)
                #expect(page.headers["retry-after"] == "60")
            }
            // What the client wrote itself does not make it another one.
            let other = ["X-Forwarded-For": "192.0.2.67, 203.0.113.66"]
            #expect(try await browser.get("/sign-in/start", headers: other).status == 429)
            let neighbor = ["X-Forwarded-For": "192.0.2.66, 203.0.113.67"]
            let signedIn = try await provider.signIn(browser, headers: neighbor)
            #expect(signedIn.status == 303)
        }
    }

    @Test("A foreign return page is none, and another site begins nothing")
    func foreignReturn() async throws {
        try await Site.browser { provider, _, browser in
            for page in [
                "https://evil.example/", "//evil.example", "/\\evil.example", "/nothing", "",
                "/sign-out", "/ledgers/default/census/live", "/v1/ledgers/default/census",
            ] {
                let value = page.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let asked = try await browser.get("/sign-in?return=\(value)")
                #expect(asked.text.contains("href=\"/sign-in/start\""), "\(page)")
                let back = try await provider.signIn(
                    browser,
                    start: "/sign-in/start?return=\(value)"
                )
                #expect(back.headers["location"] == "/", "\(page)")
            }
            let start = "/sign-in/start?return=\(Site.census)"
            for site in ["cross-site", "same-site", "none"] {
                let page = try await browser.get(start, headers: ["Sec-Fetch-Site": site])
                #expect(page.status == 303)
                #expect(
                    page.headers["location"]
                        == "https://\(Site.host)/sign-in?return=%2Fledgers%2Fdefault%2Fcensus"
                )
            }
            // The provider leads back to the public name, so that one begins there.
            let local = try await browser.get(start, headers: ["Host": "127.0.0.1"])
            #expect(local.headers["location"]?.hasPrefix("https://\(Site.host)/sign-in?") == true)
            let foreign = try await browser.get("/sign-in", headers: ["Host": "evil.example"])
            #expect(foreign.status == 421)
        }
    }

    @Test("While the provider is away, signing in says so, and who is signed in stays so")
    func away() async throws {
        try await FakeProvider.with { provider in
            provider.set(isAway: true)
            try await ServiceFixture.with(pages: { Site.settings(provider, &$0) }) { fixture in
                try await Browser.with(fixture, host: Site.host) { browser in
                    #expect(try await browser.get("/sign-in").status == 200)
                    let page = try await browser.getOnce("/sign-in/start")
                    #expect(page.status == 503)
                    #expect(page.text.contains("identity provider"))
                    provider.set(isAway: false)
                    #expect(try await provider.signIn(browser).status == 303)
                    provider.set(isAway: true)
                    #expect(try await browser.get("/account").status == 200)
                    // What is known goes on, and the exchange says what is the matter.
                    let begun = try await browser.getOnce("/sign-in/start")
                    #expect(begun.status == 303)
                    let answer = try provider.authorize(begun.headers["location"] ?? "")
                    let back = try await browser.getOnce(FakeProvider.callback(answer))
                    #expect(back.status == 503)
                }
            }
        }
    }

    @Test(
        "Metadata of another issuer, or without what is needed, is not used",
        arguments: [
            ("issuer", "\"https://evil.example\""), ("issuer", nil), ("jwks_uri", nil),
            ("token_endpoint", "\"http://evil.example/token\""),
            ("authorization_endpoint", "\"javascript:alert(1)\""),
            ("end_session_endpoint", "\"http://evil.example/out\""),
            ("code_challenge_methods_supported", #"["plain"]"#),
        ] as [(String, String?)]
    )
    func metadata(_ member: String, _ value: String?) async throws {
        try await FakeProvider.with { provider in
            provider.set(member, value)
            try await ServiceFixture.with(pages: { Site.settings(provider, &$0) }) { fixture in
                try await Browser.with(fixture, host: Site.host) { browser in
                    let page = try await browser.getOnce("/sign-in/start")
                    #expect(page.status == 503)
                }
            }
        }
    }

    @Test("Links do not sign in where a provider does")
    func links() async throws {
        try await Site.browser { _, fixture, browser in
            let link = try await SignIns(fixture.database).newLink(for: "local:a", roles: [])
            #expect(try await browser.get("/sign-in/once/\(link)").status == 404)
        }
    }

    @Test("Any instance answers: one begins, another goes on, a third shows the page")
    func instances() async throws {
        try await FakeProvider.with { provider in
            try await LedgerFixture.withConfiguration { configuration in
                let pages: @Sendable (inout PageSettings) -> Void = {
                    Site.settings(provider, &$0)
                }
                try await ServiceFixture.with(configuration, pages: pages) { first in
                    try await ServiceFixture.with(configuration, pages: pages) { second in
                        try await instances(provider, first, second)
                    }
                }
            }
        }
    }

    private func instances(
        _ provider: FakeProvider,
        _ first: ServiceFixture,
        _ second: ServiceFixture
    ) async throws {
        try await Browser.with(first, host: Site.host) { one in
            try await Browser.with(second, host: Site.host) { other in
                let begun = try await one.get("/sign-in/start")
                for (name, value) in await one.cookies { await other.set(cookie: name, value) }
                let answer = try provider.authorize(begun.headers["location"] ?? "")
                #expect(try await other.get(FakeProvider.callback(answer)).status == 303)
                for (name, value) in await other.cookies { await one.set(cookie: name, value) }
                let page = try await one.get("/account")
                #expect(page.status == 200)
                // A form of the one, sent to the other; a sign-out for both.
                let fields = ["form_token": page.formToken, "purpose": "TREAT", "keys": "on"]
                #expect(try await other.post("/account", fields).status == 303)
                let token = try provider.logoutToken()
                #expect(
                    try await other.post("/sign-in/backchannel-logout", ["logout_token": token])
                        .status == 200
                )
                #expect(
                    try await one.post("/sign-in/backchannel-logout", ["logout_token": token])
                        .status == 400
                )
                #expect(try await one.get("/account").status == 303)
            }
        }
    }
}
