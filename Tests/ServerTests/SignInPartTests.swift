import CareEpisode
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Testing

@testable import Server

@Suite("What signing in is made of")
struct SignInPartTests {
    @Test(
        "Only a page that there is can be led back to",
        arguments: [
            ("/", true), ("/account", true), ("/account?saved=1", true),
            ("/ledgers/default/census", true),
            ("/ledgers/default/census?date=2026-01-15&known_at=2026-01-16T10%3A00", true),
            ("/ledgers/north-2/outcomes", true),
            ("/ledgers/default/episodes/0b7e1d9a-5f35-4f2e-9a55-1c7f1d1a0001/medication", true),
            ("", false), ("census", false), ("//evil.example", false),
            ("///evil.example", false), ("/\\evil.example", false), ("\\\\evil.example", false),
            ("https://evil.example", false), ("//evil.example/ledgers/default/census", false),
            ("/ledgers/default/census/", false), ("/ledgers/default/census/live", false),
            ("/ledgers/default/search", true), ("/ledgers/default/nothing", false),
            ("/ledgers/../default/census", false), ("/ledgers/Default/census", false),
            ("/ledgers/default/episodes/x", false), ("/sign-out", false), ("/sign-in", false),
            ("/v1/ledgers/default/census", false), ("/account#a", false), ("/account\n", false),
            ("/account\r\nSet-Cookie: a", false), ("/ledgers/default/%2e%2e", false),
            (
                "/ledgers/default/episodes/0b7e1d9a-5f35-4f2e-9a55-1c7f1d1a0001/packet", false
            ),
            ("/account?\(String(repeating: "a", count: 2_048))", false),
        ]
    )
    func returnPages(_ address: String, _ isPage: Bool) {
        #expect((ReturnPage(address) != nil) == isPage)
    }

