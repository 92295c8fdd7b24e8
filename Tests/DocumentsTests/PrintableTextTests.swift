import Documents
import Testing

@Suite("Text for people")
struct PrintableTextTests {
    @Test(
        "What a terminal would obey is shown instead",
        arguments: [
            ("\u{1B}[2J", "\u{FFFD}[2J"), ("two\nlines", "two\u{FFFD}lines"),
            ("\u{7}", "\u{FFFD}"), ("\u{9B}31m", "\u{FFFD}31m"), ("a\u{202E}05", "a\u{FFFD}05"),
            ("\u{2066}x\u{2069}", "\u{FFFD}x\u{FFFD}"), ("p\u{2028}q", "p\u{FFFD}q"),
        ]
    )
    func obeyed(_ text: String, _ shown: String) {
        #expect(text.printable == shown)
    }

    @Test(
        "All else stays as it is",
        arguments: ["", "Sertraline 50 mg", "Ärztin, naïve, 日本語, 👩‍⚕️, 0.5 µg → 1 µg", "مريض"]
    )
    func kept(_ text: String) {
        #expect(text.printable == text)
    }
}
