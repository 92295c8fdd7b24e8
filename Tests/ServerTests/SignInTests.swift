import CareEpisode
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import Pages
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Signing in to the pages")
struct SignInTests {
    @Test("A link signs in once, by its button, and its cookie is the browser's alone")
    func link() async throws {
        try await ServiceFixture.with { fixture in
            let link = try await SignIns(fixture.database).newLink(
                for: "local:anna",
                roles: ["clinician"]
            )
            try await Browser.with(fixture) { browser in
                // Whoever is not signed in is led to where that is done.
                let first = try await browser.get("/ledgers/default/census")
                #expect(first.status == 303)
                #expect(first.headers["location"] == "/sign-in")
                // Opening a link, as a mail program may, signs nobody in.
                let page = try await browser.get("/sign-in/once/\(link)")
                #expect(page.status == 200)
                #expect(page.headers["set-cookie"] == nil)
                let again = try await browser.get("/sign-in/once/\(link)")
                #expect(again.status == 200)
                let signedIn = try await browser.post(
                    "/sign-in/once/\(link)",
                    ["form_token": page.formToken]
                )
                #expect(signedIn.status == 303)
                let cookie = try #require(signedIn.headers["set-cookie"])
                #expect(cookie.hasPrefix("session-\(fixture.port)="))
                #expect(cookie.contains("; HttpOnly; SameSite=Lax"))
                #expect(!cookie.contains("Secure"), "of plain http on this computer")
                #expect(try await browser.get("/ledgers/default/census").status == 200)
                // A second time it is worth nothing.
                let used = try await browser.post(
                    "/sign-in/once/\(link)",
                    ["form_token": page.formToken]
                )
                #expect(used.status == 404)
                #expect(used.headers["set-cookie"] == nil)
            }
        }
    }

    @Test("A new link voids the one before it, an old one is over, and nobody is signed out by it")
    func links() async throws {
        try await ServiceFixture.with { fixture in
            let signIns = SignIns(fixture.database)
            try await Browser.signedIn(fixture) { signedIn in
                let first = try await signIns.newLink(for: "local:a", roles: ["auditor"])
                let second = try await signIns.newLink(for: "local:b", roles: ["auditor"])
                #expect(try await signIns.isLink(first) == false)
                #expect(try await signIns.isLink(second))
                let pool = PostgresPool(fixture.database.configuration, limit: 1)
                _ = try await pool.query(
                    "update sign_in.link set expires_at = clock_timestamp() - interval '1 second'"
                )
                #expect(try await signIns.useLink(second) == nil)
                // The database knows no secret, only what tells it again.
                let rows = try await pool.query(
                    "select encode(hash, 'escape') as hash from sign_in.session"
                )
                let cookies = await signedIn.cookies
                for secret in cookies.values {
                    #expect(try rows.allSatisfy { try $0.get("hash", as: String.self) != secret })
                }
                await pool.close()
                #expect(try await signedIn.get("/account").status == 200)
            }
        }
    }

