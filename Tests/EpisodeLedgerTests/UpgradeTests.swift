import Foundation
import Testing

/// What an upgrade must keep: `Tests/Upgrade` has the state of an older program, and the script that
/// upgrades it.
@Suite("Upgrade")
struct UpgradeTests {
    @Test("A database and a data folder of commit 9af8880 are upgraded, and nothing is lost by it")
    func upgrade() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let folder = "\(CommandLineFixture.tests)/Upgrade"
            var words = [
                "python3", "-B", "\(folder)/check.py", "--program", CommandLineFixture.program,
            ]
            // The old program itself, which the long form of the tests builds from history.
            if let old = ProcessInfo.processInfo.environment["EPISODE_LEDGER_OLD_PROGRAM"] {
                words += ["--old", old]
            }
            let end = try await fixture.launch(words, limit: .seconds(900)).end()
            #expect(end.status == 0, "\(end.text)\(end.errors)")
            #expect(end.lines.count == (words.contains("--old") ? 10 : 9), "\(end.text)")
        }
    }
}
