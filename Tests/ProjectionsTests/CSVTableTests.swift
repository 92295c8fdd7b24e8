import CareEpisode
import ProjectionRuntime
import Testing

@Suite("Lists for spreadsheets")
struct CSVTableTests {
    private struct Row {
        var text: String?
        var number = 0.5
        var codes: [String] = []
    }

    private func csv(_ rows: [Row]) -> String {
        String(
            decoding: CSVTable(
                rows,
                [
                    JSONField("text", \.text), JSONField("number", \.number),
                    JSONField("codes", \.codes),
                    .optional("absent") { _ in Int?.none },
                ]
            ).bytes,
            as: UTF8.self
        )
    }

    @Test("A line of names, and a line for each row, as RFC 4180 has it")
    func lines() {
        #expect(csv([]) == "text,number,codes,absent\r\n")
        let rows = [
            Row(text: "day, \"early\"", number: -3, codes: ["a", "b"]), Row(text: nil),
            Row(text: "two\nlines"),
        ]
        #expect(
            csv(rows)
                == "text,number,codes,absent\r\n"
                + "\"day, \"\"early\"\"\",-3,a b,\r\n" + ",0.5,,\r\n" + "\"two\nlines\",0.5,,\r\n"
        )
    }

    @Test(
        "A text that a spreadsheet would run is kept from being a formula",
        arguments: ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
    )
    func formulas(_ text: String) throws {
        let cell = try #require(csv([Row(text: text)]).split(separator: "\r\n", maxSplits: 1).last)
        #expect(cell.hasPrefix("'\(text)") || cell.hasPrefix("\"'\(text)"))
        let code = csv([Row(text: "", codes: [text])])
        #expect(code.contains("'\(text)"))
    }
}