    @Test("Whoever tries too many links is refused for a minute, whatever link comes next")
    func failures() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.with(fixture) { browser in
                for _ in 0..<SignIns.failureLimit {
                    let page = try await browser.get("/sign-in/once/\(SignIns.secret())")
                    #expect(page.status == 404)
                }
                let link = try await SignIns(fixture.database).newLink(
                    for: "local:a",
                    roles: ["auditor"]
                )
                let page = try await browser.get("/sign-in/once/\(link)")
                #expect(page.status == 429)
                #expect(page.headers["retry-after"] == "60")
            }
        }
    }

    @Test("What another site has a browser ask or send keeps nobody from signing in, nor signs out")
    func otherSites() async throws {
        try await ServiceFixture.with { fixture in
            let foreign = ["Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"]
            try await Browser.with(fixture) { browser in
                for _ in 0...SignIns.failureLimit {
                    let secret = SignIns.secret()
                    let page = try await browser.get("/sign-in/once/\(secret)", headers: foreign)
                    #expect(page.status == 404)
                }
            }
            try await Browser.signedIn(fixture) { browser in
                // As a browser that sends no cookie along, and as one that does.
                try await Browser.with(fixture) { stranger in
                    for reader in [stranger, browser] {
                        let page = try await reader.post("/sign-out", ["a": "b"], headers: foreign)
                        #expect(page.status == 403)
                        #expect(page.headers["set-cookie"] == nil)
                        #expect(page.headers["clear-site-data"] == nil)
                    }
                }
                #expect(try await browser.get("/account").status == 200)
            }
        }
    }

    @Test("A form is read as it was typed, and one of too many fields is not taken apart")
    func formFields() async throws {
        func fields(_ body: String) async throws -> [String] {
            var head = HTTPRequest(method: .post, scheme: "http", authority: "h", path: "/")
            head.headerFields[.contentType] = "application/x-www-form-urlencoded"
            let request = Request(head: head, body: .init(buffer: ByteBuffer(string: body)))
            return try await FormFields(request).all.map { "\($0.name)|\($0.value)" }
        }
        #expect(
            try await fields("q=a+b%2Bc&%2Fdata%2Fdose=%C3%A9%&&x=&y&z=1=2")
                == ["q|a b+c", "/data/dose|é%", "x|", "y|", "z|1=2"]
        )
        #expect(try await fields("") == [])
        #expect(try await fields(String(repeating: "a=b&", count: 9_999)).count == 9_999)
        await #expect(throws: HTTPError.self) {
            _ = try await fields(String(repeating: "&", count: 1_000_000))
        }
    }

    @Test("An address with two slashes is no page")
    func slashes() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.signedIn(fixture) { browser in
                for path in ["//ledgers/default/census", "/ledgers//default/census"] {
                    let page = try await browser.get(path)
                    #expect(page.status == 404)
                    #expect(!page.text.contains("\"//"))
                }
            }
        }
    }

    @Test("A session is over when it is idle, after ten hours, when it is ended, or signed out of")
    func sessions() async throws {
        try await ServiceFixture.with { fixture in
            let signIns = SignIns(fixture.database)
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            let ends = [
                "update sign_in.session set seen_at = clock_timestamp() - interval '31 minutes'",
                "update sign_in.session set expires_at = clock_timestamp() - interval '1 second'",
                // Seen while the clock was ahead: it would not be idle before it is over.
                "update sign_in.session set seen_at = clock_timestamp() + interval '3 hours'",
                "delete from sign_in.session",
            ]
            for end in ends {
                try await Browser.signedIn(fixture) { browser in
                    #expect(try await browser.get("/account").status == 200)
                    _ = try await pool.query(SQL(end))
                    #expect(try await browser.get("/account").status == 303)
                    #expect(try await signIns.sessions().isEmpty)
                }
            }
            try await signIns.deleteExpired()
            let rows = try await pool.query("select count(*) as rows from sign_in.session")
            #expect(try rows[0].get("rows", as: Int64.self) == 0)
            try await Browser.signedIn(fixture) { browser in
                let page = try await browser.get("/account")
                let left = try await browser.post(
                    "/sign-out",
                    ["form_token": page.formTokens[0]]
                )
                #expect(left.status == 303)
                #expect(left.headers["clear-site-data"] == "\"cache\", \"storage\"")
                #expect(try await browser.get("/account").status == 303)
            }
            await pool.close()
        }
    }

    @Test("What a page asks by itself does not keep a session alive")
    func idle() async throws {
        try await ServiceFixture.with { fixture in
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            @Sendable func seen() async throws -> Bool {
                let rows = try await pool.query(
                    """
                    select seen_at > clock_timestamp() - interval '1 minute' as seen
                    from sign_in.session
                    """
                )
                return try rows[0].get("seen")
            }
            try await Browser.signedIn(fixture) { browser in
                _ = try await pool.query(
                    "update sign_in.session set seen_at = clock_timestamp() - interval '20 minutes'"
                )
                let page = try await browser.get("/ledgers/default/census?auto=1")
                #expect(page.status == 200)
                #expect(try await seen() == false)
                // A late page is asked for again by the browser, with the cookie that it left.
                await browser.set(cookie: "late", "1")
                #expect(try await browser.get("/ledgers/default/census").status == 200)
                #expect(try await seen() == false)
                await browser.set(cookie: "late", nil)
                #expect(try await browser.get("/ledgers/default/census").status == 200)
                #expect(try await seen())
            }
            await pool.close()
        }
    }

    @Test("A live page ends when its reader is signed out by somebody")
    func live() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.signedIn(fixture) { browser in
                #expect(try await browser.get("/ledgers/default/census").status == 200)
                async let stream = browser.stream("/ledgers/default/census/live?auto=1")
                let token = try await fixture.token(.auditor)
                // The stream has begun when its entry is in the access log.
                try await eventually("the page is live") {
                    let log = try await fixture.get("access-log", token: token).json
                    return log.list("entries").contains {
                        $0["operation"] as? String == "page.census.live"
                    }
                }
                let ended = try await SignIns(fixture.database).endSessions(of: "local:tester")
                #expect(ended == 1)
                #expect(try await stream.contains("event: over\ndata: You are signed out."))
            }
        }
    }

    @Test("What a page or a search cannot take is told by its name")
    func wrong() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.signedIn(fixture) { browser in
                let census = "/ledgers/default/census"
                for (query, words) in [
                    ("order=height", "Order must be one of the list"),
                    ("date=2025-11-20T10:00:00%2B0500", "Happened up to must be a date, such as"),
                    ("known_at=2025-11-20T10:00:00%2B99:00", "As known on must be a date"),
                    ("known_at=2025-11-20T10:00:00garbage", "As known on must be a date"),
                    ("known_at=2025-11-20T10:0", "As known on must be a date"),
                    ("view=roof", "View must be"), ("page=0", "Page must be a whole number"),
                    ("page=1&page=2", "Page is given twice"), ("program=%00", "NUL character"),
                ] {
                    let page = try await browser.get("\(census)?\(query)")
                    #expect(page.status == 400, "\(query)")
                    #expect(page.text.contains(words), "\(query): \(page.text)")
                }
                // The first month that there is.
                for name in PageName.allCases.map(\.rawValue) {
                    let page = try await browser.get("/ledgers/default/\(name)?date=0001-01-01")
                    #expect([200, 400].contains(page.status), "\(name)")
                }
                // A browser gets a page, whatever it asks for; a program gets a problem.
                let accept = ["Accept": "text/html,*/*;q=0.8"]
                let nowhere = try await browser.getOnce("/nope", headers: accept)
                #expect(nowhere.status == 404 && nowhere.text.contains("There is no such page"))
                #expect(nowhere.headers["content-security-policy"] != nil)
                let problem = try await browser.getOnce("/nope")
                #expect(problem.headers["content-type"] == "application/problem+json")
                for path in ["/ledgers/default", "/ledgers"] {
                    let page = try await browser.get(path)
                    #expect(page.headers["content-type"]?.hasPrefix("text/html") != false)
                    #expect([303, 404].contains(page.status))
                }
                let token = try await browser.get(census).formTokens[0]
                let answer = try await browser.post(
                    "/ledgers/default/search",
                    ["form_token": token, "q": "SIM\0A"]
                )
                #expect(answer.status == 400)
                #expect(!answer.text.contains("SIM"))
            }
        }
    }

    @Test("A form from elsewhere, without its token, or of somebody else changes nothing")
    func forms() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.signedIn(fixture) { browser in
                let token = try await browser.get("/account").formToken
                let fields = ["form_token": token, "purpose": "TREAT", "keys": "on"]
                let refused: [([String: String], [String: String])] = [
                    (fields, ["Sec-Fetch-Site": "cross-site"]),
                    (fields, ["Sec-Fetch-Site": "same-site"]),
                    (fields, ["Sec-Fetch-Site": "none"]),
                    (fields, ["Origin": "https://evil.example"]), (fields, ["Origin": "null"]),
                    (fields, [:]),
                    (["purpose": "TREAT"], ["Sec-Fetch-Site": "same-origin"]),
                    (
                        fields.merging(["form_token": token.reversed().map(String.init).joined()]) {
                            $1
                        }, ["Sec-Fetch-Site": "same-origin"]
                    ),
                ]
                for (fields, headers) in refused {
                    let answer = try await browser.post("/account", fields, headers: headers)
                    #expect(answer.status == 403, "\(headers)")
                }
                let other = try await Browser.signedIn(fixture, subject: "local:other") { other in
                    try await other.get("/account").formToken
                }
                let foreign = try await browser.post(
                    "/account",
                    fields.merging(["form_token": other]) { $1 }
                )
                #expect(foreign.status == 403)
                // The token of another form is none of this one.
                let signOut = try await browser.get("/account").formTokens[0]
                let wrongForm = try await browser.post(
                    "/account",
                    fields.merging(["form_token": signOut]) { $1 }
                )
                #expect(wrongForm.status == 403)
                let sessions = try await SignIns(fixture.database).sessions()
                #expect(sessions.allSatisfy { $0.purpose == nil })
                let own = "http://127.0.0.1:\(fixture.port)"
                let good = try await browser.post("/account", fields, headers: ["Origin": own])
                #expect(good.status == 303)
                let after = try await SignIns(fixture.database).sessions()
                #expect(after.contains { $0.purpose == "TREAT" })
                let unknown = try await browser.post(
                    "/account",
                    fields.merging(["purpose": "CURIOUS"]) { $1 }
                )
                #expect(unknown.status == 400)
            }
        }
    }

    @Test("Another host is answered with 421, and no page is for a bearer token")
    func hosts() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.signedIn(fixture) { browser in
                let path = "/ledgers/default/census"
                for host in ["evil.example", "evil.example:\(fixture.port)", "127.0.0.1.nip.io"] {
                    let page = try await browser.get(path, headers: ["Host": host])
                    #expect(page.status == 421, "\(host)")
                }
                for host in ["localhost:\(fixture.port)", "[::1]:\(fixture.port)"] {
                    let page = try await browser.get(path, headers: ["Host": host])
                    #expect(page.status == 200, "\(host)")
                }
            }
            let token = try await fixture.token(.clinician)
            try await Browser.with(fixture) { browser in
                let page = try await browser.get(
                    "/ledgers/default/census",
                    headers: ["Authorization": "Bearer \(token)"]
                )
                #expect(page.status == 303)
                // Nor is a cookie for the API.
                let api = try await browser.get("/v1/ledgers/default/census")
                #expect(api.status == 401)
            }
        }
    }

    @Test("Every page has the headers that keep it safe, errors and redirects too")
    func headers() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.signedIn(fixture) { browser in
                let paths = [
                    "/", "/account", "/sign-in", "/ledgers/default/census",
                    "/ledgers/default/nothing", "/ledgers/default/census?nothing=1",
                    "/ledgers/default/census?date=2999-01-01",
                ]
                for path in paths {
                    let page = try await browser.get(path)
                    let policy = page.headers["content-security-policy"] ?? ""
                    #expect(policy.contains("default-src 'none'"), "\(path)")
                    #expect(policy.contains("frame-ancestors 'none'"), "\(path)")
                    #expect(policy.contains("require-trusted-types-for 'script'"), "\(path)")
                    #expect(page.headers["cache-control"] == "no-store", "\(path)")
                    #expect(page.headers["referrer-policy"] == "same-origin", "\(path)")
                    #expect(page.headers["x-content-type-options"] == "nosniff", "\(path)")
                    #expect(!page.text.contains(" style="), "\(path)")
                }
            }
        }
    }

    @Test("Each page is an entry of the access log, with its purpose; a denial is one too")
    func accessLog() async throws {
        try await ServiceFixture.with { fixture in
            try await Browser.signedIn(fixture, subject: "local:anna") { browser in
                let token = try await browser.get("/account").formToken
                _ = try await browser.post(
                    "/account",
                    ["form_token": token, "purpose": "TREAT", "keys": "on"]
                )
                let page = try await browser.get("/ledgers/default/census?date=2026-01-15")
                #expect(page.status == 200)
            }
            try await Browser.signedIn(fixture, roles: ["service"], subject: "local:robot") {
                #expect(try await $0.get("/ledgers/default/census").status == 403)
                let home = try await $0.get("/")
                #expect(home.text.contains("There is nothing that you may see"))
            }
            let token = try await fixture.token(.auditor)
            let log = try await fixture.get("access-log", token: token).json
            // What was late is no page yet.
            let entries = log.list("entries").filter { entry in
                !((entry["detail"] as? String)?.hasPrefix("answered with") ?? false)
            }
            #expect(entries.map { $0["operation"] as? String } == ["page.census", "page.census"])
            #expect(entries.map { $0["allowed"] as? Bool } == [true, false])
            #expect(entries.map { $0["subject"] as? String } == ["local:anna", "local:robot"])
            #expect(entries[0]["purpose"] as? String == "TREAT")
            let detail = try #require(entries[0]["detail"] as? String)
            #expect(detail == "effective_at=2026-01-15; rows=0; as of position 0")
        }
    }
}
