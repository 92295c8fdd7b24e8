import Testing

/// What the documents show a reader: `Tests/Tour` has the script that runs their commands.
@Suite("Tour")
struct TourTests {
    @Test("Each command of the README, the tour and the pages for clinicians prints what they show")
    func tour() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let script = "\(CommandLineFixture.tests)/Tour/run.py"
            let end = try await fixture.launch(
                ["python3", "-B", script, "--program", CommandLineFixture.program],
                limit: .seconds(900)
            ).end()
            #expect(end.status == 0, "\(end.text)\(end.errors)")
            #expect(end.text == "Every command prints what the documents say.\n")
        }
    }
}