    @Test(
        "Behind trusted proxies the sender is the last address that is none of them",
        arguments: [
            // Peer, X-Forwarded-For, who sends.
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "192.0.2.1, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "192.0.2.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
            ("10.0.0.1", "192.0.2.1,198.51.100.1:4711", "198.51.100.1"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "198.51.100.1,", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.999", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1:port", "10.0.0.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("fd00::1", "2001:db8::7", "2001:db8:0:0::/64"),
            ("fd00::1", "[2001:db8::7]:4711", "2001:db8:0:0::/64"),
            ("fd00::1", "[2001:db8::7]", "2001:db8:0:0::/64"),
            ("fd00::1", "[2001:db8::7]x", "fd00:0:0:0::/64"),
            ("fd00::1", "[198.51.100.1]", "fd00:0:0:0::/64"),
            ("fd00::1", "::ffff:198.51.100.1", "198.51.100.1"),
            ("fe00::1", "2001:db8::7", "fe00:0:0:0::/64"),
        ]
    )
    func senders(_ peer: String, _ forwarded: String, _ sender: String) throws {
        let proxies = TrustedProxies(
            ranges: try ["10.0.0.0/8", "fd00::/8"].map { try #require(AddressRange($0)) }
        )
        #expect(proxies.sender(request(forwarded), peer: peer) == sender)
    }

    private func request(_ forwarded: String) -> Request {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "h", path: "/")
        if !forwarded.isEmpty { head.headerFields[.xForwardedFor] = forwarded }
        return Request(head: head, body: RequestBody(buffer: ByteBuffer()))
    }

    @Test("Without a trusted proxy nobody is believed, and of very many hops the last count")
    func noProxies() throws {
        let none = TrustedProxies(ranges: [])
        #expect(none.sender(request("198.51.100.1"), peer: "127.0.0.1") == "127.0.0.1")
        let all = TrustedProxies(ranges: [try #require(AddressRange("10.0.0.0/8"))])
        let hops = ["198.51.100.1"] + (1...100).map { "10.0.0.\($0)" }
        let sender = all.sender(request(hops.joined(separator: ", ")), peer: "10.0.0.1")
        #expect(sender == "10.0.0.69")
    }

    @Test(
        "A network is an address and a length",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.128/25", "192.0.2.129", true), ("192.0.2.128/25", "192.0.2.1", false),
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.1", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true), ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
        ]
    )
    func networks(_ network: String, _ address: String, _ isIn: Bool) throws {
        let range = try #require(AddressRange(network))
        #expect(range.contains(try #require(NetworkAddress(address))) == isIn)
    }

    @Test(
        "What is no network is refused",
        arguments: [
            "", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129",
            "fd00::1/8", "proxy.example", "10.0.0",
        ]
    )
    func noNetworks(_ text: String) {
        #expect(AddressRange(text) == nil)
    }

    // MARK: - Claims

    private func mapping(_ text: String) throws -> ClaimMapping {
        try ClaimMapping(Array(text.utf8))
    }

    private func claims(_ text: String) throws -> [String: ClaimValue] {
        try JSONDecoder().decode([String: ClaimValue].self, from: Data(text.utf8))
    }

    @Test("Claims are found by name or by the way to them, and mean what the file says")
    func mapped() throws {
        let mapping = try mapping(
            """
            {"roles": {"claim": "/realm_access/roles", "values": {
                "care": ["clinician"], "boss": ["administrator", "auditor"]}},
             "ledgers": ["north", "south"],
             "author": {"id": "https://example.org/staff", "name": "name",
                "role": {"claim": "job", "values": {"RN": ["nurse"]}}}}
            """
        )
        let found = mapping.mapped(
            try claims(
                """
                {"realm_access": {"roles": ["boss", "care", "unknown", 7]}, "job": "RN",
                 "https://example.org/staff": 12, "name": "Simulated Clinician"}
                """
            )
        )
        #expect(found.roles == ["administrator", "auditor", "clinician"])
        #expect(found.ledgers == ["north", "south"])
        #expect(
            found.author
                == SignInSession.Author(id: "12", name: "Simulated Clinician", role: "nurse")
        )
        #expect(found.isAnything)
        for nothing in ["{}", #"{"realm_access": "care"}"#, #"{"realm_access": {"roles": {}}}"#] {
            let none = mapping.mapped(try claims(nothing))
            #expect(none.roles.isEmpty && !none.isAnything, "\(nothing)")
            #expect(none.author == SignInSession.Author())
        }
    }

    @Test(
        "Without values a claim's words are the roles and ledgers themselves, as in bearer tokens"
    )
    func own() throws {
        let mapping = try mapping(
            #"{"roles": {"claim": "roles"}, "ledgers": {"claim": "ledgers"}}"#
        )
        let some = mapping.mapped(
            try claims(#"{"roles": ["auditor", "boss"], "ledgers": ["a", "NO"]}"#)
        )
        #expect(some.roles == ["auditor"] && some.ledgers == ["a"] && some.isAnything)
        let all = mapping.mapped(try claims(#"{"roles": "auditor", "ledgers": ["a", "*"]}"#))
        #expect(all.roles == ["auditor"] && all.ledgers == nil && all.isAnything)
        let none = mapping.mapped(try claims(#"{"roles": ["auditor"], "ledgers": []}"#))
        #expect(!none.isAnything)
    }

    @Test(
        "A file of claims that cannot be used is refused, and its member is named",
        arguments: [
            ("", "it is not JSON"), ("[]", "must be an object"),
            ("{}", "/roles: is missing"),
            (#"{"roles": {"claim": "r"}}"#, "/ledgers: is missing"),
            (#"{"role": {}}"#, "/role: is not known; there are scopes, roles, ledgers, author"),
            (#"{"roles": ["clinician"], "ledgers": ["*"]}"#, "/roles: must name a claim"),
            (#"{"roles": {}, "ledgers": ["*"]}"#, "/roles/claim: is missing"),
            (#"{"roles": {"claim": ""}, "ledgers": ["*"]}"#, "/roles/claim: must be the name"),
            (
                #"{"roles": {"claim": "r", "values": {"a/b": ["clinican"]}}, "ledgers": ["*"]}"#,
                "/roles/values/a~1b/0: \"clinican\" is no role; there are clinician, auditor"
            ),
            (
                #"{"roles": {"claim": "r", "values": {"a": "clinician"}}, "ledgers": ["*"]}"#,
                "/roles/values/a: must be a list of texts"
            ),
            (
                #"{"roles": {"claim": "r", "values": []}, "ledgers": ["*"]}"#,
                "/roles/values: must be an object"
            ),
            (#"{"roles": {"claim": "r"}, "ledgers": ["North"]}"#, "/ledgers/0: \"North\" is no"),
            (#"{"roles": {"claim": "r"}, "ledgers": [1]}"#, "/ledgers/0: must be a text"),
            (
                #"{"roles": {"claim": "r"}, "ledgers": ["*"], "author": {"id": 1}}"#,
                "/author/id: must be the name of a claim"
            ),
            (
                #"{"roles": {"claim": "r"}, "ledgers": ["*"], "author": {"role": ["boss"]}}"#,
                "/author/role/0: \"boss\" is no role of an author"
            ),
            (
                #"{"roles": {"claim": "r"}, "ledgers": ["*"], "scopes": ["a b"]}"#,
                "/scopes/0: a scope has"
            ),
        ]
    )
    func refused(_ text: String, _ message: String) {
        let error = #expect(throws: ClaimMappingError.self) { try mapping(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test("An issuer is an address of its own, and of the open net only by https")
    func issuers() throws {
        let origin = try #require(PublicOrigin("https://ledger.example.org"))
        let claims = try mapping(#"{"roles": {"claim": "r"}, "ledgers": ["*"]}"#)
        for (issuer, isGood) in [
            ("https://id.example.org", true), ("https://id.example.org/realms/a/", true),
            ("http://localhost:8080", true), ("http://id.example.org", false),
            ("https://id.example.org?x", false), ("id.example.org", false), ("", false),
        ] {
            let made = try? OpenIDSettings(
                issuer: issuer,
                client: "c",
                secret: nil,
                claims: claims,
                origin: origin
            )
            #expect((made != nil) == isGood, "\(issuer)")
        }
    }
}
