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
