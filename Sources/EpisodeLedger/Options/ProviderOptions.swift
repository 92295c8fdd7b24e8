import ArgumentParser
import Ledger
import Server

/// Who signs people in to the pages, and what stands in front of the service.
struct ProviderOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The identity provider that signs people in to the pages, by OpenID Connect: its \
            issuer, such as https://id.example.org. Takes --oidc-client, --oidc-claims and \
            --public-url. (EPISODE_LEDGER_OIDC_ISSUER)
            """,
            valueName: "url"
        )
    )
    var oidcIssuer: String?

    @Option(
        help: ArgumentHelp(
            "This service's client_id at the provider. (EPISODE_LEDGER_OIDC_CLIENT)",
            valueName: "id"
        )
    )
    var oidcClient: String?

    @Option(
        help: ArgumentHelp(
            """
            The file with the client's secret; without it the client is a public one. \
            (EPISODE_LEDGER_OIDC_CLIENT_SECRET_FILE)
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    var oidcClientSecretFile: String?

    @Option(
        help: ArgumentHelp(
            """
            A JSON file that says which claims make somebody what, in which ledgers; see \
            docs/pages.md. (EPISODE_LEDGER_OIDC_CLAIMS)
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    var oidcClaims: String?

    @Option(
        help: ArgumentHelp(
            """
            A proxy in front of the service, whose X-Forwarded-For is believed: an address or a \
            network such as 10.0.0.0/8. May be given several times; in the variable, with commas. \
            (EPISODE_LEDGER_TRUSTED_PROXY)
            """,
            valueName: "cidr"
        )
    )
    var trustedProxy: [String] = []

    private var issuer: String? { oidcIssuer ?? Setting.oidcIssuer.value }
    private var client: String? { oidcClient ?? Setting.oidcClient.value }
    private var secretFile: String? { oidcClientSecretFile ?? Setting.oidcClientSecretFile.value }
    private var claims: String? { oidcClaims ?? Setting.oidcClaims.value }

    func validate() throws {
        _ = try proxies()
        guard issuer != nil else {
            for (value, name) in [
                (client, "--oidc-client"), (secretFile, "--oidc-client-secret-file"),
                (claims, "--oidc-claims"),
            ] where value != nil {
                throw ValidationError("\(name) takes --oidc-issuer")
            }
            return
        }
        guard client != nil else { throw ValidationError("--oidc-issuer takes --oidc-client") }
        guard claims != nil else { throw ValidationError("--oidc-issuer takes --oidc-claims") }
    }

    /// Refuses a provider that cannot lead back here.
    func validate(_ pages: PageOptions) throws {
        let origin = try pages.origin()
        guard issuer == nil || origin != nil else {
            throw ValidationError("--oidc-issuer takes --public-url")
        }
    }

    /// The proxies in front of the service.
    func proxies() throws -> [AddressRange] {
        let place = trustedProxy.isEmpty ? Setting.trustedProxy.place : "--trusted-proxy"
        let given =
            trustedProxy.isEmpty
            ? (Setting.trustedProxy.value ?? "").split(separator: ",").map(String.init)
            : trustedProxy
        return try given.map { text in
            let text = String(text.drop { $0 == " " })
            guard let range = AddressRange(text) else {
                throw ValidationError(
                    "\(place): \(text) is neither an address nor a network such as 10.0.0.0/8"
                )
            }
            return range
        }
    }

    /// The provider; nil where none is named.
    ///
    /// - Throws: ``Failure/failed(_:)``, which names the option that is wrong.
    func provider(_ pages: PageOptions) async throws -> OpenIDSettings? {
        guard let issuer, let client, let claims, let origin = try pages.origin() else {
            return nil
        }
        let mapping: ClaimMapping
        do {
            try SecretFile.checkDeciding(claims)
            mapping = try ClaimMapping(
                await InputFile.bytes(
                    claims,
                    limit: ClaimMapping.sizeLimit,
                    orElse: "a file of claims of more than a megabyte"
                )
            )
        } catch let error as SealError {
            throw Failure.failed("--oidc-claims \(error)")
        } catch let error as ClaimMappingError {
            throw Failure.failed("--oidc-claims \(claims): \(error)")
        }
        do {
            return try OpenIDSettings(
                issuer: issuer,
                client: client,
                secret: try await secret(),
                claims: mapping,
                origin: origin
            )
        } catch let error as OpenIDError {
            throw Failure.failed("--oidc-issuer \(error)")
        }
    }

    private func secret() async throws -> String? {
        guard let secretFile else { return nil }
        let bytes = try await InputFile.bytes(
            secretFile,
            limit: 4_096,
            orElse: "a secret of more than 4096 bytes"
        )
        let text = String(decoding: bytes, as: UTF8.self)
        let secret = String(text.reversed().drop { $0.isNewline }.reversed())
        guard !secret.isEmpty, !secret.contains(where: \.isNewline) else {
            throw Failure.failed(
                "--oidc-client-secret-file \(secretFile): it must hold one line, the secret"
            )
        }
        return secret
    }
}

extension InputFile {
    /// A whole file.
    ///
    /// - Throws: ``Failure/failed(_:)`` where it cannot be read, or holds more.
    static func bytes(_ path: String, limit: Int, orElse fault: String) async throws -> [UInt8] {
        let file = try InputFile(path: path)
        defer { file.close() }
        var bytes: [UInt8] = []
        while true {
            let chunk = try await file.read()
            if chunk.isEmpty { return bytes }
            bytes += chunk
            guard bytes.count <= limit else {
                throw Failure.failed("\(path): \(fault)")
            }
        }
    }
}
