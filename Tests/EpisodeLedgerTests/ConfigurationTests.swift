import Foundation
import Testing

/// Settings from options, the environment and a file.
@Suite("Configuration")
struct ConfigurationTests {
    private func settings(
        _ fixture: CommandLineFixture,
        _ words: [String],
        _ environment: [String: String]
    ) async throws -> [String: [String: String?]] {
        let end = try await fixture.run(
            ["serve", "--print-config"] + words,
            environment: environment
        )
        #expect(end.status == 0, "\(end.errors)")
        let json = try JSONSerialization.jsonObject(with: Data(end.output))
        let all = try #require(json as? [String: [String: Any]])
        return all.mapValues { $0.mapValues { $0 as? String } }
    }

    @Test("An option beats a variable, a variable beats the file, and secrets are hidden")
    func precedence() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let file = "\(fixture.folder)/settings.json"
            try Data(
                #"{"host":"10.0.0.1","port":8081,"issuer":"https://a.example","without_workers":true}"#
                    .utf8
            ).write(to: URL(filePath: file))
            let found = try await settings(
                fixture,
                ["--config", file, "--host", "10.0.0.3"],
                [
                    "EPISODE_LEDGER_HOST": "10.0.0.2", "EPISODE_LEDGER_AUDIENCE": "us",
                    "EPISODE_LEDGER_DATABASE_URL": "postgresql://me:hunter2@db.example/x",
                ]
            )
            #expect(found["host"] == ["value": "10.0.0.3", "source": "option"])
            #expect(found["port"] == ["value": "8081", "source": "file"])
            #expect(found["audience"] == ["value": "us", "source": "environment"])
            #expect(found["issuer"] == ["value": "https://a.example", "source": "file"])
            #expect(found["without_workers"] == ["value": "true", "source": "file"])
            #expect(found["log_name"] == ["value": "episode-ledger", "source": "default"])
            #expect(found["database_url"]?["value"] == "<hidden>")
        }
    }

    @Test("No setting is printed with what an address holds for its server alone")
    func hiddenParts() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let printed = [
                "https://id.example/keys": "https://id.example/keys",
                "https://u:Sup3rSecret@id.example/keys": "https://<hidden>@id.example/keys",
                "https://Sup3rSecret@id.example:8443/keys": "https://<hidden>@id.example:8443/keys",
                "https://u:Sup3r@Secret@id.example/": "https://<hidden>@id.example/",
                "https://u:Sup3r/Secret@id.example/": "https://<hidden>@id.example/",
                "https://u:Sup3r?Secret@id.example/": "https://<hidden>",
                "https://id.example/keys?token=Sup3rSecret": "https://id.example/keys?<hidden>",
                "https://id.example/keys#Sup3rSecret": "https://id.example/keys#<hidden>",
                "/etc/keys.json": "/etc/keys.json",
            ]
            for (given, shown) in printed {
                let environment = [
                    "EPISODE_LEDGER_JWKS": given, "EPISODE_LEDGER_ISSUER": given,
                    "EPISODE_LEDGER_DIRECTORY": given, "EPISODE_LEDGER_AUDIENCE": given,
                ]
                let found = try await settings(fixture, [], environment)
                for name in ["jwks", "issuer", "directory", "audience"] {
                    #expect(found[name]?["value"] == shown, "\(name)")
                }
                let text = try await fixture.run(
                    ["serve", "--print-config", "--format", "text"],
                    environment: environment
                )
                #expect(text.status == 0 && !text.text.contains("Sup3r"))
            }
        }
    }

    @Test("A token is not made for somebody who would be written as another")
    func subjects() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            for subject in ["", "a\nb", "a\u{202E}b", String(repeating: "ä", count: 128)] {
                let end = try await fixture.run(
                    ["token", "--role", "auditor", "--subject", subject]
                )
                #expect(end.status == 64 && end.errors.contains("--subject must be"))
            }
        }
    }

    @Test("A token is printed by itself, also into a pipe, and JSON has it as a member")
    func token() async throws {
        struct Answer: Decodable {
            var token: String
            var subject: String
            var expiresIn: Int
        }
        try await CommandLineFixture.withoutDatabase { fixture in
            let words = ["token", "--role", "auditor", "--subject", "kate", "--expires", "30m"]
            let form = #/[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\n/#
            for format in [[], ["--format", "text"]] {
                let bare = try await fixture.succeed(words + format)
                #expect(bare.text.wholeMatch(of: form) != nil, "\(bare.text)")
            }
            let answer = try await fixture.answer(Answer.self, words + ["--format", "json"])
            #expect((answer.token + "\n").wholeMatch(of: form) != nil)
            #expect(answer.subject == "kate" && answer.expiresIn == 1_800)
        }
    }

    @Test("An identity provider takes what goes with it, and each refusal names the option")
    func provider() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let claims = try fixture.file(
                "claims.json",
                Array(#"{"roles": {"claim": "r"}, "ledgers": ["North"]}"#.utf8)
            )
            let issuer = ["--oidc-issuer", "https://id.example.org"]
            let client = ["--oidc-client", "us", "--oidc-claims", claims]
            let url = ["--public-url", "https://ledger.example.org"]
            for (words, message) in [
                (issuer, "--oidc-issuer takes --oidc-client"),
                (issuer + ["--oidc-client", "us"], "--oidc-issuer takes --oidc-claims"),
                (issuer + client, "--oidc-issuer takes --public-url"),
                (["--oidc-client", "us"], "--oidc-client takes --oidc-issuer"),
                (["--oidc-claims", claims], "--oidc-claims takes --oidc-issuer"),
                (
                    ["--trusted-proxy", "10.0.0.1/8"],
                    "--trusted-proxy: 10.0.0.1/8 is neither an address nor a network"
                ),
            ] {
                let end = try await fixture.run(["serve", "--print-config"] + words)
                #expect(end.status == 64, "\(words)")
                #expect(end.errors.contains(message), "\(words): \(end.errors)")
            }
            let environment = try await fixture.run(
                ["serve", "--print-config"],
                environment: ["EPISODE_LEDGER_TRUSTED_PROXY": "127.0.0.1, x"]
            )
            #expect(environment.errors.contains("EPISODE_LEDGER_TRUSTED_PROXY: x is neither"))
            let found = try await settings(
                fixture,
                issuer + client + url + [
                    "--trusted-proxy", "::1", "--trusted-proxy", "10.0.0.0/8",
                ],
                ["EPISODE_LEDGER_OIDC_CLIENT_SECRET_FILE": "secret"]
            )
            #expect(found["oidc_issuer"] == ["value": issuer[1], "source": "option"])
            #expect(found["trusted_proxy"] == ["value": "::1,10.0.0.0/8", "source": "option"])
            #expect(
                found["oidc_client_secret_file"] == ["value": "secret", "source": "environment"]
            )
            let link = try await fixture.run(
                ["sign-in-link"],
                environment: ["EPISODE_LEDGER_OIDC_ISSUER": issuer[1]]
            )
            #expect(link.status != 0)
            #expect(link.errors.contains("links do not sign in where an identity provider does"))
        }
    }

    @Test("A service does not start with claims, an issuer or a secret that it cannot use")
    func providerFiles() async throws {
        try await CommandLineFixture.with { fixture in
            let good = try fixture.file(
                "good.json",
                Array(#"{"roles": {"claim": "r"}, "ledgers": ["*"]}"#.utf8)
            )
            let wrong = try fixture.file(
                "wrong.json",
                Array(#"{"roles": {"claim": "r"}, "ledgers": ["North"]}"#.utf8)
            )
            let empty = try fixture.file("empty", Array("\n".utf8))
            let url = ["--public-url", "https://ledger.example.org", "--port", "0"]
            let issuer = "https://id.example.org"
            for (issuer, claims, more, message) in [
                (issuer, wrong, [], "--oidc-claims \(wrong): /ledgers/0: \"North\" is no ledger's"),
                (issuer, "\(good).none", [], "good.json.none: No such file"),
                ("http://id.example.org", good, [], "--oidc-issuer must begin with https://"),
                (
                    issuer, good, ["--oidc-client-secret-file", empty],
                    "--oidc-client-secret-file \(empty): it must hold one line"
                ),
            ] {
                let words = [
                    "serve", "--oidc-issuer", issuer, "--oidc-client", "us", "--oidc-claims",
                    claims,
                ]
                let end = try await fixture.run(words + url + more)
                #expect(end.status == 1, "\(message)")
                #expect(end.errors.contains(message), "\(end.errors)")
            }
        }
    }

    @Test("A file that cannot be used is refused, and says where it is wrong")
    func refused() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let file = "\(fixture.folder)/settings.json"
            for (text, message) in [
                (#"{"prot":1}"#, "\"prot\" is not a setting"), ("[]", "JSON object"),
                (#"{"port":[1]}"#, "JSON object"), ("{", "JSON object"),
                (#"{"port":"x"}"#, "port in the configuration file must be"),
            ] {
                try Data(text.utf8).write(to: URL(filePath: file))
                let end = try await fixture.run(
                    ["serve", "--print-config"],
                    environment: ["EPISODE_LEDGER_CONFIG": file]
                )
                #expect(end.status == 64, "\(text): \(end.errors)")
                #expect(end.errors.contains(message), "\(text): \(end.errors)")
            }
            let missing = try await fixture.run(["status", "--config", "\(fixture.folder)/none"])
            #expect(missing.status == 64)
            #expect(missing.errors.contains("cannot be opened"))
        }
    }
}
