import Documents
import Markup
import Testing

@Suite("Documents for a terminal and a page")
struct DocumentTests {
    private static let table = Document.Table.wide(
        "Active: 2",
        ["Name", .number("Days")],
        [["a", "7"], ["a longer one", "120"]]
    )

    @Test("Without headings nothing is indented, numbers stand to the right, lines are not cut")
    func plain() {
        let long = String(repeating: "word ", count: 40) + "end"
        let document = Document(
            "A list of two",
            [.table(Self.table), .notes([long, "The end."])]
        )
        #expect(
            document.text == """
                A list of two

                Active: 2
                NAME          DAYS
                a                7
                a longer one   120

                \(long)
                The end.
                """
        )
    }

    @Test("A title that a table says by itself is a page's alone")
    func hiddenTitle() {
        let document = Document("Episodes", isTitleShown: false, [.note("None.")])
        #expect(document.text == "None.")
        #expect(document.html.contains("<title>Episodes</title>"))
        #expect(document.html.contains("<h1>Episodes</h1>"))
    }

    @Test("Under a heading blocks stand two characters in, and lists below their caption")
    func sections() {
        let list = Document.List("Flags: 1", [.init("late_entry: Late.", details: ["event 1"])])
        let facts = [Document.Fact(label: "Name", lines: ["x"], sources: [1, 2, 3, 7])]
        let document = Document(
            "Title",
            notices: ["Simulated"],
            [Document.Section("Care", [.facts(facts), .list(list)])]
        )
        #expect(
            document.text == """
                Title
                * Simulated

                CARE
                  Name  x [1–3, 7]

                  Flags: 1
                    late_entry: Late.
                      event 1
                """
        )
        #expect(document.html.contains("<h2 id=\"s1\">Care</h2>"))
    }

    @Test("Whatever a cell, an item or a note holds is text in a page, and obeyed by no terminal")
    func hostile() {
        let hostile = "<b>&\u{1B}[2J"
        let document = Document(
            hostile,
            [
                .table(.wide(hostile, [.init(hostile)], [[hostile]])),
                .list(.init(hostile, [.init(hostile, details: [hostile])])),
                .note(hostile),
            ]
        )
        #expect(!document.html.contains("<b>"))
        #expect(document.html.contains("&lt;b&gt;&amp;\u{FFFD}[2J"))
        #expect(!document.text.unicodeScalars.contains("\u{1B}"))
    }

    @Test(
        "A number of things has a singular, commas and a sign",
        arguments: [(1, "1 day"), (0, "0 days"), (1_234, "1,234 days"), (-1_000, "-1,000 days")]
    )
    func counts(_ number: Int, _ words: String) {
        #expect(Words.count(number, "day") == words)
    }

    @Test(
        "One decimal, rounded half away from zero",
        arguments: [(0.05, "0.1"), (-0.5, "-0.5"), (12.34, "12.3"), (-1.26, "-1.3"), (0, "0.0")]
    )
    func decimals(_ number: Double, _ words: String) {
        #expect(Words.decimal(number) == words)
    }
}
