import FoundationEssentials
import Glibc
import JWTKit
import Ledger
import TransparencyLog

/// What an ID token (OpenID Connect Core 1.0, 2) and a logout token (Back-Channel Logout 1.0, 2.4)
/// say; times are seconds since 1970.
struct ProviderClaims: JWTPayload {
    let iss: String
    let sub: String?
    let aud: [String]
    let azp: String?
    let exp: Double?
    let nbf: Double?
    let iat: Double?
    let nonce: String?
    let sid: String?
    let jti: String?
    /// Everything that it says.
    let all: [String: ClaimValue]

    init(from decoder: any Decoder) throws {
        let all = try decoder.singleValueContainer().decode([String: ClaimValue].self)
        func text(_ name: String) throws -> String? {
            switch all[name] {
            case nil, .null: nil
            case .text(let text): text
            default: throw AuthenticationError.refused("its \(name) is not a text")
            }
        }
        func number(_ name: String) throws -> Double? {
            switch all[name] {
            case nil, .null: nil
            case .integer(let integer): Double(integer)
            case .number(let number): number
            default: throw AuthenticationError.refused("its \(name) is not a number")
            }
        }
        guard let iss = try text("iss") else {
            throw AuthenticationError.refused("it names no issuer")
        }
        (self.all, self.iss) = (all, iss)
        sub = try text("sub")
        // One audience may stand without a list.
        aud = all["aud"]?.words ?? []
        azp = try text("azp")
        exp = try number("exp")
        nbf = try number("nbf")
        iat = try number("iat")
        nonce = try text("nonce")
        sid = try text("sid")
        jti = try text("jti")
    }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(all)
    }

    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

extension ProviderClaims {
    /// How old a token may be, in seconds, but for clocks that are off.
    private static let oldest = 600.0

    /// What both tokens must say.
    ///
    /// - Throws: ``AuthenticationError/refused(_:)``.
    private func check(issuer: String, client: String) throws {
        let (now, leeway) = (Double(time(nil)), SignedToken.leeway)
        guard iss.hasSameBytes(as: issuer) else { throw refused("it is of another issuer") }
        guard aud.contains(where: { $0.hasSameBytes(as: client) }) else {
            throw refused("it is for another client")
        }
        guard exp.map({ $0 > now - leeway }) ?? true else { throw refused("it has expired") }
        guard nbf.map({ $0 <= now + leeway }) ?? true else { throw refused("it is not valid yet") }
        guard let iat else { throw refused("it does not say when it was issued") }
        guard iat <= now + leeway, iat >= now - Self.oldest - leeway else {
            throw refused("it was issued at another time")
        }
    }

    /// The subject of an ID token.
    ///
    /// - Throws: ``AuthenticationError/refused(_:)``.
    func subject(issuer: String, client: String, nonce: String) throws -> String {
        try check(issuer: issuer, client: client)
        guard exp != nil else { throw refused("it does not say when it expires") }
        guard azp.map({ $0.hasSameBytes(as: client) }) ?? (aud.count == 1) else {
            throw refused("it was issued to another client")
        }
        guard self.nonce?.hasSameBytes(as: nonce) == true else {
            throw refused("its nonce is another one")
        }
        guard let sub, SignedToken.isName(sub) else { throw refused("it names no subject") }
        // That is who signs in by a link.
        guard !sub.hasPrefix("local:") else { throw refused("its subject is a local one") }
        guard sid.map(SignedToken.isName) ?? true else { throw refused("its sid cannot be used") }
        return sub
    }

    /// What a logout token ends.
    ///
    /// - Throws: ``AuthenticationError/refused(_:)``.
    func logout(
        issuer: String,
        client: String
    ) throws -> (token: String, session: String?, subject: String?) {
        try check(issuer: issuer, client: client)
        guard all["nonce"] == nil else { throw refused("it has a nonce, as ID tokens do") }
        guard case .object(let events) = all["events"],
            case .object = events["http://schemas.openid.net/event/backchannel-logout"]
        else { throw refused("its events do not name a logout") }
        guard let jti, SignedToken.isName(jti) else { throw refused("it has no jti") }
        guard sid != nil || sub != nil, sid.map(SignedToken.isName) ?? true,
            sub.map(SignedToken.isName) ?? true
        else { throw refused("it names neither a session nor a subject") }
        return (jti, sid, sub)
    }

    private func refused(_ reason: String) -> AuthenticationError { .refused(reason) }
}
