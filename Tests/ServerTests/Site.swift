import Foundation
import Ledger
import TestSupport
import Testing

@testable import Server

/// The service with an identity provider, and browsers that know it by its public name.
enum Site {
    static let host = "ledger.example.org"
    static let census = "/ledgers/default/census"

    static let mapping = """
        {"scopes": ["groups"],
         "roles": {"claim": "groups", "values": {
            "iop-clinicians": ["clinician"], "iop-audit": ["auditor", "administrator"]}},
         "ledgers": {"claim": "groups", "values": {
            "iop-default": ["default"], "iop-north": ["north"], "iop-all": ["*"]}},
         "author": {"id": "staff", "name": "name", "role": ["nurse"]}}
        """

    @Sendable static func settings(
        _ provider: FakeProvider,
        _ settings: inout PageSettings
    ) {
        settings.publicOrigin = PublicOrigin("https://\(host)")
        settings.provider = settings.publicOrigin.flatMap { origin in
            try? OpenIDSettings(
                issuer: provider.issuer,
                client: FakeProvider.client,
                secret: FakeProvider.secret,
                claims: ClaimMapping(Array(mapping.utf8)),
                origin: origin
            )
        }
        settings.provider?.cooldown = .zero
        settings.trustedProxies = [AddressRange("127.0.0.1/32")].compactMap(\.self)
    }

    static func with(
        _ body: @escaping @Sendable (FakeProvider, ServiceFixture) async throws -> Void
    ) async throws {
        try await FakeProvider.with { provider in
            try await ServiceFixture.with(pages: { settings(provider, &$0) }) { fixture in
                try await body(provider, fixture)
            }
        }
    }

    /// One browser.
    static func browser(
        _ body: @escaping @Sendable (FakeProvider, ServiceFixture, Browser) async throws -> Void
    ) async throws {
        try await with { provider, fixture in
            try await Browser.with(fixture, host: host) { try await body(provider, fixture, $0) }
        }
    }

    /// The sessions that there are.
    static func sessions(_ fixture: ServiceFixture) async throws -> [SignInSession] {
        try await SignIns(fixture.database).sessions()
    }
}
