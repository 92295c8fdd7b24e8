import Testing

/// Histories whose answers were worked out by hand: `Tests/Cases` has them, and asks them.
@Suite("Cases")
struct CaseTests {
    @Test("Each small history is answered as was worked out by hand")
    func cases() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let script = "\(CommandLineFixture.tests)/Cases/run.py"
            let end = try await fixture.launch(
                ["python3", "-B", script, "--program", CommandLineFixture.program],
                limit: .seconds(900)
            ).end()
            #expect(end.status == 0, "\(end.text)\(end.errors)")
        }
    }
}
