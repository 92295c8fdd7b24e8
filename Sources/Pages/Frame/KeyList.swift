import Markup

/// The keys that do something on pages, in words.
enum KeyList {
    private static var keys: [(keys: [String], words: String)] {
        [(["/"], "search")]
            + PageName.allCases.map { (["g", $0.key], $0.words.lowercased()) }
            + [
                (["j"], "next row"), (["k"], "row before"), (["Enter"], "open the row"),
                (["n"], "record"), (["["], "version before"), (["]"], "next version"),
                (["?"], "these keys"),
            ]
    }

    /// What each key does.
    static var html: HTML {
        .tag(
            "dl",
            ["class": "facts key-list"],
            keys.flatMap { keys, words in
                [
                    HTML.tag("dt", keys.flatMap { [.tag("kbd", text: $0), .text(" ")] }),
                    .tag("dd", text: words),
                ]
            }
        )
    }

    /// The keys on top of a page, until they are closed; the script opens them.
    static var dialog: HTML {
        .tag(
            "dialog",
            ["id": "keys", "aria-labelledby": "h-keys"],
            [
                .tag("h2", ["id": "h-keys"], text: "Keys"), html,
                .tag(
                    "form",
                    ["method": "dialog"],
                    [
                        .tag("button", ["type": "submit"], text: "Close"), .text(" "),
                        .tag("a", ["href": "/account#h-keys"], text: "Turn keys off"),
                    ]
                ),
            ]
        )
    }
}
