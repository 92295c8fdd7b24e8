import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Forms that come too late")
struct LateFormTests {
    @Test(
        "A form of a session that is over comes back whole, and only its sender can send it again"
    )
    func late() async throws {
        try await Site.browser { provider, fixture, browser in
            let pool = PostgresPool(fixture.database.configuration, limit: 1)
            #expect(try await provider.signIn(browser).status == 303)
            let token = try await browser.get("/account").formToken
            let fields = [
                "form_token": token, "purpose": "TREAT", "keys": "on",
                "/data/reason": "a \"quoted\"\r\n<text> & more",
            ]
            _ = try await pool.query("delete from sign_in.session")
            let late = try await browser.post("/account", fields)
            #expect(late.status == 403)
            #expect(late.headers["cache-control"] == "no-store")
            #expect(late.text.contains("action=\"/account\""))
            #expect(late.text.contains("name=\"form_token\" value=\"\(token)\""))
            #expect(late.text.contains("name=\"purpose\" value=\"TREAT\""))
            #expect(late.text.contains("name=\"/data/reason\""))
            #expect(late.text.contains("a &quot;quoted&quot;&#13;&#10;&lt;text&gt; &amp; more"))
            // Of somebody else it is refused.
            #expect(try await provider.signIn(browser, ["sub": "\"n-8\""]).status == 303)
            #expect(try await browser.post("/account", fields).status == 403)
            #expect(try await Site.sessions(fixture).allSatisfy { $0.purpose == nil })
            #expect(try await provider.signIn(browser).status == 303)
            #expect(try await browser.post("/account", fields).status == 303)
            #expect(try await Site.sessions(fixture).allSatisfy { $0.purpose == "TREAT" })
            await pool.close()
        }
    }

    @Test("A search comes back too; what another site sends does not")
    func others() async throws {
        try await Site.browser { provider, fixture, browser in
            let fields = ["form_token": "x", "q": "SIM-1"]
            let path = "/ledgers/default/search"
            let late = try await browser.post(path, fields)
            #expect(late.status == 403)
            #expect(late.text.contains("name=\"q\" value=\"SIM-1\""))
            for headers in [["Sec-Fetch-Site": "cross-site"], [:]] {
                let foreign = try await browser.post(path, fields, headers: headers)
                #expect(foreign.status == 403)
                #expect(!foreign.text.contains("SIM-1"))
            }
        }
    }
}
