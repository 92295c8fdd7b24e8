import CareEpisode
import Crypto
import Foundation
import Testing

@testable import Server

@Suite("Tokens")
struct TokenTests {
    private static func base64url(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    private static let key = Curve25519.Signing.PrivateKey()

    private static var jwks: [UInt8] {
        let point = base64url(key.publicKey.rawRepresentation)
        return Array(
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"k1","x":"\#(point)"}]}"#
                .utf8
        )
    }

    private static func authenticator() async throws -> Authenticator {
        try await Authenticator(jwks: jwks, issuer: "https://issuer.example", audience: "ledger")
    }

    private static let now = Int(Date().timeIntervalSince1970)

    private static func claims(_ change: String = "") -> String {
        // A member that is given again takes the place of the first.
        var members = [
            "iss": #""https://issuer.example""#, "aud": #""ledger""#, "sub": #""n-1""#,
            "exp": "\(now + 600)", "roles": #"["clinician","unknown"]"#, "ledgers": #"["a","b"]"#,
        ]
        if let colon = change.firstIndex(of: ":") {
            let value = String(change[change.index(after: colon)...])
            members[String(change[..<colon])] = value.isEmpty ? nil : value
        }
        return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }

    private static func token(
        header: String = #"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#,
        claims: String = claims(),
        signedBy key: Curve25519.Signing.PrivateKey = key
    ) throws -> String {
        let signed = base64url(header.utf8) + "." + base64url(claims.utf8)
        let signature = try key.signature(for: Data(signed.utf8))
        return signed + "." + base64url(signature)
    }

    @Test("A good token says who, what, where and until when")
    func good() async throws {
        let authenticator = try await Self.authenticator()
        let principal = try await authenticator.principal(Self.token())
        #expect(principal.subject == "n-1")
        #expect(principal.roles == [.clinician])
        #expect(principal.ledgers?.map(\.description).sorted() == ["a", "b"])
        #expect(principal.expiresAt == Instant(microseconds: Int64(Self.now + 600) * 1_000_000))
        let list = try Self.token(claims: Self.claims(#"aud:["other","ledger"]"#))
        #expect(try await authenticator.principal(list).subject == "n-1")
        // As good as never.
        let forever = try Self.token(claims: Self.claims("exp:9999999999999"))
        #expect(try await authenticator.principal(forever).subject == "n-1")
        let all = try Self.token(claims: Self.claims(#"ledgers:["*"]"#))
        #expect(try await authenticator.principal(all).ledgers == nil)
    }

    @Test(
        "Claims that are wrong are refused",
        arguments: [
            "exp:\(now - 61)", "exp:", "exp:\"soon\"", "iss:\"https://other.example\"", "iss:",
            "aud:\"other\"", "aud:[]", "aud:", "sub:\"\"", "sub:", "sub:\"a\\u0000\"",
            "sub:\"a\\nb\"", "sub:\"a\\u007f\"", "sub:\"a\\u0085b\"", "sub:\"a\\u2028b\"",
            "sub:\"a\\u202eb\"", "sub:\"a\\u2066b\"", "sub:\"a\\u200fb\"",
            "iss:\"https://issuer.example\\u0000\"",
            "nbf:\(now + 3_600)",
        ]
    )
    func claims(_ change: String) async throws {
        let authenticator = try await Self.authenticator()
        let token = try Self.token(claims: Self.claims(change))
        await #expect(throws: AuthenticationError.self) { try await authenticator.principal(token) }
    }

    @Test(
        "Headers that are wrong are refused",
        arguments: [
            #"{"alg":"none","kid":"k1"}"#, #"{"alg":"HS256","kid":"k1"}"#,
            #"{"alg":"RS256","kid":"k1"}"#, #"{"alg":"ES256","kid":"k1"}"#,
            #"{"alg":"EdDSA"}"#, #"{"alg":"EdDSA","kid":"k2"}"#, #"{"alg":"EdDSA","kid":""}"#,
            #"{"alg":"EdDSA","kid":"k1","crit":["exp"]}"#,
            #"{"alg":"EdDSA","kid":"k1","jku":"https://evil.example"}"#,
            #"{"alg":"EdDSA","kid":"k1","jwk":{"kty":"OKP"}}"#,
            #"{"alg":"EdDSA","kid":"k1","x5u":"https://evil.example"}"#,
            #"{"alg":"EdDSA","kid":"k1","typ":"dpop+jwt"}"#, #"{"kid":"k1"}"#, "[]", "",
        ]
    )
    func headers(_ header: String) async throws {
        let authenticator = try await Self.authenticator()
        let token = try Self.token(header: header)
        await #expect(throws: AuthenticationError.self) { try await authenticator.principal(token) }
    }

    @Test("A token of another key, a changed one, and what is no token are refused")
    func forged() async throws {
        let authenticator = try await Self.authenticator()
        let good = try Self.token()
        let parts = good.split(separator: ".").map(String.init)
        var wrong = [
            try Self.token(signedBy: Curve25519.Signing.PrivateKey()),
            parts[0] + "."
                + Self.base64url(Self.claims(#"roles:["administrator"]"#.description).utf8)
                + "." + parts[2],
            parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1], good + ".", "." + good,
            parts[0] + "=." + parts[1] + "." + parts[2], "", "..", "a.b.c",
            String(repeating: "a", count: 20_000),
        ]
        // The algorithm confused with one whose secret is the public key.
        let signed = Self.base64url(#"{"alg":"HS256","kid":"k1"}"#.utf8) + "." + parts[1]
        let secret = SymmetricKey(data: Self.key.publicKey.rawRepresentation)
        let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: secret)
        wrong.append(signed + "." + Self.base64url(code))
        for token in wrong {
            await #expect(throws: AuthenticationError.self, "\(token.prefix(40))") {
                try await authenticator.principal(token)
            }
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var bytes = Array(good.utf8)
            let index = Int.random(in: bytes.indices, using: &random)
            let letters = Array("ABCabc019-_".utf8)
            let letter = letters.randomElement(using: &random) ?? 65
            guard bytes[index] != letter, bytes[index] != UInt8(ascii: ".") else { continue }
            bytes[index] = letter
            await #expect(throws: AuthenticationError.self) {
                try await authenticator.principal(String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    @Test("Keys and tokens are told apart by their bytes, not as they look")
    func bytes() async throws {
        // As characters, each pair is one and the same.
        let names = ["k", "K", "\u{212A}", "k\u{E9}", "ke\u{301}", "k\u{65}\u{301}x"]
        #expect(names[1] == names[2] && names[3] == "k\u{65}\u{301}")
        let keys = names.dropLast().map { ($0, Curve25519.Signing.PrivateKey()) }
        let set = keys.map { name, key in
            let point = Self.base64url(key.publicKey.rawRepresentation)
            return #"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"\#(name)","x":"\#(point)"}"#
        }
        let authenticator = try await Authenticator(
            jwks: Array("{\"keys\":[\(set.joined(separator: ","))]}".utf8),
            issuer: "https://issuer.example",
            audience: "ledger"
        )
        for (signer, key) in keys {
            for name in names {
                let token = try Self.token(
                    header: "{\"alg\":\"EdDSA\",\"kid\":\"\(name)\"}",
                    signedBy: key
                )
                let isGood = Array(name.utf8) == Array(signer.utf8)
                let principal = try? await authenticator.principal(token)
                #expect((principal != nil) == isGood, "\(signer) \(name)")
            }
        }
        // What is remembered as good is so by its bytes.
        let good = try Self.token(header: #"{"alg":"EdDSA","kid":"K"}"#, signedBy: keys[1].1)
        _ = try await authenticator.principal(good)
        for (index, character) in good.enumerated() where character == "K" {
            var other = Array(good)
            other[index] = "\u{212A}"
            let text = String(other)
            #expect(text == good)
            await #expect(throws: AuthenticationError.self) {
                try await authenticator.principal(text)
            }
        }
        let ours = "https://issuer.example/e\u{301}"
        let theirs = Self.claims("iss:\"https://issuer.example/\u{E9}\"")
        let strict = try await Authenticator(jwks: Self.jwks, issuer: ours, audience: "ledger")
        let token = try Self.token(claims: theirs)
        await #expect(throws: AuthenticationError.self) { try await strict.principal(token) }
    }

    @Test("Base64url is read as RFC 7515 has it, in its one form, as another reader reads it")
    func base64url() {
        var random = SystemRandomNumberGenerator()
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let text = Self.base64url(bytes)
            #expect(Base64URL.encode(bytes) == text && Base64URL.decode(text) == bytes)
            for wrong in [text + "=", text + "A=", text + "\n", " " + text, text + "\u{E9}"] {
                #expect(Base64URL.decode(wrong) == nil, "\(wrong)")
            }
        }
        // Bits that no byte needs, signs of the other alphabet, a digit that holds no byte.
        for wrong in ["AB", "AAB", "A", "AAAAA", "+w", "/w", "AA==", "A A", "AA\u{FF21}A"] {
            #expect(Base64URL.decode(wrong) == nil, "\(wrong)")
        }
        #expect(Base64URL.decode("") == [] && Base64URL.decode("-_8") == [0xFB, 0xFF])
    }

    @Test(
        "A key set that cannot be used is refused",
        arguments: [
            "", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","k":"AAAA","kid":"k"}]}"#,
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"k"}]}"#,
        ]
    )
    func keySets(_ text: String) async throws {
        await #expect(throws: AuthenticationError.self) {
            _ = try await Authenticator(jwks: Array(text.utf8), issuer: "i", audience: "a")
        }
    }
}
