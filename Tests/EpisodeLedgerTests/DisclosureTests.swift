import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// What the command line shows, and who is told of it.
@Suite("Health information on the command line")
struct DisclosureTests {
    private func entries(_ fixture: CommandLineFixture) async throws -> [String] {
        try await fixture.pool.query(
            """
            select operation || ' ' || coalesce(detail, '') as entry
            from access_log
            order by entry
            """
        ).map { try $0.get("entry") }
    }

    @Test("Who is shown health information is in the access log, and nobody else")
    func kept() async throws {
        try await CommandLineFixture.with { fixture in
            let head = try await fixture.importSimulated(episodes: 2, seed: 1)
            try await fixture.succeed(["projections", "run", "--until-caught-up"])
            for words in [
                ["status"], ["verify"], ["checkpoint"], ["projections", "status"],
                ["checkpoint", "--export", "\(fixture.folder)/hashes"], ["ledgers"],
            ] {
                _ = try await fixture.run(words)
            }
            #expect(try await entries(fixture) == [])
            let first = try #require(
                try await fixture.answer(EpisodesAnswer.self, ["episodes"]).episodes.first
            )
            let (episode, client) = (first.episodeId, first.clientId)
            for words in [
                ["census", "--date", "2025-12-31"], ["episodes", "--client", client],
                ["replay", "--episode", episode],
                ["outcomes", "--from", "2025-01-01", "--to", "2025-01-31"],
                ["export", "--after", "1"],
                ["packet", "--episode", episode, "-o", "\(fixture.folder)/packet.zip"],
                ["checkpoint", "--export", "\(fixture.folder)/all", "--with-events"],
                ["checkpoint", "--access-log", "--export", "\(fixture.folder)/log"],
            ] {
                let end = try await fixture.run(words)
                #expect(end.status == 0, "\(words): \(end.errors)")
            }
            let end = "as of position \(head)"
            let all = try await entries(fixture)
            #expect(all.count == 9)
            for entry in [
                "listEpisodes \(end)", "getCensus date=2025-12-31; \(end)",
                "getEpisode episode=\(episode); \(end)",
                "getOutcomes from=2025-01-01&to=2025-01-31; \(end)",
                "listEvents after=1; events up to position \(head)",
                "exportLog events up to position \(head)",
                "exportAccessLog entries up to number 8",
            ] {
                #expect(all.contains(entry), "\(entry): \(all)")
            }
            #expect(all.contains { $0.hasPrefix("listEpisodes \(end); found \(episode)") })
            #expect(all.contains { $0.hasPrefix("getPacket") })
            // Never whom it was looked for.
            #expect(!all.contains { $0.contains(client) })
            let rows = try await fixture.pool.query(
                """
                select subject, array_to_string(roles, ',') as roles, episode_id::text as episode
                from access_log
                where operation = 'getPacket' and allowed
                """
            )
            let row = try #require(rows.first)
            let user = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? ""
            #expect(try row.get("subject") == "cli:\(user)")
            #expect(try row.get("roles") == "command-line")
            #expect(try row.get("episode") == episode)
        }
    }

    @Test("An access log says what vouches for it: in an export, and where somebody has emptied it")
    func vouched() async throws {
        try await CommandLineFixture.with { fixture in
            _ = try await fixture.importSimulated(episodes: 1, seed: 1)
            try await fixture.succeed(["checkpoint"])
            for _ in 0..<3 { try await fixture.succeed(["export"]) }
            let folder = "\(fixture.folder)/log"
            try await fixture.succeed(["checkpoint", "--access-log", "--export", folder])
            let export = try await fixture.succeed(["verify", folder, "--format", "text"])
            #expect(export.text.hasPrefix("Checked 3 entries of an access log in "))
            #expect(export.lines.last?.hasPrefix("OK as far as it goes") == true)
            let key = try await fixture.succeed(["checkpoint", "--verifier-key"]).lines[0]
            _ = try await fixture.pool.withConnection { connection in
                try await connection.execute(
                    script: """
                        alter table access_log disable trigger all;
                        alter table access_entry disable trigger all;
                        alter table access_tile disable trigger all;
                        alter table access_checkpoint disable trigger all;
                        alter table access_seal_log disable trigger all;
                        truncate access_log, access_entry, access_tile, access_checkpoint,
                            access_verifier_key, access_seal_log;
                        update sealer set access_size = 0;
                        """
                )
            }
            let words = ["verify", "--format", "text", "--verifier-key", key]
            let emptied = try await fixture.succeed(
                words + ["--checkpoint-log", "\(fixture.folder)/none"]
            )
            #expect(
                emptied.lines.last
                    == "OK: nothing was changed. Nothing outside vouches for the access log, which is empty."
            )
            // Who has the log sees it.
            let found = try await fixture.run(words)
            #expect(found.status == 1 && found.text.contains("access log"), "\(found.text)")
        }
    }

    @Test("Where that cannot be kept nothing is shown, unless it is said to go on")
    func unlogged() async throws {
        try await CommandLineFixture.with { fixture in
            _ = try await fixture.importSimulated(episodes: 1, seed: 1)
            let reader = "reader_\(getpid())"
            _ = try await fixture.pool.query(
                "create role \(raw: reader) login in role ledger_reader"
            )
            let environment = [
                "EPISODE_LEDGER_DATABASE_URL":
                    fixture.url.replacing("user=postgres", with: "user=\(reader)")
            ]
            let refused = try await fixture.run(["export"], environment: environment)
            #expect(refused.status == 1 && refused.output.isEmpty)
            #expect(refused.errors.hasPrefix("error: the access log cannot be written"))
            #expect(refused.errors.contains("--unlogged"), "\(refused.errors)")
            let shown = try await fixture.run(["export", "--unlogged"], environment: environment)
            #expect(shown.status == 0 && !shown.output.isEmpty)
            #expect(shown.errors.hasPrefix("warning: the access log cannot be written"))
            #expect(try await entries(fixture) == [])
            // Where it can be written, it is.
            try await fixture.succeed(["export", "--unlogged"])
            #expect(try await entries(fixture).count == 1)
        }
    }
}
